-- line_clip(points, k)
-- Points (list of STRUCT(x, y)) within k standard deviations of their straight line, clipped until none is lost:
-- a STRUCT with n and n_before (equal: it has converged) and points. Unlike a clip about the mean it neither keeps
-- the outliers of a steep relation nor cuts off its ends. As clip_about_line of cte_lake/model/estimators.py.
CREATE OR REPLACE MACRO line_clip(points, k) AS
    list_reduce(
        range(100),
        lambda clip_state, clip_number: CASE
            WHEN clip_state.n = clip_state.n_before OR clip_state.n < 3 THEN clip_state
            ELSE list_transform(
                [line_sums(
                    list_transform(clip_state.points, lambda clip_point: clip_point.x),
                    list_transform(clip_state.points, lambda clip_point: clip_point.y)
                )],
                lambda clip_sums: list_transform(
                    [CASE WHEN clip_sums.sxx > 0 THEN list_filter(
                        clip_state.points,
                        lambda clip_point: abs(
                            clip_point.y - clip_sums.mean_y
                            - clip_sums.sxy / clip_sums.sxx * (clip_point.x - clip_sums.mean_x)
                        ) <= k * sqrt(
                            greatest(clip_sums.syy - clip_sums.sxy * clip_sums.sxy / clip_sums.sxx, 0.0)
                            / (clip_sums.n - 2)
                        ) + 1e-15
                    ) ELSE clip_state.points END],
                    lambda clip_kept: {
                        n: len(clip_kept)::BIGINT, n_before: clip_state.n, points: clip_kept
                    }
                )[1]
            )[1]
        END,
        {n: len(points)::BIGINT, n_before: -1::BIGINT, points: points}
    );
