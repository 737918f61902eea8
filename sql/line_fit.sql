-- line_fit(xs, ys)
-- Straight line through points by least squares, as scipy.stats.linregress: a STRUCT with n, slope, slope_err
-- (standard error of the slope) and intercept. Fewer than two points, or all at one x: NULL; two points: error 0.
CREATE OR REPLACE MACRO line_fit(xs, ys) AS
    list_transform(
        [line_sums(xs, ys)],
        lambda s: {
            'n': s.n,
            'slope': CASE WHEN s.n >= 2 AND s.sxx > 0 THEN s.sxy / s.sxx END,
            'slope_err': CASE
                WHEN s.n = 2 AND s.sxx > 0 THEN 0.0
                WHEN s.n > 2 AND s.sxx > 0
                    THEN sqrt(greatest(s.syy - s.sxy * s.sxy / s.sxx, 0.0) / s.sxx / (s.n - 2))
            END,
            'intercept': CASE WHEN s.n >= 2 AND s.sxx > 0 THEN s.mean_y - s.sxy / s.sxx * s.mean_x END
        }
    )[1];
