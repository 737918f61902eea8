-- cte_vs_flash(aperture := 3); the view of the same name is that of the default radius
-- Grain: a pair, flux bin of the loss-against-time figure and estimator, in epochs of a target, filter, length, file
-- type and pairing that have pairs of more than one flash level. Only what could be measured is there.
CREATE OR REPLACE MACRO cte_vs_flash(aperture := default_aperture()) AS TABLE
SELECT
    c.target::VARCHAR AS target,  -- [-] Name of the target in this lake
    c.filter::VARCHAR AS filter,  -- [-] Filter
    c.length::VARCHAR AS length,  -- [-] 's' for a short exposure, 'l' for a long one
    c.flash::INTEGER AS flash,  -- [electron] Post-flash level per pixel, 0 without post-flash
    c.filetype::VARCHAR AS filetype,  -- [-] 'flt', or 'flc' after the pixel-based CTE correction
    c.pairing::VARCHAR AS pairing,  -- [-] 'chips': chip 1 against chip 2; '180': a chip against itself, rolled
    c.chip::INTEGER AS chip,  -- [-] Chip of both images; NULL for a pair of chips
    c.aperture::INTEGER AS aperture,  -- [pix] Aperture radius
    c.estimator::VARCHAR AS estimator,  -- [-] 'both_in_bin', 'mean_flux' or 'log_ratio'
    c.bin_lo::DOUBLE AS bin_lo,  -- [electron] Lower limit of the flux bin, not in it
    c.bin_hi::DOUBLE AS bin_hi,  -- [electron] Upper limit of the flux bin, not in it
    c.epoch::INTEGER AS epoch,  -- [-] Number of the epoch, from 1 for the target's first
    c.epoch_mjd::DOUBLE AS epoch_mjd,  -- [d] Mean of the epoch's distinct dates, rounded to the day (UTC)
    c.mjd::DOUBLE AS mjd,  -- [d] Mean of the two starts, modified Julian date (UTC)
    c.cte_loss::DOUBLE AS cte_loss,  -- [-] Fraction of the flux lost per 2048 rows ('log_ratio': of what is left)
    c.cte_loss_err::DOUBLE AS cte_loss_err,  -- [-] Standard error of cte_loss
    c.cte_dmag::DOUBLE AS cte_dmag,  -- [mag] Loss in magnitudes per 2048 rows; NULL for a loss of all
    c.n::BIGINT AS n,  -- [-] Stars left by the sigma clip
    c.mean_flux::DOUBLE AS mean_flux,  -- [electron] Mean over the stars left of the mean of their two fluxes
    c.background::DOUBLE AS background,  -- [electron] Mean sky per pixel about the stars left
    c.pair_id::BIGINT AS pair_id,  -- [-] Number of the pair
    c.image_1::VARCHAR AS image_1,  -- [-] Image on chip 1, or of the first visit
    c.image_2::VARCHAR AS image_2,  -- [-] Image on chip 2, or of the second visit
    c.proposal::INTEGER AS proposal,  -- [-] Proposal number
    c.visit::VARCHAR AS visit,  -- [-] Visit of image_1
    c.exptime::DOUBLE AS exptime  -- [s] Exposure time
FROM cte(aperture := aperture) AS c
INNER JOIN time_bins AS t ON t.bin_lo = c.bin_lo AND t.bin_hi = c.bin_hi
WHERE c.cte_loss IS NOT NULL
QUALIFY several_flashes(c.flash, c.target, c.filter, c.length, c.filetype, c.epoch, c.pairing, c.estimator);
