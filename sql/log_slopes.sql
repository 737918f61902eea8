-- log_slopes(aperture := 3); the view of the same name is that of the default radius
-- Grain: a pair and flux bin, at one aperture radius, by the estimator 'log_ratio'; the counterpart of slopes, from
-- which `cte` and all that is built on it take their rows of this estimator. A bin without stars has its row, with
-- n = 0; fewer than three stars have no slope.
-- Stars with the mean of both fluxes strictly inside the bin, the logarithm of their ratio, a clip about the fitted
-- line, a straight line by least squares against the distance from the amplifiers, the mean of both images (ratios).
-- Where readout takes the same fraction from row to row this is linear whatever the loss and wherever the star lies in
-- either image, and the noise of a logarithm of a ratio is symmetric; the ratio itself gives 1 to 4% too much at losses of 0.3 to 0.6 (docs/model_evidence.md).
CREATE OR REPLACE MACRO log_slopes(aperture := default_aperture()) AS TABLE
WITH grouped AS (
    -- The CASE keeps this a plain product with the few bins; a bare range condition is planned as a sort.
    SELECT
        r.pair_id, r.target, r.proposal, r.flash, r.filetype, b.bin_lo, b.bin_hi,
        list_grade_up(list(r.master_id)) AS by_star,
        list(line_distance('log_ratio', r.distance, r.row_offset)) AS distances,
        list(ln(r.ratio)) AS logarithms,
        list(r.mean_flux) AS fluxes,
        list(r.background) AS backgrounds,
        list(0.5 * log10(r.flux_1 * r.flux_2)) AS log_fluxes
    FROM ratios(aperture := aperture) AS r
    CROSS JOIN flux_bins AS b
    WHERE CASE WHEN r.mean_flux > b.bin_lo AND r.mean_flux < b.bin_hi THEN true ELSE false END
    GROUP BY r.pair_id, r.target, r.proposal, r.flash, r.filetype, b.bin_lo, b.bin_hi
),
ordered AS (
    -- A sum depends on its order in the last digits; in the order of the stars it is the same however it was planned.
    SELECT
        g.* EXCLUDE (by_star) REPLACE (
            list_select(g.distances, g.by_star) AS distances,
            list_select(g.logarithms, g.by_star) AS logarithms,
            list_select(g.fluxes, g.by_star) AS fluxes,
            list_select(g.backgrounds, g.by_star) AS backgrounds,
            list_select(g.log_fluxes, g.by_star) AS log_fluxes
        )
    FROM grouped AS g
),
clipped AS (
    SELECT o.*, line_clip(o.distances, o.logarithms, s.clip_sigma) AS clip
    FROM ordered AS o
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
    w.pair_id::BIGINT AS pair_id,
    w.image_1::VARCHAR AS image_1,
    w.image_2::VARCHAR AS image_2,
    aperture::INTEGER AS aperture,
    w.bin_lo::DOUBLE AS bin_lo,
    w.bin_hi::DOUBLE AS bin_hi,
    'log_ratio'::VARCHAR AS estimator,
    coalesce(f.n_in_bin, 0)::BIGINT AS n_in_bin,
    coalesce(f.fit.n, 0)::BIGINT AS n,
    (CASE WHEN f.fit.n >= 3 THEN f.fit.slope END)::DOUBLE AS slope,
    (CASE WHEN f.fit.n >= 3 THEN f.fit.slope_err END)::DOUBLE AS slope_err,
    (CASE WHEN f.fit.n >= 3 THEN f.fit.intercept END)::DOUBLE AS intercept,
    f.mean_flux::DOUBLE AS mean_flux,
    f.mean_log_flux::DOUBLE AS mean_log_flux,
    f.mean_log_flux_sq::DOUBLE AS mean_log_flux_sq,
    f.background::DOUBLE AS background,
    (CASE WHEN f.fit.n >= 3 AND f.fit.slope IS NOT NULL THEN -f.half END)::DOUBLE AS clip_lo,
    (CASE WHEN f.fit.n >= 3 AND f.fit.slope IS NOT NULL THEN f.half END)::DOUBLE AS clip_hi,
    w.pairing::VARCHAR AS pairing,
    w.target::VARCHAR AS target,
    w.proposal::INTEGER AS proposal,
    w.visit::VARCHAR AS visit,
    w.filter::VARCHAR AS filter,
    w.exptime::DOUBLE AS exptime,
    w.length::VARCHAR AS length,
    w.flash::INTEGER AS flash,
    w.filetype::VARCHAR AS filetype,
    w.chinject::VARCHAR AS chinject,
    w.generation::VARCHAR AS generation,
    w.newest::BOOLEAN AS newest,
    w.mjd::DOUBLE AS mjd,
    (w.chip_1 + CASE WHEN w.pairing = '180' THEN 0 END)::INTEGER AS chip
FROM wanted AS w
LEFT JOIN fitted AS f
    ON f.pair_id = w.pair_id
    AND f.target = w.target
    AND f.proposal = w.proposal
    AND f.flash = w.flash
    AND f.filetype = w.filetype
    AND f.bin_lo = w.bin_lo
    AND f.bin_hi = w.bin_hi;
