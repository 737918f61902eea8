-- star_history(aperture := 3); the view of the same name is that of the default radius
-- Grain: a master star in an exposure: every measurement of a star in the order that a query asks for.
CREATE OR REPLACE MACRO star_history(aperture := default_aperture()) AS TABLE
SELECT
    e.target::VARCHAR AS target,  -- [-] Name of the target in this lake
    p.master_id::BIGINT AS master_id,  -- [-] Number of the star in the target's master catalog
    e.imagename::VARCHAR AS imagename,  -- [-] Image
    e.rootname::VARCHAR AS rootname,  -- [-] Root name of the exposure
    e.filetype::VARCHAR AS filetype,  -- [-] 'flt', or 'flc' after the pixel-based CTE correction
    e.proposal::INTEGER AS proposal,  -- [-] Proposal number
    e.visit::VARCHAR AS visit,  -- [-] Visit
    e.filter::VARCHAR AS filter,  -- [-] Filter
    e.exptime::DOUBLE AS exptime,  -- [s] Exposure time
    e.length::VARCHAR AS length,  -- [-] 's' for a short exposure, 'l' for a long one
    e.flash::INTEGER AS flash,  -- [electron] Post-flash level per pixel, 0 without post-flash
    e.mjd::DOUBLE AS mjd,  -- [d] Start of the exposure, modified Julian date (UTC)
    e.chip::INTEGER AS chip,  -- [-] Chip
    p.x::DOUBLE AS x,  -- [pix] Column on the chip, 0-based
    p.y::DOUBLE AS y,  -- [pix] Row on the chip, 0-based
    readout_distance(e.chip, p.y)::DOUBLE AS distance,  -- [pix] Rows between the star and the amplifiers
    aperture::INTEGER AS aperture,  -- [pix] Aperture radius
    of_aperture(aperture,
        p.flux_r02, p.flux_r03, p.flux_r05, p.flux_r07, p.flux_r10, p.flux_r12, p.flux_r15,
        p.flux_r18, p.flux_r20, p.flux_r24, p.flux_r28, p.flux_r32, p.flux_r36, p.flux_r40
    )::DOUBLE AS flux,  -- [electron] Flux in the aperture less the sky
    of_aperture(aperture,
        p.flux_err_r02, p.flux_err_r03, p.flux_err_r05, p.flux_err_r07, p.flux_err_r10, p.flux_err_r12, p.flux_err_r15,
        p.flux_err_r18, p.flux_err_r20, p.flux_err_r24, p.flux_err_r28, p.flux_err_r32, p.flux_err_r36, p.flux_err_r40
    )::FLOAT AS flux_err,  -- [electron] Error of the flux
    p.sky::DOUBLE AS sky,  -- [electron] Local sky per pixel
    p.flags::INTEGER AS flags  -- [-] Conditions met by this measurement, a bit each
FROM exposures AS e
INNER JOIN stored_phot AS p
    ON p.target = e.target
    AND p.proposal = e.proposal
    AND p.flash = e.flash
    AND p.filetype = e.filetype
    AND p.imagename = e.imagename
    AND p.phot_key = e.phot_key;
