-- alignment
-- Grain: an exposure whose WCS was fitted to the master catalog, as last fitted.
CREATE OR REPLACE VIEW alignment AS
WITH latest AS (
    FROM stored_alignment
    QUALIFY row_number() OVER (PARTITION BY rootname ORDER BY revision DESC, key DESC) = 1
)
SELECT
    a.imagename::VARCHAR AS imagename,
    a.rootname::VARCHAR AS rootname,
    a.filetype::VARCHAR AS filetype,
    a.target::VARCHAR AS target,
    a.proposal::INTEGER AS proposal,
    a.visit::VARCHAR AS visit,
    a.filter::VARCHAR AS filter,
    a.exptime::DOUBLE AS exptime,
    a.mjd::DOUBLE AS mjd,
    a.flash::INTEGER AS flash,
    a.chinject::VARCHAR AS chinject,
    a.engine::VARCHAR AS engine,
    a.status::VARCHAR AS status,
    a.reason::VARCHAR AS reason,
    a.detail::VARCHAR AS detail,
    a.n_sources::BIGINT AS n_sources,
    a.n_expected::BIGINT AS n_expected,
    a.n_matched::BIGINT AS n_matched,
    a.match_fraction::DOUBLE AS match_fraction,
    a.chance_fraction::DOUBLE AS chance_fraction,
    a.rms_x::DOUBLE AS rms_x,
    a.rms_y::DOUBLE AS rms_y,
    a.shift_x::DOUBLE AS shift_x,
    a.shift_y::DOUBLE AS shift_y,
    a.rotation::DOUBLE AS rotation,
    a.scale::DOUBLE AS scale,
    a.offset_ra::DOUBLE AS offset_ra,
    a.offset_dec::DOUBLE AS offset_dec,
    a.search::VARCHAR AS search,
    a.catalog_epoch::DOUBLE AS catalog_epoch,
    a.elongation::DOUBLE AS elongation,
    a.unevenness::DOUBLE AS unevenness,
    a.wcsname::VARCHAR AS wcsname,
    a.solution_hash::VARCHAR AS solution_hash,
    a.headerlet::VARCHAR AS headerlet,
    a.master_hash::VARCHAR AS master_hash,
    a.checksum::VARCHAR AS checksum,
    a.path::VARCHAR AS path,
    a.file_size::BIGINT AS file_size,
    a.file_mtime_ns::BIGINT AS file_mtime_ns,
    a.settings_hash::VARCHAR AS settings_hash,
    a.key::VARCHAR AS key,
    a.revision::INTEGER AS revision,
    a.software::VARCHAR AS software
FROM latest AS a;
