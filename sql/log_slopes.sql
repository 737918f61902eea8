-- log_slopes(aperture := 3); the view of the same name is that of the default radius
-- Grain: a pair and flux bin, at one aperture radius: what the coefficients are fitted to, by the estimator
-- 'log_ratio'. Stars with the mean of both fluxes strictly inside the bin, the logarithm of their ratio, a clip
-- about the fitted line, a straight line by least squares against the distance from the amplifiers. Where readout
-- takes the same fraction from row to row this is linear whatever the loss, and the noise of a logarithm of a
-- ratio is symmetric; the ratio itself gives 1 to 4% too much at losses of 0.3 to 0.6 (docs/model.md).
-- Only what could be measured is there: three stars or more.
CREATE OR REPLACE MACRO log_slopes(aperture := default_aperture()) AS TABLE
WITH binned AS (
    SELECT r.*, b.bin_lo, b.bin_hi
    FROM ratios(aperture := aperture) AS r
    CROSS JOIN flux_bins AS b
    WHERE CASE WHEN true THEN r.mean_flux > b.bin_lo AND r.mean_flux < b.bin_hi END
),
clipped AS (
    SELECT
        r.pair_id, r.target, r.proposal, r.flash, r.filetype, r.bin_lo, r.bin_hi,
        count(*) AS n_in_bin,
        line_clip(
            list({
                x: r.distance, y: ln(r.ratio), flux: r.mean_flux, background: r.background,
                log_flux: 0.5 * log10(r.flux_1 * r.flux_2)
            }),
            any_value(s.clip_sigma)
        ).points AS points
    FROM binned AS r
    CROSS JOIN settings AS s
    GROUP BY ALL
),
fitted AS (
    SELECT
        c.*,
        line_fit(
            list_transform(c.points, lambda p: p.x),
            list_transform(c.points, lambda p: p.y)
        ) AS fit,
        list_avg(list_transform(c.points, lambda p: p.flux)) AS mean_flux,
        list_avg(list_transform(c.points, lambda p: p.background)) AS background,
        list_avg(list_transform(c.points, lambda p: p.log_flux)) AS mean_log_flux,
        list_avg(list_transform(c.points, lambda p: p.log_flux * p.log_flux)) AS mean_log_flux_sq
    FROM clipped AS c
)
SELECT
    q.pair_id::BIGINT AS pair_id,  -- [-] Number of the pair
    q.image_1::VARCHAR AS image_1,  -- [-] Image on chip 1, or of the first visit
    q.image_2::VARCHAR AS image_2,  -- [-] Image on chip 2, or of the second visit
    aperture::INTEGER AS aperture,  -- [pix] Aperture radius
    f.bin_lo::DOUBLE AS bin_lo,  -- [electron] Lower limit of the flux bin, not in it
    f.bin_hi::DOUBLE AS bin_hi,  -- [electron] Upper limit of the flux bin, not in it
    'log_ratio'::VARCHAR AS estimator,  -- [-] Always 'log_ratio'
    f.n_in_bin::BIGINT AS n_in_bin,  -- [-] Stars in the bin
    f.fit.n::BIGINT AS n,  -- [-] Stars left by the clip
    f.fit.slope::DOUBLE AS slope,  -- [1 / pix] Slope of ln(ratio) against the distance from the amplifiers
    f.fit.slope_err::DOUBLE AS slope_err,  -- [1 / pix] Standard error of the slope
    f.fit.intercept::DOUBLE AS intercept,  -- [-] ln(ratio) at distance 0
    (f.fit.slope / 2 * 2048)::DOUBLE AS cte_loss,  -- [-] Fraction of the flux lost per 2048 rows, of what is left
    (f.fit.slope_err / 2 * 2048)::DOUBLE AS cte_loss_err,  -- [-] Standard error of cte_loss
    f.mean_flux::DOUBLE AS mean_flux,  -- [electron] Mean over the stars left of the mean of their two fluxes
    f.mean_log_flux::DOUBLE AS mean_log_flux,  -- [dex(electron)] Mean of f = (log10 flux_1 + log10 flux_2) / 2
    f.mean_log_flux_sq::DOUBLE AS mean_log_flux_sq,  -- [-] Mean of the square of f
    f.background::DOUBLE AS background,  -- [electron] Mean sky per pixel about the stars left
    q.pairing::VARCHAR AS pairing,  -- [-] 'chips': chip 1 against chip 2; '180': a chip against itself, rolled
    q.target::VARCHAR AS target,  -- [-] Name of the target in this lake
    q.proposal::INTEGER AS proposal,  -- [-] Proposal number
    q.visit::VARCHAR AS visit,  -- [-] Visit of image_1
    q.filter::VARCHAR AS filter,  -- [-] Filter
    q.exptime::DOUBLE AS exptime,  -- [s] Exposure time
    q.length::VARCHAR AS length,  -- [-] 's' for a short exposure, 'l' for a long one
    q.flash::INTEGER AS flash,  -- [electron] Post-flash level per pixel, 0 without post-flash
    q.filetype::VARCHAR AS filetype,  -- [-] 'flt', or 'flc' after the pixel-based CTE correction
    q.mjd::DOUBLE AS mjd,  -- [d] Mean of the two starts, modified Julian date (UTC)
    (q.chip_1 + CASE WHEN q.pairing = '180' THEN 0 END)::INTEGER AS chip  -- [-] Chip of both images; NULL for a pair of chips
FROM fitted AS f
INNER JOIN pairings AS q
    ON q.pair_id = f.pair_id
    AND q.target = f.target
    AND q.proposal = f.proposal
    AND q.flash = f.flash
    AND q.filetype = f.filetype
WHERE f.fit.n >= 3 AND f.fit.slope IS NOT NULL;
