-- cte_vs_flash(aperture := 3, generation := 'newest'); the view of the same name is that of the default radius
-- Grain: a pair, flux bin of the loss-against-time figure and estimator, in epochs of a target, filter, length, file
-- type and pairing that have pairs of more than one flash level. Only what could be measured is there.
-- `generation` is 'newest' (of each target and file type, those with a pair), 'all', or a name; file types that have
-- no generation of that name show their newest.
CREATE OR REPLACE MACRO cte_vs_flash(aperture := default_aperture(), generation := 'newest') AS TABLE
SELECT
    c.target::VARCHAR AS target,
    c.filter::VARCHAR AS filter,
    c.length::VARCHAR AS length,
    c.flash::INTEGER AS flash,
    c.filetype::VARCHAR AS filetype,
    c.chinject::VARCHAR AS chinject,
    c.generation::VARCHAR AS generation,
    c.newest::BOOLEAN AS newest,
    c.pairing::VARCHAR AS pairing,
    c.chip::INTEGER AS chip,
    c.aperture::INTEGER AS aperture,
    c.estimator::VARCHAR AS estimator,
    c.bin_lo::DOUBLE AS bin_lo,
    c.bin_hi::DOUBLE AS bin_hi,
    c.epoch::INTEGER AS epoch,
    c.epoch_mjd::DOUBLE AS epoch_mjd,
    c.mjd::DOUBLE AS mjd,
    c.cte_loss::DOUBLE AS cte_loss,
    c.cte_loss_err::DOUBLE AS cte_loss_err,
    c.cte_dmag::DOUBLE AS cte_dmag,
    c.loss_mag::DOUBLE AS loss_mag,
    c.loss_mag_err::DOUBLE AS loss_mag_err,
    c.n::BIGINT AS n,
    c.mean_flux::DOUBLE AS mean_flux,
    c.background::DOUBLE AS background,
    c.readout_background::DOUBLE AS readout_background,
    c.pair_id::BIGINT AS pair_id,
    c.image_1::VARCHAR AS image_1,
    c.image_2::VARCHAR AS image_2,
    c.proposal::INTEGER AS proposal,
    c.visit::VARCHAR AS visit,
    c.exptime::DOUBLE AS exptime
FROM cte(aperture := aperture) AS c
INNER JOIN time_bins AS t ON t.bin_lo = c.bin_lo AND t.bin_hi = c.bin_hi
WHERE c.cte_loss IS NOT NULL
    AND shown_generation(generation, c.generation, c.newest, c.filetype)
QUALIFY several_flashes(
    c.flash, c.target, c.filter, c.length, c.filetype, c.chinject, c.generation, c.epoch, c.pairing, c.estimator
);
