-- latest_losses(aperture := 3); the view of the same name is that of the default radius
-- Grain: a target, filter, length, flash level, file type, chip and flux bin of the loss-against-time figure, in
-- the last epoch in which this was measured; by the estimator of the configuration.
-- The mean over the epoch's pairs, weighted by their inverse variances.
CREATE OR REPLACE MACRO latest_losses(aperture := default_aperture()) AS TABLE
WITH usable AS (
    SELECT c.*
    FROM cte_vs_time(aperture := aperture) AS c
    INNER JOIN settings AS s ON s.estimator = c.estimator
    WHERE c.cte_loss_err > 0
),
latest AS (
    SELECT u.*
    FROM usable AS u
    QUALIFY u.epoch = max(u.epoch) OVER (
        PARTITION BY u.target, u.filter, u.length, u.flash, u.filetype, u.pairing, u.chip
    )
)
SELECT
    l.target::VARCHAR AS target,  -- [-] Name of the target in this lake
    l.filter::VARCHAR AS filter,  -- [-] Filter
    l.length::VARCHAR AS length,  -- [-] 's' for a short exposure, 'l' for a long one
    l.flash::INTEGER AS flash,  -- [electron] Post-flash level per pixel, 0 without post-flash
    l.filetype::VARCHAR AS filetype,  -- [-] 'flt', or 'flc' after the pixel-based CTE correction
    l.pairing::VARCHAR AS pairing,  -- [-] 'chips': chip 1 against chip 2; '180': a chip against itself, rolled
    l.chip::INTEGER AS chip,  -- [-] Chip of both images; NULL for pairs of chips
    l.bin_lo::DOUBLE AS bin_lo,  -- [electron] Lower limit of the flux bin, not in it
    l.bin_hi::DOUBLE AS bin_hi,  -- [electron] Upper limit of the flux bin, not in it
    aperture::INTEGER AS aperture,  -- [pix] Aperture radius
    l.estimator::VARCHAR AS estimator,  -- [-] 'both_in_bin' or 'mean_flux'
    l.epoch::INTEGER AS epoch,  -- [-] Number of the epoch, from 1 for the target's first
    any_value(l.epoch_mjd)::DOUBLE AS mjd,  -- [d] Mean of the epoch's distinct dates, rounded to the day (UTC)
    count(*)::BIGINT AS n_pairs,  -- [-] Pairs
    sum(l.n)::BIGINT AS n,  -- [-] Stars left by the sigma clip, of all pairs
    (sum(l.cte_loss / l.cte_loss_err ^ 2) / sum(1 / l.cte_loss_err ^ 2))::DOUBLE AS cte_loss,  -- [-] Mean fraction of the flux lost per 2048 rows
    (1 / sqrt(sum(1 / l.cte_loss_err ^ 2)))::DOUBLE AS cte_loss_err  -- [-] Standard error of cte_loss
FROM latest AS l
GROUP BY
    l.target, l.filter, l.length, l.flash, l.filetype, l.pairing, l.chip, l.bin_lo, l.bin_hi, l.estimator, l.epoch;
