-- losses(aperture := 3, generation := 'newest'); the view of the same name is that of the default radius
-- Grain: a pair and flux bin: the loss by the configured estimator (measure.estimator), in flux bins that do not
-- overlap. The view to begin with: every row is one measurement, and no star of a pair is in two rows. Only what could
-- be measured is there; `cte` has all estimators and all bins.
-- `generation` is 'newest' (of each target and file type, those with a pair), 'all', or a name; file types that have
-- no generation of that name show their newest.
CREATE OR REPLACE MACRO losses(aperture := default_aperture(), generation := 'newest') AS TABLE
SELECT
    c.pair_id::BIGINT AS pair_id,
    c.image_1::VARCHAR AS image_1,
    c.image_2::VARCHAR AS image_2,
    c.pairing::VARCHAR AS pairing,
    c.target::VARCHAR AS target,
    c.proposal::INTEGER AS proposal,
    c.visit::VARCHAR AS visit,
    c.filter::VARCHAR AS filter,
    c.exptime::DOUBLE AS exptime,
    c.length::VARCHAR AS length,
    c.flash::INTEGER AS flash,
    c.filetype::VARCHAR AS filetype,
    c.chip::INTEGER AS chip,
    c.generation::VARCHAR AS generation,
    c.newest::BOOLEAN AS newest,
    c.mjd::DOUBLE AS mjd,
    c.epoch::INTEGER AS epoch,
    c.epoch_mjd::DOUBLE AS epoch_mjd,
    c.aperture::INTEGER AS aperture,
    c.estimator::VARCHAR AS estimator,
    c.bin_lo::DOUBLE AS bin_lo,
    c.bin_hi::DOUBLE AS bin_hi,
    c.mean_flux::DOUBLE AS mean_flux,
    c.n::BIGINT AS n,
    c.cte_loss::DOUBLE AS loss,
    c.cte_loss_err::DOUBLE AS loss_err,
    (100 * c.cte_loss)::DOUBLE AS loss_percent,
    c.loss_mag::DOUBLE AS loss_mag,
    c.loss_mag_err::DOUBLE AS loss_mag_err,
    c.background::DOUBLE AS background
FROM cte(aperture := aperture) AS c
INNER JOIN loss_bins AS b ON b.bin_lo = c.bin_lo AND b.bin_hi = c.bin_hi
-- A constant, so that only one kind of slope is computed.
WHERE c.estimator = default_estimator()
    AND c.cte_loss IS NOT NULL
    AND shown_generation(generation, c.generation, c.newest, c.filetype);
