-- phot
-- Grain: a master star in an exposure and file type, as last measured in the connection's photometry mode.
-- The exposures stand first: DuckDB lists the files of a FROM clause from left to right, and an exposure row
-- that has been listed was written after its photometry, so no reader sees part of an exposure.
CREATE OR REPLACE VIEW phot AS
SELECT
    p.target::VARCHAR AS target,  -- [-] Name of the target in this lake
    p.proposal::INTEGER AS proposal,  -- [-] Proposal number
    p.flash::INTEGER AS flash,  -- [electron] Post-flash level per pixel, 0 without post-flash
    p.filetype::VARCHAR AS filetype,  -- [-] 'flt', or 'flc' after the pixel-based CTE correction
    p.imagename::VARCHAR AS imagename,  -- [-] Root name and file type: <rootname>_<filetype>.fits
    p.phot_key::VARCHAR AS phot_key,  -- [-] Hash that ties the row to its exposure row
    p.master_id::BIGINT AS master_id,  -- [-] Number of the star in the target's master catalog
    p.x::DOUBLE AS x,  -- [pix] Column of the aperture's centre on the chip, 0-based
    p.y::DOUBLE AS y,  -- [pix] Row of the aperture's centre on the chip, 0-based
    p.ra::DOUBLE AS ra,  -- [deg] Right ascension in the master catalog (ICRS)
    p.dec::DOUBLE AS dec,  -- [deg] Declination in the master catalog (ICRS)
    p.dx::FLOAT AS dx,  -- [pix] Shift in x of the measured centre from the catalog's position; 0 where it was put back, NULL without centring
    p.dy::FLOAT AS dy,  -- [pix] Shift in y of the measured centre from the catalog's position; 0 where it was put back, NULL without centring
    p.flux_r02::DOUBLE AS flux_r02,  -- [electron] Flux in the aperture of 2 px less the sky; over the good pixels only, never rescaled; NULL where nothing could be measured
    p.flux_r03::DOUBLE AS flux_r03,  -- [electron] Flux in the aperture of 3 px less the sky; over the good pixels only, never rescaled; NULL where nothing could be measured
    p.flux_r05::DOUBLE AS flux_r05,  -- [electron] Flux in the aperture of 5 px less the sky; over the good pixels only, never rescaled; NULL where nothing could be measured
    p.flux_r07::DOUBLE AS flux_r07,  -- [electron] Flux in the aperture of 7 px less the sky; over the good pixels only, never rescaled; NULL where nothing could be measured
    p.flux_r10::DOUBLE AS flux_r10,  -- [electron] Flux in the aperture of 10 px less the sky; over the good pixels only, never rescaled; NULL where nothing could be measured
    p.flux_r12::DOUBLE AS flux_r12,  -- [electron] Flux in the aperture of 12 px less the sky; over the good pixels only, never rescaled; NULL where nothing could be measured
    p.flux_r15::DOUBLE AS flux_r15,  -- [electron] Flux in the aperture of 15 px less the sky; over the good pixels only, never rescaled; NULL where nothing could be measured
    p.flux_r18::DOUBLE AS flux_r18,  -- [electron] Flux in the aperture of 18 px less the sky; over the good pixels only, never rescaled; NULL where nothing could be measured
    p.flux_r20::DOUBLE AS flux_r20,  -- [electron] Flux in the aperture of 20 px less the sky; over the good pixels only, never rescaled; NULL where nothing could be measured
    p.flux_r24::DOUBLE AS flux_r24,  -- [electron] Flux in the aperture of 24 px less the sky; over the good pixels only, never rescaled; NULL where nothing could be measured
    p.flux_r28::DOUBLE AS flux_r28,  -- [electron] Flux in the aperture of 28 px less the sky; over the good pixels only, never rescaled; NULL where nothing could be measured
    p.flux_r32::DOUBLE AS flux_r32,  -- [electron] Flux in the aperture of 32 px less the sky; over the good pixels only, never rescaled; NULL where nothing could be measured
    p.flux_r36::DOUBLE AS flux_r36,  -- [electron] Flux in the aperture of 36 px less the sky; over the good pixels only, never rescaled; NULL where nothing could be measured
    p.flux_r40::DOUBLE AS flux_r40,  -- [electron] Flux in the aperture of 40 px less the sky; over the good pixels only, never rescaled; NULL where nothing could be measured
    p.flux_err_r02::FLOAT AS flux_err_r02,  -- [electron] 1-sigma error of the sum from ERR alone; the sky adds area_r02 * sky_err, common to all radii
    p.flux_err_r03::FLOAT AS flux_err_r03,  -- [electron] 1-sigma error of the sum from ERR alone; the sky adds area_r03 * sky_err, common to all radii
    p.flux_err_r05::FLOAT AS flux_err_r05,  -- [electron] 1-sigma error of the sum from ERR alone; the sky adds area_r05 * sky_err, common to all radii
    p.flux_err_r07::FLOAT AS flux_err_r07,  -- [electron] 1-sigma error of the sum from ERR alone; the sky adds area_r07 * sky_err, common to all radii
    p.flux_err_r10::FLOAT AS flux_err_r10,  -- [electron] 1-sigma error of the sum from ERR alone; the sky adds area_r10 * sky_err, common to all radii
    p.flux_err_r12::FLOAT AS flux_err_r12,  -- [electron] 1-sigma error of the sum from ERR alone; the sky adds area_r12 * sky_err, common to all radii
    p.flux_err_r15::FLOAT AS flux_err_r15,  -- [electron] 1-sigma error of the sum from ERR alone; the sky adds area_r15 * sky_err, common to all radii
    p.flux_err_r18::FLOAT AS flux_err_r18,  -- [electron] 1-sigma error of the sum from ERR alone; the sky adds area_r18 * sky_err, common to all radii
    p.flux_err_r20::FLOAT AS flux_err_r20,  -- [electron] 1-sigma error of the sum from ERR alone; the sky adds area_r20 * sky_err, common to all radii
    p.flux_err_r24::FLOAT AS flux_err_r24,  -- [electron] 1-sigma error of the sum from ERR alone; the sky adds area_r24 * sky_err, common to all radii
    p.flux_err_r28::FLOAT AS flux_err_r28,  -- [electron] 1-sigma error of the sum from ERR alone; the sky adds area_r28 * sky_err, common to all radii
    p.flux_err_r32::FLOAT AS flux_err_r32,  -- [electron] 1-sigma error of the sum from ERR alone; the sky adds area_r32 * sky_err, common to all radii
    p.flux_err_r36::FLOAT AS flux_err_r36,  -- [electron] 1-sigma error of the sum from ERR alone; the sky adds area_r36 * sky_err, common to all radii
    p.flux_err_r40::FLOAT AS flux_err_r40,  -- [electron] 1-sigma error of the sum from ERR alone; the sky adds area_r40 * sky_err, common to all radii
    p.bkg_r02::FLOAT AS bkg_r02,  -- [electron] Sky taken off in the aperture of 2 px: sky times area_r02
    p.bkg_r03::FLOAT AS bkg_r03,  -- [electron] Sky taken off in the aperture of 3 px: sky times area_r03
    p.bkg_r05::FLOAT AS bkg_r05,  -- [electron] Sky taken off in the aperture of 5 px: sky times area_r05
    p.bkg_r07::FLOAT AS bkg_r07,  -- [electron] Sky taken off in the aperture of 7 px: sky times area_r07
    p.bkg_r10::FLOAT AS bkg_r10,  -- [electron] Sky taken off in the aperture of 10 px: sky times area_r10
    p.bkg_r12::FLOAT AS bkg_r12,  -- [electron] Sky taken off in the aperture of 12 px: sky times area_r12
    p.bkg_r15::FLOAT AS bkg_r15,  -- [electron] Sky taken off in the aperture of 15 px: sky times area_r15
    p.bkg_r18::FLOAT AS bkg_r18,  -- [electron] Sky taken off in the aperture of 18 px: sky times area_r18
    p.bkg_r20::FLOAT AS bkg_r20,  -- [electron] Sky taken off in the aperture of 20 px: sky times area_r20
    p.bkg_r24::FLOAT AS bkg_r24,  -- [electron] Sky taken off in the aperture of 24 px: sky times area_r24
    p.bkg_r28::FLOAT AS bkg_r28,  -- [electron] Sky taken off in the aperture of 28 px: sky times area_r28
    p.bkg_r32::FLOAT AS bkg_r32,  -- [electron] Sky taken off in the aperture of 32 px: sky times area_r32
    p.bkg_r36::FLOAT AS bkg_r36,  -- [electron] Sky taken off in the aperture of 36 px: sky times area_r36
    p.bkg_r40::FLOAT AS bkg_r40,  -- [electron] Sky taken off in the aperture of 40 px: sky times area_r40
    p.area_r02::FLOAT AS area_r02,  -- [pix2] Good area of the aperture of 2 px: on the chip and not masked
    p.area_r03::FLOAT AS area_r03,  -- [pix2] Good area of the aperture of 3 px: on the chip and not masked
    p.area_r05::FLOAT AS area_r05,  -- [pix2] Good area of the aperture of 5 px: on the chip and not masked
    p.area_r07::FLOAT AS area_r07,  -- [pix2] Good area of the aperture of 7 px: on the chip and not masked
    p.area_r10::FLOAT AS area_r10,  -- [pix2] Good area of the aperture of 10 px: on the chip and not masked
    p.area_r12::FLOAT AS area_r12,  -- [pix2] Good area of the aperture of 12 px: on the chip and not masked
    p.area_r15::FLOAT AS area_r15,  -- [pix2] Good area of the aperture of 15 px: on the chip and not masked
    p.area_r18::FLOAT AS area_r18,  -- [pix2] Good area of the aperture of 18 px: on the chip and not masked
    p.area_r20::FLOAT AS area_r20,  -- [pix2] Good area of the aperture of 20 px: on the chip and not masked
    p.area_r24::FLOAT AS area_r24,  -- [pix2] Good area of the aperture of 24 px: on the chip and not masked
    p.area_r28::FLOAT AS area_r28,  -- [pix2] Good area of the aperture of 28 px: on the chip and not masked
    p.area_r32::FLOAT AS area_r32,  -- [pix2] Good area of the aperture of 32 px: on the chip and not masked
    p.area_r36::FLOAT AS area_r36,  -- [pix2] Good area of the aperture of 36 px: on the chip and not masked
    p.area_r40::FLOAT AS area_r40,  -- [pix2] Good area of the aperture of 40 px: on the chip and not masked
    p.sky::DOUBLE AS sky,  -- [electron] Local sky per pixel, from the annulus; NULL with too few good pixels
    p.sky_err::FLOAT AS sky_err,  -- [electron] Standard deviation of the kept annulus pixels over the square root of their number
    p.n_sky::INTEGER AS n_sky,  -- [-] Annulus pixels kept by the sky estimate
    p.masked_light::FLOAT AS masked_light,  -- [-] Share of the star's light within r = 3 px that masked pixels hold; no flux has it
    p.flags::INTEGER AS flags  -- [-] Conditions met by this measurement, a bit each; flags_decode(flags) names them
FROM exposures AS e
INNER JOIN stored_phot AS p
    ON p.target = e.target
    AND p.proposal = e.proposal
    AND p.flash = e.flash
    AND p.filetype = e.filetype
    AND p.imagename = e.imagename
    AND p.phot_key = e.phot_key;
