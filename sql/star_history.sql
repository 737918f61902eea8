-- star_history(aperture := 3); the view of the same name is that of the default radius
-- Grain: a master star in an exposure: every measurement of a star in the order that a query asks for.
CREATE OR REPLACE MACRO star_history(aperture := default_aperture()) AS TABLE
SELECT
    e.target::VARCHAR AS target,
    p.master_id::BIGINT AS master_id,
    e.imagename::VARCHAR AS imagename,
    e.rootname::VARCHAR AS rootname,
    e.filetype::VARCHAR AS filetype,
    e.chinject::VARCHAR AS chinject,
    e.generation::VARCHAR AS generation,
    e.proposal::INTEGER AS proposal,
    e.visit::VARCHAR AS visit,
    e.filter::VARCHAR AS filter,
    e.exptime::DOUBLE AS exptime,
    e.length::VARCHAR AS length,
    e.flash::INTEGER AS flash,
    e.mjd::DOUBLE AS mjd,
    e.chip::INTEGER AS chip,
    p.x::DOUBLE AS x,
    p.y::DOUBLE AS y,
    readout_distance(e.chip, p.y)::DOUBLE AS distance,
    aperture::INTEGER AS aperture,
    of_aperture(aperture,
        p.flux_r02, p.flux_r03, p.flux_r05, p.flux_r07, p.flux_r10, p.flux_r12, p.flux_r15,
        p.flux_r18, p.flux_r20, p.flux_r24, p.flux_r28, p.flux_r32, p.flux_r36, p.flux_r40
    )::DOUBLE AS flux,
    of_aperture(aperture,
        p.flux_err_r02, p.flux_err_r03, p.flux_err_r05, p.flux_err_r07, p.flux_err_r10, p.flux_err_r12, p.flux_err_r15,
        p.flux_err_r18, p.flux_err_r20, p.flux_err_r24, p.flux_err_r28, p.flux_err_r32, p.flux_err_r36, p.flux_err_r40
    )::FLOAT AS flux_err,
    p.sky::DOUBLE AS sky,
    p.flags::INTEGER AS flags
FROM exposures AS e
INNER JOIN stored_phot AS p
    ON p.target = e.target
    AND p.proposal = e.proposal
    AND p.flash = e.flash
    AND p.filetype = e.filetype
    AND p.imagename = e.imagename
    AND p.phot_key = e.phot_key
    -- The named file alone: a copy of it, or one put in another place, is not counted.
    AND p.file = lake_folder() || e.phot_file;
