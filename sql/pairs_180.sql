-- pairs_180
-- Grain: a pair of exposures of two visits that differ by a roll of 180 degrees, both on the same chip.
CREATE OR REPLACE VIEW pairs_180 AS
SELECT
    p.pair_id::BIGINT AS pair_id,  -- [-] Number of the pair, made from its two image names
    p.image_1::VARCHAR AS image_1,  -- [-] Image of the first visit
    p.image_2::VARCHAR AS image_2,  -- [-] Image of the second visit
    p.target::VARCHAR AS target,  -- [-] Name of the target in this lake
    p.proposal::INTEGER AS proposal,  -- [-] Proposal number
    p.visit::VARCHAR AS visit,  -- [-] First visit
    p.visit_2::VARCHAR AS visit_2,  -- [-] Second visit
    p.filter::VARCHAR AS filter,  -- [-] Filter
    p.exptime::DOUBLE AS exptime,  -- [s] Exposure time
    p.length::VARCHAR AS length,  -- [-] 's' for a short exposure, 'l' for a long one
    p.flash::INTEGER AS flash,  -- [electron] Post-flash level per pixel, 0 without post-flash
    p.filetype::VARCHAR AS filetype,  -- [-] 'flt', or 'flc' after the pixel-based CTE correction
    p.mjd::DOUBLE AS mjd,  -- [d] Mean of the two starts, modified Julian date (UTC)
    p.chip_1::INTEGER AS chip,  -- [-] Chip of both images
    p.time_difference::DOUBLE AS time_difference,  -- [d] Start of image_2 less that of image_1
    p.chinject::VARCHAR AS chinject,  -- [-] Charge injection
    p.sky_1::DOUBLE AS sky_1,  -- [electron] Sky per pixel of image_1
    p.sky_2::DOUBLE AS sky_2,  -- [electron] Sky per pixel of image_2
    p.mode::VARCHAR AS mode,  -- [-] Photometry mode
    p.generation::VARCHAR AS generation,  -- [-] Calibration generation: what changes the pixels of this file type, as a name
    p.cal_ver::VARCHAR AS cal_ver,  -- [-] Version of the calibration pipeline that made image_1
    p.cal_ver_2::VARCHAR AS cal_ver_2,  -- [-] Version of the calibration pipeline that made image_2
    p.turn::DOUBLE AS turn,  -- [deg] Roll of image_2 less that of image_1; NULL where it is not recorded
    p.cr_masked::BOOLEAN AS cr_masked  -- [-] Whether cosmic-ray masks were applied
FROM pairings AS p
WHERE p.pairing = '180';
