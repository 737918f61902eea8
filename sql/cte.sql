-- cte(aperture := 3); the view of the same name is that of the default radius
-- Grain: a pair, flux bin and estimator, at one aperture radius, as in slopes.
-- Loss per chip height = slope / 2 * 2048: the ratio gains from both chips.
CREATE OR REPLACE MACRO cte(aperture := default_aperture()) AS TABLE
SELECT
    m.pair_id::BIGINT AS pair_id,  -- [-] Number of the pair
    m.image_1::VARCHAR AS image_1,  -- [-] Image on chip 1, or of the first visit
    m.image_2::VARCHAR AS image_2,  -- [-] Image on chip 2, or of the second visit
    m.aperture::INTEGER AS aperture,  -- [pix] Aperture radius
    m.bin_lo::DOUBLE AS bin_lo,  -- [electron] Lower limit of the flux bin, not in it
    m.bin_hi::DOUBLE AS bin_hi,  -- [electron] Upper limit of the flux bin, not in it
    m.estimator::VARCHAR AS estimator,  -- [-] 'both_in_bin' or 'mean_flux'
    m.n_in_bin::BIGINT AS n_in_bin,  -- [-] Stars in the bin
    m.n::BIGINT AS n,  -- [-] Stars left by the sigma clip
    m.slope::DOUBLE AS slope,  -- [1 / pix] Slope of the ratio against the distance from the amplifiers
    m.slope_err::DOUBLE AS slope_err,  -- [1 / pix] Standard error of the slope
    m.intercept::DOUBLE AS intercept,  -- [-] Ratio at distance 0
    m.mean_flux::DOUBLE AS mean_flux,  -- [electron] Mean over the stars left of the mean of their two fluxes
    (m.slope / 2 * 2048)::DOUBLE AS cte_loss,  -- [-] Fraction of the flux lost per 2048 rows
    (m.slope_err / 2 * 2048)::DOUBLE AS cte_loss_err,  -- [-] Standard error of cte_loss
    (CASE WHEN m.slope / 2 * 2048 < 1 THEN -2.5 * log10(1 - m.slope / 2 * 2048) END)::DOUBLE AS cte_dmag,  -- [mag] Loss in magnitudes per 2048 rows; NULL for a loss of all
    m.background::DOUBLE AS background,  -- [electron] Mean sky per pixel about the stars left
    m.clip_lo::DOUBLE AS clip_lo,  -- [-] Lower limit of the sigma clip
    m.clip_hi::DOUBLE AS clip_hi,  -- [-] Upper limit of the sigma clip
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
FROM slopes(aperture := aperture) AS m
ASOF LEFT JOIN visits AS v
    ON v.target = m.target AND v.proposal = m.proposal AND v.visit = m.visit AND m.mjd >= v.mjd;
