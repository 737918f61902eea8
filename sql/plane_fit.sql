-- plane_fit(xs, ys, zs)
-- Plane through points by least squares: a STRUCT with mean_x, mean_y, along_x and along_y (slopes of zs). Points on
-- one line in x and y: slopes NULL.
CREATE OR REPLACE MACRO plane_fit(xs, ys, zs) AS
    list_transform(
        [{'xy': line_sums(xs, ys), 'xz': line_sums(xs, zs).sxy, 'yz': line_sums(ys, zs).sxy}],
        lambda plane_s: list_transform(
            [plane_s.xy.sxx * plane_s.xy.syy - plane_s.xy.sxy * plane_s.xy.sxy],
            lambda plane_det: {
                'mean_x': plane_s.xy.mean_x,
                'mean_y': plane_s.xy.mean_y,
                'along_x': CASE
                    WHEN plane_det > 1e-9 * plane_s.xy.sxx * plane_s.xy.syy
                        THEN (plane_s.xz * plane_s.xy.syy - plane_s.yz * plane_s.xy.sxy) / plane_det
                END,
                'along_y': CASE
                    WHEN plane_det > 1e-9 * plane_s.xy.sxx * plane_s.xy.syy
                        THEN (plane_s.yz * plane_s.xy.sxx - plane_s.xz * plane_s.xy.sxy) / plane_det
                END
            }
        )[1]
    )[1];
