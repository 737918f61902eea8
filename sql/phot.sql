-- phot
-- Grain: a master star in an exposure and file type, as last measured in the connection's photometry mode.
-- The exposures stand first: DuckDB lists the files of a FROM clause from left to right, and an exposure row
-- that has been listed was written after its photometry, so no reader sees part of an exposure.
-- Key: imagename, master_id (audit: duplicate_star)
CREATE OR REPLACE VIEW phot AS
SELECT
    p.target::VARCHAR AS target,
    p.proposal::INTEGER AS proposal,
    p.flash::INTEGER AS flash,
    p.filetype::VARCHAR AS filetype,
    p.imagename::VARCHAR AS imagename,
    p.phot_key::VARCHAR AS phot_key,
    p.master_id::BIGINT AS master_id,
    p.x::DOUBLE AS x,
    p.y::DOUBLE AS y,
    p.ra::DOUBLE AS ra,
    p.dec::DOUBLE AS dec,
    centroid_shift(p.dx, p.dy, p.flags)::FLOAT AS dx,
    centroid_shift(p.dy, p.dx, p.flags)::FLOAT AS dy,
    p.flux_r02::DOUBLE AS flux_r02,
    p.flux_r03::DOUBLE AS flux_r03,
    p.flux_r05::DOUBLE AS flux_r05,
    p.flux_r07::DOUBLE AS flux_r07,
    p.flux_r10::DOUBLE AS flux_r10,
    p.flux_r12::DOUBLE AS flux_r12,
    p.flux_r15::DOUBLE AS flux_r15,
    p.flux_r18::DOUBLE AS flux_r18,
    p.flux_r20::DOUBLE AS flux_r20,
    p.flux_r24::DOUBLE AS flux_r24,
    p.flux_r28::DOUBLE AS flux_r28,
    p.flux_r32::DOUBLE AS flux_r32,
    p.flux_r36::DOUBLE AS flux_r36,
    p.flux_r40::DOUBLE AS flux_r40,
    p.flux_err_r02::FLOAT AS flux_err_r02,
    p.flux_err_r03::FLOAT AS flux_err_r03,
    p.flux_err_r05::FLOAT AS flux_err_r05,
    p.flux_err_r07::FLOAT AS flux_err_r07,
    p.flux_err_r10::FLOAT AS flux_err_r10,
    p.flux_err_r12::FLOAT AS flux_err_r12,
    p.flux_err_r15::FLOAT AS flux_err_r15,
    p.flux_err_r18::FLOAT AS flux_err_r18,
    p.flux_err_r20::FLOAT AS flux_err_r20,
    p.flux_err_r24::FLOAT AS flux_err_r24,
    p.flux_err_r28::FLOAT AS flux_err_r28,
    p.flux_err_r32::FLOAT AS flux_err_r32,
    p.flux_err_r36::FLOAT AS flux_err_r36,
    p.flux_err_r40::FLOAT AS flux_err_r40,
    p.bkg_r02::FLOAT AS bkg_r02,
    p.bkg_r03::FLOAT AS bkg_r03,
    p.bkg_r05::FLOAT AS bkg_r05,
    p.bkg_r07::FLOAT AS bkg_r07,
    p.bkg_r10::FLOAT AS bkg_r10,
    p.bkg_r12::FLOAT AS bkg_r12,
    p.bkg_r15::FLOAT AS bkg_r15,
    p.bkg_r18::FLOAT AS bkg_r18,
    p.bkg_r20::FLOAT AS bkg_r20,
    p.bkg_r24::FLOAT AS bkg_r24,
    p.bkg_r28::FLOAT AS bkg_r28,
    p.bkg_r32::FLOAT AS bkg_r32,
    p.bkg_r36::FLOAT AS bkg_r36,
    p.bkg_r40::FLOAT AS bkg_r40,
    p.area_r02::FLOAT AS area_r02,
    p.area_r03::FLOAT AS area_r03,
    p.area_r05::FLOAT AS area_r05,
    p.area_r07::FLOAT AS area_r07,
    p.area_r10::FLOAT AS area_r10,
    p.area_r12::FLOAT AS area_r12,
    p.area_r15::FLOAT AS area_r15,
    p.area_r18::FLOAT AS area_r18,
    p.area_r20::FLOAT AS area_r20,
    p.area_r24::FLOAT AS area_r24,
    p.area_r28::FLOAT AS area_r28,
    p.area_r32::FLOAT AS area_r32,
    p.area_r36::FLOAT AS area_r36,
    p.area_r40::FLOAT AS area_r40,
    p.sky::DOUBLE AS sky,
    p.sky_err::FLOAT AS sky_err,
    p.n_sky::INTEGER AS n_sky,
    p.masked_light::FLOAT AS masked_light,
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
