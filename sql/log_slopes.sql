-- log_slopes(aperture := 3); the view of the same name is that of the default radius
-- Grain: a pair and flux bin, at one aperture radius, by the estimator 'log_ratio'; the counterpart of slopes, from
-- which `cte` and all that is built on it take their rows of this estimator. A bin without stars has its row, with
-- n = 0; fewer than three stars have no slope.
-- Stars with the mean of both fluxes strictly inside the bin, the logarithm of their ratio, a clip about the fitted
-- line, a straight line by least squares against the distance from the amplifiers. Where readout takes the same
-- fraction from row to row this is linear whatever the loss, and the noise of a logarithm of a ratio is symmetric;
-- the ratio itself gives 1 to 4% too much at losses of 0.3 to 0.6 (docs/model.md).
CREATE OR REPLACE MACRO log_slopes(aperture := default_aperture()) AS TABLE
WITH grouped AS (
    -- The CASE keeps this a plain product with the few bins; a bare range condition is planned as a sort.
    SELECT
        r.pair_id, r.target, r.proposal, r.flash, r.filetype, b.bin_lo, b.bin_hi,
        list(r.distance) AS distances,
        list(ln(r.ratio)) AS logarithms,
        list(r.mean_flux) AS fluxes,
        list(r.background) AS backgrounds,
        list(0.5 * log10(r.flux_1 * r.flux_2)) AS log_fluxes
    FROM ratios(aperture := aperture) AS r
    CROSS JOIN flux_bins AS b
    WHERE CASE WHEN r.mean_flux > b.bin_lo AND r.mean_flux < b.bin_hi THEN true ELSE false END
    GROUP BY r.pair_id, r.target, r.proposal, r.flash, r.filetype, b.bin_lo, b.bin_hi
),
clipped AS (
    SELECT g.*, line_clip(g.distances, g.logarithms, s.clip_sigma) AS clip
    FROM grouped AS g
    CROSS JOIN settings AS s
),
fitted AS (
    SELECT
        c.pair_id, c.target, c.proposal, c.flash, c.filetype, c.bin_lo, c.bin_hi,
        len(c.logarithms) AS n_in_bin,
        c.clip.half AS half,
        line_fit(list_where(c.distances, c.clip.kept), list_where(c.logarithms, c.clip.kept)) AS fit,
        list_avg(list_where(c.fluxes, c.clip.kept)) AS mean_flux,
        list_avg(list_where(c.backgrounds, c.clip.kept)) AS background,
        list_avg(list_where(c.log_fluxes, c.clip.kept)) AS mean_log_flux,
        list_avg(list_transform(list_where(c.log_fluxes, c.clip.kept), lambda log_f: log_f * log_f)) AS mean_log_flux_sq
    FROM clipped AS c
),
wanted AS (
    SELECT q.*, b.bin_lo, b.bin_hi
    FROM pairings AS q
    CROSS JOIN flux_bins AS b
)
SELECT
    w.pair_id::BIGINT AS pair_id,  -- [-] Number of the pair
    w.image_1::VARCHAR AS image_1,  -- [-] Image on chip 1, or of the first visit
    w.image_2::VARCHAR AS image_2,  -- [-] Image on chip 2, or of the second visit
    aperture::INTEGER AS aperture,  -- [pix] Aperture radius
    w.bin_lo::DOUBLE AS bin_lo,  -- [electron] Lower limit of the flux bin, not in it
    w.bin_hi::DOUBLE AS bin_hi,  -- [electron] Upper limit of the flux bin, not in it
    'log_ratio'::VARCHAR AS estimator,  -- [-] Always 'log_ratio'
    coalesce(f.n_in_bin, 0)::BIGINT AS n_in_bin,  -- [-] Stars in the bin
    coalesce(f.fit.n, 0)::BIGINT AS n,  -- [-] Stars left by the clip
    (CASE WHEN f.fit.n >= 3 THEN f.fit.slope END)::DOUBLE AS slope,  -- [1 / pix] Slope of ln(ratio) against the distance from the amplifiers
    (CASE WHEN f.fit.n >= 3 THEN f.fit.slope_err END)::DOUBLE AS slope_err,  -- [1 / pix] Standard error of the slope
    (CASE WHEN f.fit.n >= 3 THEN f.fit.intercept END)::DOUBLE AS intercept,  -- [-] ln(ratio) at distance 0
    f.mean_flux::DOUBLE AS mean_flux,  -- [electron] Mean over the stars left of the mean of their two fluxes
    f.mean_log_flux::DOUBLE AS mean_log_flux,  -- [dex(electron)] Mean of f = (log10 flux_1 + log10 flux_2) / 2 over the stars left
    f.mean_log_flux_sq::DOUBLE AS mean_log_flux_sq,  -- [-] Mean of the square of f over the stars left
    f.background::DOUBLE AS background,  -- [electron] Mean sky per pixel about the stars left
    (CASE WHEN f.fit.n >= 3 AND f.fit.slope IS NOT NULL THEN -f.half END)::DOUBLE AS clip_lo,  -- [-] Lower limit of the clip, of ln(ratio) less the fitted line
    (CASE WHEN f.fit.n >= 3 AND f.fit.slope IS NOT NULL THEN f.half END)::DOUBLE AS clip_hi,  -- [-] Upper limit of the clip, of ln(ratio) less the fitted line
    w.pairing::VARCHAR AS pairing,  -- [-] 'chips': chip 1 against chip 2; '180': a chip against itself, rolled
    w.target::VARCHAR AS target,  -- [-] Name of the target in this lake
    w.proposal::INTEGER AS proposal,  -- [-] Proposal number
    w.visit::VARCHAR AS visit,  -- [-] Visit of image_1
    w.filter::VARCHAR AS filter,  -- [-] Filter
    w.exptime::DOUBLE AS exptime,  -- [s] Exposure time
    w.length::VARCHAR AS length,  -- [-] 's' for a short exposure, 'l' for a long one
    w.flash::INTEGER AS flash,  -- [electron] Post-flash level per pixel, 0 without post-flash
    w.filetype::VARCHAR AS filetype,  -- [-] 'flt', or 'flc' after the pixel-based CTE correction
    w.mjd::DOUBLE AS mjd,  -- [d] Mean of the two starts, modified Julian date (UTC)
    (w.chip_1 + CASE WHEN w.pairing = '180' THEN 0 END)::INTEGER AS chip  -- [-] Chip of both images; NULL for a pair of chips
FROM wanted AS w
LEFT JOIN fitted AS f
    ON f.pair_id = w.pair_id
    AND f.target = w.target
    AND f.proposal = w.proposal
    AND f.flash = w.flash
    AND f.filetype = w.filetype
    AND f.bin_lo = w.bin_lo
    AND f.bin_hi = w.bin_hi;
