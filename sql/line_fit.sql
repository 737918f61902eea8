-- line_fit(xs, ys)
-- Straight line through points by least squares, as scipy.stats.linregress: a STRUCT with n, slope, slope_err
-- (standard error of the slope) and intercept. Fewer than two points, or all at one x: NULL; two points: error 0.
CREATE OR REPLACE MACRO line_fit(xs, ys) AS
    list_transform(
        [{'x': xs, 'y': ys}],
        lambda line_given: list_transform(
            [line_sums(line_given.x, line_given.y)],
            lambda line_s: CASE
                -- Not sxx > 0: the rounding of the mean gives equal values a spread.
                WHEN list_max(line_given.x) > list_min(line_given.x) THEN {
                    'n': line_s.n,
                    'slope': line_s.sxy / line_s.sxx,
                    'slope_err': CASE line_s.n
                        WHEN 2 THEN 0.0
                        ELSE sqrt(
                            greatest(line_s.syy - line_s.sxy * line_s.sxy / line_s.sxx, 0.0)
                            / line_s.sxx / (line_s.n - 2)
                        )
                    END,
                    'intercept': line_s.mean_y - line_s.sxy / line_s.sxx * line_s.mean_x
                }
                ELSE {'n': line_s.n, 'slope': NULL, 'slope_err': NULL, 'intercept': NULL}
            END
        )[1]
    )[1];
