-- crmasks
-- Grain: an exposure whose cosmic rays were looked for, as last done.
CREATE OR REPLACE VIEW crmasks AS
WITH latest AS (
    FROM stored_crmasks
    QUALIFY row_number() OVER (PARTITION BY rootname ORDER BY revision DESC, key DESC) = 1
)
SELECT
    m.imagename::VARCHAR AS imagename,  -- [-] File whose stars were fitted: <rootname>_<filetype>.fits
    m.rootname::VARCHAR AS rootname,  -- [-] Root name of the exposure (ipppssoot)
    m.filetype::VARCHAR AS filetype,  -- [-] 'flc', or 'flt' where the exposure has no FLC
    m.target::VARCHAR AS target,  -- [-] Name of the target in this lake
    m.proposal::INTEGER AS proposal,  -- [-] Proposal number
    m.visit::VARCHAR AS visit,  -- [-] Visit: characters 5 and 6 of the root name
    m.filter::VARCHAR AS filter,  -- [-] Filter
    m.exptime::DOUBLE AS exptime,  -- [s] Exposure time
    m.mjd::DOUBLE AS mjd,  -- [d] Start of the exposure, modified Julian date (UTC)
    m.flash::INTEGER AS flash,  -- [electron] Post-flash level per pixel, 0 without post-flash
    m.chinject::VARCHAR AS chinject,  -- [-] Charge injection: NONE, CONT, LINE10, LINE17, LINE25
    m.method::VARCHAR AS method,  -- [-] 'drizzle': against the visit's other exposures of the field; 'single': on the image alone; 'mixed': on the image alone where no other exposure looked
    m.n_exposures::INTEGER AS n_exposures,  -- [-] Exposures of the field that were compared, this one included
    m.sky_chip1::DOUBLE AS sky_chip1,  -- [electron] Sky per pixel that was found on chip 1; NULL where the method finds none
    m.sky_chip2::DOUBLE AS sky_chip2,  -- [electron] Sky per pixel that was found on chip 2; NULL where the method finds none
    m.fraction_chip1::DOUBLE AS fraction_chip1,  -- [-] Share of the pixels of chip 1 that are masked
    m.fraction_chip2::DOUBLE AS fraction_chip2,  -- [-] Share of the pixels of chip 2 that are masked
    m.mask_hash::VARCHAR AS mask_hash,  -- [-] Hash of mask and sky levels
    m.mask_file::VARCHAR AS mask_file,  -- [-] Name of the mask's FITS file beside this row
    m.path::VARCHAR AS path,  -- [-] Absolute path of the file
    m.file_size::BIGINT AS file_size,  -- [byte] Size of the file
    m.file_mtime_ns::BIGINT AS file_mtime_ns,  -- [ns] Time of the file's last change, since 1970 (UTC)
    m.settings_hash::VARCHAR AS settings_hash,  -- [-] Hash of the settings of the step
    m.key::VARCHAR AS key,  -- [-] Hash of the inputs and settings; part of the file's name
    m.revision::INTEGER AS revision,  -- [-] How often this was done for the exposure; the highest is the current one
    m.software::VARCHAR AS software  -- [-] Version of cte-lake
FROM latest AS m;
