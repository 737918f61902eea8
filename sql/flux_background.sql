-- flux_background(aperture := 3, generation := 'newest'); the view of the same name is that of the default radius
-- Grain: a star of a pair and flux bin that lies far from the amplifiers (y > 1750) on one chip and near them on
-- the other: the share of its flux that is left, against the background it lies on. Of the estimator 'mean_flux';
-- what the sigma clip of its bin took out is not there. `level` groups neighbouring backgrounds for a running mean.
-- Background is what was in the pixel at readout: calibration takes the post-flash off, so it is added to the sky.
-- `generation` is 'newest' (of each target and file type, those with a pair), 'all', or a name; file types that have
-- no generation of that name show their newest.
CREATE OR REPLACE MACRO flux_background(aperture := default_aperture(), generation := 'newest') AS TABLE
SELECT
    b.pair_id::BIGINT AS pair_id,
    b.target::VARCHAR AS target,
    b.proposal::INTEGER AS proposal,
    q.visit::VARCHAR AS visit,
    q.filter::VARCHAR AS filter,
    q.length::VARCHAR AS length,
    b.flash::INTEGER AS flash,
    b.filetype::VARCHAR AS filetype,
    q.chinject::VARCHAR AS chinject,
    q.generation::VARCHAR AS generation,
    q.newest::BOOLEAN AS newest,
    q.mjd::DOUBLE AS mjd,
    b.aperture::INTEGER AS aperture,
    b.bin_lo::DOUBLE AS bin_lo,
    b.bin_hi::DOUBLE AS bin_hi,
    b.master_id::BIGINT AS master_id,
    b.distance::DOUBLE AS distance,
    (b.background + b.flash)::DOUBLE AS background,
    (1 / b.ratio)::DOUBLE AS kept_flux,
    (round(10 * log10(1 + greatest(b.background + b.flash, 0))) / 10)::DOUBLE AS level
FROM binned_ratios(aperture := aperture) AS b
INNER JOIN pairs AS q ON q.pair_id = b.pair_id
WHERE b.distance > 1750
    AND b.estimator = 'mean_flux'
    AND b.kept
    AND shown_generation(generation, q.generation, q.newest, q.filetype);
