-- slopes(aperture := 3); the view of the same name is that of the default radius
-- Grain: a pair, flux bin and estimator, at one aperture radius. A bin without stars has its row, with n = 0 and
-- NULL for what cannot be measured (one star: no slope; two stars: an error of 0, as linregress gives it).
-- Estimators: 'both_in_bin' takes the stars with both fluxes strictly inside the bin (2017; it cuts the ratios off
-- and flattens the slope of faint bins), 'mean_flux' those with the mean of both fluxes strictly inside.
-- Then a sigma clip of the ratios about their mean, to convergence, and a straight line by least squares against
-- the distance from the amplifiers. On chip 2 that is the row; on chip 1 (180-degree pairs) it runs the other way
-- and turns the slope's sign, so that a loss is positive everywhere; the intercept is the ratio at distance 0.
CREATE OR REPLACE MACRO slopes(aperture := default_aperture()) AS TABLE
WITH binned AS (
    -- Both fluxes in a bin: their mean is in it too, so the stars of one estimator are among those of the other.
    -- The CASE keeps this a plain product with the few bins; a bare range condition is planned as a sort.
    SELECT
        r.pair_id, r.target, r.proposal, r.flash, r.filetype, r.master_id, r.ratio, r.distance, r.mean_flux,
        r.background, b.bin_lo, b.bin_hi,
        least(r.flux_1, r.flux_2) > b.bin_lo AND greatest(r.flux_1, r.flux_2) < b.bin_hi AS both_in
    FROM ratios(aperture := aperture) AS r
    CROSS JOIN flux_bins AS b
    WHERE CASE WHEN r.mean_flux > b.bin_lo AND r.mean_flux < b.bin_hi THEN true ELSE false END
),
grouped AS (
    SELECT
        pair_id, target, proposal, flash, filetype, bin_lo, bin_hi,
        list_grade_up(list(master_id)) AS by_star,
        list(ratio) AS ratios,
        list(distance) AS distances,
        list(mean_flux) AS fluxes,
        list(background) AS backgrounds,
        list(both_in) AS both_in
    FROM binned
    GROUP BY pair_id, target, proposal, flash, filetype, bin_lo, bin_hi
),
ordered AS (
    -- A sum depends on its order in the last digits; in the order of the stars it is the same however it was planned.
    SELECT
        g.* EXCLUDE (by_star) REPLACE (
            list_select(g.ratios, g.by_star) AS ratios,
            list_select(g.distances, g.by_star) AS distances,
            list_select(g.fluxes, g.by_star) AS fluxes,
            list_select(g.backgrounds, g.by_star) AS backgrounds,
            list_select(g.both_in, g.by_star) AS both_in
        )
    FROM grouped AS g
),
listed AS (
    SELECT
        g.pair_id, g.target, g.proposal, g.flash, g.filetype, g.bin_lo, g.bin_hi, v.estimator,
        CASE v.estimator WHEN 'mean_flux' THEN g.ratios ELSE list_where(g.ratios, g.both_in) END AS ratios,
        CASE v.estimator WHEN 'mean_flux' THEN g.distances ELSE list_where(g.distances, g.both_in) END AS distances,
        CASE v.estimator WHEN 'mean_flux' THEN g.fluxes ELSE list_where(g.fluxes, g.both_in) END AS fluxes,
        CASE v.estimator WHEN 'mean_flux' THEN g.backgrounds ELSE list_where(g.backgrounds, g.both_in) END AS backgrounds
    FROM ordered AS g
    CROSS JOIN (VALUES ('both_in_bin'), ('mean_flux')) AS v (estimator)
),
limited AS (
    SELECT l.*, clip_limits(l.ratios, s.clip_sigma) AS clip
    FROM listed AS l
    CROSS JOIN settings AS s
),
marked AS (
    SELECT l.*, list_transform(l.ratios, lambda r: r BETWEEN l.clip.lo AND l.clip.hi) AS inside
    FROM limited AS l
),
kept AS (
    -- A step of its own: what is given to a macro is worked out again wherever the macro names it.
    SELECT
        m.* EXCLUDE (inside) REPLACE (
            list_where(m.ratios, m.inside) AS ratios,
            list_where(m.distances, m.inside) AS distances,
            list_where(m.fluxes, m.inside) AS fluxes,
            list_where(m.backgrounds, m.inside) AS backgrounds
        ),
        len(m.ratios) AS n_in_bin
    FROM marked AS m
),
fitted AS (
    SELECT
        k.* EXCLUDE (ratios, distances, fluxes, backgrounds),
        line_fit(k.distances, k.ratios) AS fit,
        list_avg(k.fluxes) AS mean_flux,
        list_avg(k.backgrounds) AS background
    FROM kept AS k
),
wanted AS (
    SELECT q.*, b.bin_lo, b.bin_hi, v.estimator
    FROM pairings AS q
    CROSS JOIN flux_bins AS b
    CROSS JOIN (VALUES ('both_in_bin'), ('mean_flux')) AS v (estimator)
)
SELECT
    w.pair_id::BIGINT AS pair_id,
    w.image_1::VARCHAR AS image_1,
    w.image_2::VARCHAR AS image_2,
    aperture::INTEGER AS aperture,
    w.bin_lo::DOUBLE AS bin_lo,
    w.bin_hi::DOUBLE AS bin_hi,
    w.estimator::VARCHAR AS estimator,
    coalesce(f.n_in_bin, 0)::BIGINT AS n_in_bin,
    coalesce(f.fit.n, 0)::BIGINT AS n,
    f.fit.slope::DOUBLE AS slope,
    f.fit.slope_err::DOUBLE AS slope_err,
    f.fit.intercept::DOUBLE AS intercept,
    f.mean_flux::DOUBLE AS mean_flux,
    f.background::DOUBLE AS background,
    f.clip.lo::DOUBLE AS clip_lo,
    f.clip.hi::DOUBLE AS clip_hi,
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
    AND f.bin_hi = w.bin_hi
    AND f.estimator = w.estimator;
