-- crmasks
-- Grain: an exposure whose cosmic rays were looked for, as last done.
CREATE OR REPLACE VIEW crmasks AS
WITH latest AS (
    FROM stored_crmasks
    QUALIFY row_number() OVER (PARTITION BY rootname ORDER BY revision DESC, key DESC) = 1
)
SELECT
    m.imagename::VARCHAR AS imagename,
    m.rootname::VARCHAR AS rootname,
    m.filetype::VARCHAR AS filetype,
    m.target::VARCHAR AS target,
    m.proposal::INTEGER AS proposal,
    m.visit::VARCHAR AS visit,
    m.filter::VARCHAR AS filter,
    m.exptime::DOUBLE AS exptime,
    m.mjd::DOUBLE AS mjd,
    m.flash::INTEGER AS flash,
    m.chinject::VARCHAR AS chinject,
    m.method::VARCHAR AS method,
    m.n_exposures::INTEGER AS n_exposures,
    m.sky_chip1::DOUBLE AS sky_chip1,
    m.sky_chip2::DOUBLE AS sky_chip2,
    m.fraction_chip1::DOUBLE AS fraction_chip1,
    m.fraction_chip2::DOUBLE AS fraction_chip2,
    m.mask_hash::VARCHAR AS mask_hash,
    m.mask_file::VARCHAR AS mask_file,
    m.path::VARCHAR AS path,
    m.file_size::BIGINT AS file_size,
    m.file_mtime_ns::BIGINT AS file_mtime_ns,
    m.settings_hash::VARCHAR AS settings_hash,
    m.key::VARCHAR AS key,
    m.revision::INTEGER AS revision,
    m.software::VARCHAR AS software
FROM latest AS m;
