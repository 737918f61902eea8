-- star_history(aperture := 3); the view of the same name is that of the default radius
-- Grain: a master star in an exposure: every measurement of a star in the order that a query asks for.
CREATE OR REPLACE MACRO star_history(aperture := default_aperture()) AS TABLE
SELECT
    p.target::VARCHAR AS target,
    p.master_id::BIGINT AS master_id,
    p.imagename::VARCHAR AS imagename,
    p.rootname::VARCHAR AS rootname,
    p.filetype::VARCHAR AS filetype,
    p.chinject::VARCHAR AS chinject,
    p.generation::VARCHAR AS generation,
    p.proposal::INTEGER AS proposal,
    p.visit::VARCHAR AS visit,
    p.filter::VARCHAR AS filter,
    p.exptime::DOUBLE AS exptime,
    p.length::VARCHAR AS length,
    p.flash::INTEGER AS flash,
    p.mjd::DOUBLE AS mjd,
    p.chip::INTEGER AS chip,
    p.x::DOUBLE AS x,
    p.y::DOUBLE AS y,
    readout_distance(p.chip, p.y)::DOUBLE AS distance,
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
FROM measured_stars AS p;
