-- cte(aperture := 3); the view of the same name is that of the default radius
-- Grain: a pair, flux bin and estimator, at one aperture radius: the rows of slopes and of log_slopes.
-- Loss per chip height = slope / 2 * 2048: the ratio gains from both chips. Of the ratio itself ('both_in_bin',
-- 'mean_flux') that is the monitor's loss, a fraction of the flux in the middle of the chip; of its logarithm
-- ('log_ratio') it is S, lost per 2048 rows of what is left at each row.
-- Each branch says which estimators it holds, so that the planner drops the other one when a query names its own.
CREATE OR REPLACE MACRO cte(aperture := default_aperture()) AS TABLE
WITH measured AS (
    SELECT
        r.pair_id, r.image_1, r.image_2, r.aperture, r.bin_lo, r.bin_hi, r.estimator, r.n_in_bin, r.n, r.slope,
        r.slope_err, r.intercept, r.mean_flux, r.background, r.clip_lo, r.clip_hi, r.pairing, r.target, r.proposal,
        r.visit, r.filter, r.exptime, r.length, r.flash, r.filetype, r.mjd, r.chip,
        NULL::DOUBLE AS mean_log_flux, NULL::DOUBLE AS mean_log_flux_sq,
        CASE WHEN r.slope / 2 * loss_rows() < 1 THEN -2.5 * log10(1 - r.slope / 2 * loss_rows()) END AS cte_dmag
    FROM slopes(aperture := aperture) AS r
    WHERE r.estimator <> 'log_ratio'
    UNION ALL
    SELECT
        g.pair_id, g.image_1, g.image_2, g.aperture, g.bin_lo, g.bin_hi, g.estimator, g.n_in_bin, g.n, g.slope,
        g.slope_err, g.intercept, g.mean_flux, g.background, g.clip_lo, g.clip_hi, g.pairing, g.target, g.proposal,
        g.visit, g.filter, g.exptime, g.length, g.flash, g.filetype, g.mjd, g.chip,
        g.mean_log_flux, g.mean_log_flux_sq,
        2.5 / ln(10) * g.slope / 2 * loss_rows() AS cte_dmag
    FROM log_slopes(aperture := aperture) AS g
    WHERE g.estimator = 'log_ratio'
)
SELECT
    m.pair_id::BIGINT AS pair_id,  -- [-] Number of the pair
    m.image_1::VARCHAR AS image_1,  -- [-] Image on chip 1, or of the first visit
    m.image_2::VARCHAR AS image_2,  -- [-] Image on chip 2, or of the second visit
    m.aperture::INTEGER AS aperture,  -- [pix] Aperture radius
    m.bin_lo::DOUBLE AS bin_lo,  -- [electron] Lower limit of the flux bin, not in it
    m.bin_hi::DOUBLE AS bin_hi,  -- [electron] Upper limit of the flux bin, not in it
    m.estimator::VARCHAR AS estimator,  -- [-] 'both_in_bin', 'mean_flux' or 'log_ratio'
    m.n_in_bin::BIGINT AS n_in_bin,  -- [-] Stars in the bin
    m.n::BIGINT AS n,  -- [-] Stars left by the sigma clip
    m.slope::DOUBLE AS slope,  -- [1 / pix] Slope of the ratio ('log_ratio': of its logarithm) against the distance from the amplifiers
    m.slope_err::DOUBLE AS slope_err,  -- [1 / pix] Standard error of the slope
    m.intercept::DOUBLE AS intercept,  -- [-] Ratio ('log_ratio': its logarithm) at distance 0
    m.mean_flux::DOUBLE AS mean_flux,  -- [electron] Mean over the stars left of the mean of their two fluxes
    (m.slope / 2 * loss_rows())::DOUBLE AS cte_loss,  -- [-] Fraction of the flux lost per 2048 rows ('log_ratio': of what is left)
    (m.slope_err / 2 * loss_rows())::DOUBLE AS cte_loss_err,  -- [-] Standard error of cte_loss
    m.cte_dmag::DOUBLE AS cte_dmag,  -- [mag] Loss in magnitudes per 2048 rows; NULL for a loss of all
    m.mean_log_flux::DOUBLE AS mean_log_flux,  -- [dex(electron)] Mean of f = (log10 flux_1 + log10 flux_2) / 2 over the stars left; 'log_ratio' only
    m.mean_log_flux_sq::DOUBLE AS mean_log_flux_sq,  -- [-] Mean of the square of f over the stars left; 'log_ratio' only
    m.background::DOUBLE AS background,  -- [electron] Mean sky per pixel about the stars left
    m.clip_lo::DOUBLE AS clip_lo,  -- [-] Lower limit of the sigma clip of the ratio ('log_ratio': of its logarithm less the line)
    m.clip_hi::DOUBLE AS clip_hi,  -- [-] Upper limit of the sigma clip of the ratio ('log_ratio': of its logarithm less the line)
    m.pairing::VARCHAR AS pairing,  -- [-] 'chips': chip 1 against chip 2; '180': a chip against itself, rolled
    m.target::VARCHAR AS target,  -- [-] Name of the target in this lake
    m.proposal::INTEGER AS proposal,  -- [-] Proposal number
    m.visit::VARCHAR AS visit,  -- [-] Visit of image_1
    m.filter::VARCHAR AS filter,  -- [-] Filter
    m.exptime::DOUBLE AS exptime,  -- [s] Exposure time
    m.length::VARCHAR AS length,  -- [-] 's' for a short exposure, 'l' for a long one
    m.flash::INTEGER AS flash,  -- [electron] Post-flash level per pixel, 0 without post-flash
    m.filetype::VARCHAR AS filetype,  -- [-] 'flt', or 'flc' after the pixel-based CTE correction
    m.mjd::DOUBLE AS mjd,  -- [d] Mean of the two starts, modified Julian date (UTC)
    m.chip::INTEGER AS chip,  -- [-] Chip of both images; NULL for a pair of chips
    v.epoch::INTEGER AS epoch,  -- [-] Number of the epoch, from 1 for the target's first
    v.epoch_mjd::DOUBLE AS epoch_mjd  -- [d] Mean of the epoch's distinct dates, rounded to the day (UTC)
FROM measured AS m
ASOF LEFT JOIN visits AS v
    ON v.target = m.target AND v.proposal = m.proposal AND v.visit = m.visit AND m.mjd >= v.mjd;
