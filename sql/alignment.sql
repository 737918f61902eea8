-- alignment
-- Grain: an exposure whose WCS was fitted to the master catalog, as last fitted.
CREATE OR REPLACE VIEW alignment AS
WITH latest AS (
    FROM stored_alignment
    QUALIFY row_number() OVER (PARTITION BY rootname ORDER BY revision DESC, key DESC) = 1
)
SELECT
    a.imagename::VARCHAR AS imagename,  -- [-] File whose stars were fitted: <rootname>_<filetype>.fits
    a.rootname::VARCHAR AS rootname,  -- [-] Root name of the exposure (ipppssoot)
    a.filetype::VARCHAR AS filetype,  -- [-] 'flc', or 'flt' where the exposure has no FLC
    a.target::VARCHAR AS target,  -- [-] Name of the target in this lake
    a.proposal::INTEGER AS proposal,  -- [-] Proposal number
    a.visit::VARCHAR AS visit,  -- [-] Visit: characters 5 and 6 of the root name
    a.filter::VARCHAR AS filter,  -- [-] Filter
    a.exptime::DOUBLE AS exptime,  -- [s] Exposure time
    a.mjd::DOUBLE AS mjd,  -- [d] Start of the exposure, modified Julian date (UTC)
    a.flash::INTEGER AS flash,  -- [electron] Post-flash level per pixel, 0 without post-flash
    a.chinject::VARCHAR AS chinject,  -- [-] Charge injection: NONE, CONT, LINE10, LINE17, LINE25
    a.engine::VARCHAR AS engine,  -- [-] Engine of the fit: 'tweakwcs'
    a.status::VARCHAR AS status,  -- [-] 'aligned'; 'quarantined': refused by the gate; 'skipped': nothing to match where nothing can be
    a.reason::VARCHAR AS reason,  -- [-] Why it is not aligned, one word; NULL where it is
    a.detail::VARCHAR AS detail,  -- [-] Why it is not aligned, in a sentence; NULL where it is
    a.n_sources::BIGINT AS n_sources,  -- [-] Sources detected on both chips
    a.n_expected::BIGINT AS n_expected,  -- [-] Of the brightest sources, those that fall on the field of the master catalog
    a.n_matched::BIGINT AS n_matched,  -- [-] Sources of the final fit, after clipping
    a.match_fraction::DOUBLE AS match_fraction,  -- [-] Share of n_expected that has a master star within the tolerance
    a.chance_fraction::DOUBLE AS chance_fraction,  -- [-] The same share at displaced positions, where every match is false
    a.rms_x::DOUBLE AS rms_x,  -- [pix] Root mean square residual along the detector's x
    a.rms_y::DOUBLE AS rms_y,  -- [pix] Root mean square residual along the detector's y
    a.shift_x::DOUBLE AS shift_x,  -- [pix] Shift of the solution along x at the middle of the detector, against the header's WCS
    a.shift_y::DOUBLE AS shift_y,  -- [pix] Shift of the solution along y at the middle of the detector, against the header's WCS
    a.rotation::DOUBLE AS rotation,  -- [deg] Rotation of the solution against the header's WCS
    a.scale::DOUBLE AS scale,  -- [-] Scale of the solution divided by that of the header's WCS
    a.elongation::DOUBLE AS elongation,  -- [-] Axis ratio of the mean image of the matched stars; NULL where there are too few
    a.unevenness::DOUBLE AS unevenness,  -- [pix] Largest mean residual in an eighth of the detector; NULL where there are too few stars
    a.wcsname::VARCHAR AS wcsname,  -- [-] Name of the solution (WCSNAME); NULL unless aligned
    a.solution_hash::VARCHAR AS solution_hash,  -- [-] Hash of status and WCS cards
    a.headerlet::VARCHAR AS headerlet,  -- [-] Name of the headerlet file beside this row; NULL unless aligned
    a.master_hash::VARCHAR AS master_hash,  -- [-] Hash of the master catalog that was fitted to
    a.checksum::VARCHAR AS checksum,  -- [-] BLAKE2b checksum of the file
    a.path::VARCHAR AS path,  -- [-] Absolute path of the file
    a.file_size::BIGINT AS file_size,  -- [byte] Size of the file
    a.file_mtime_ns::BIGINT AS file_mtime_ns,  -- [ns] Time of the file's last change, since 1970 (UTC)
    a.settings_hash::VARCHAR AS settings_hash,  -- [-] Hash of the settings of the step
    a.key::VARCHAR AS key,  -- [-] Hash of the inputs and settings; part of the file's name
    a.revision::INTEGER AS revision,  -- [-] How often this was done for the exposure; the highest is the current one
    a.software::VARCHAR AS software  -- [-] Version of cte-lake
FROM latest AS a;
