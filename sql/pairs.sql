-- pairs
-- Grain: a pair of exposures of one visit, one on chip 1 and one on chip 2, alike in all else.
CREATE OR REPLACE VIEW pairs AS
SELECT
    p.pair_id::BIGINT AS pair_id,
    p.image_1::VARCHAR AS image_1,
    p.image_2::VARCHAR AS image_2,
    p.target::VARCHAR AS target,
    p.proposal::INTEGER AS proposal,
    p.visit::VARCHAR AS visit,
    p.filter::VARCHAR AS filter,
    p.exptime::DOUBLE AS exptime,
    p.length::VARCHAR AS length,
    p.flash::INTEGER AS flash,
    p.filetype::VARCHAR AS filetype,
    p.mjd::DOUBLE AS mjd,
    p.time_difference::DOUBLE AS time_difference,
    p.chinject::VARCHAR AS chinject,
    p.sky_1::DOUBLE AS sky_1,
    p.sky_2::DOUBLE AS sky_2,
    p.mode::VARCHAR AS mode,
    p.generation::VARCHAR AS generation,
    p.newest::BOOLEAN AS newest,
    p.cal_ver::VARCHAR AS cal_ver,
    p.cal_ver_2::VARCHAR AS cal_ver_2,
    p.cr_masked::BOOLEAN AS cr_masked
FROM pairings AS p
WHERE p.pairing = 'chips';
