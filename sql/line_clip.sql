-- line_clip(xs, ys, k)
-- Points within k standard deviations of their straight line, clipped until none is lost: a STRUCT with kept (a
-- BOOLEAN a point), half (half-width of the last limits, in units of ys) and n and n_before (points kept by the last
-- two steps; equal: it has converged). Points all at one x, or fewer than three, are kept. Unlike a clip about the
-- mean it neither keeps the outliers of a steep relation nor cuts off its ends. A point that a step took out stays
-- out. As clip_about_line of cte_lake/model/estimators.py.
CREATE OR REPLACE MACRO line_clip(xs, ys, k) AS
    list_reduce(
        -- The first state, and a NULL of its type for each step, as in clip_limits.
        list_resize(
            [{
                'n': len(xs)::BIGINT,
                'n_before': -1::BIGINT,
                'half': NULL::DOUBLE,
                'kept': list_transform(xs, lambda clip_x: true)
            }],
            101
        ),
        lambda clip_state, clip_next: CASE
            WHEN clip_state.n = clip_state.n_before OR clip_state.n < 3 THEN clip_state
            ELSE list_transform(
                [line_sums(list_where(xs, clip_state.kept), list_where(ys, clip_state.kept))],
                lambda clip_sums: list_transform(
                    [{
                        'slope': clip_sums.sxy / clip_sums.sxx,
                        -- The scatter about a perfect line is the root of rounding.
                        'half': greatest(
                            k * sqrt(
                                greatest(clip_sums.syy - clip_sums.sxy * clip_sums.sxy / clip_sums.sxx, 0.0)
                                / (clip_sums.n - 2)
                            ),
                            1e-7 * sqrt(clip_sums.syy / clip_sums.n)
                        ) + 1e-15
                    }],
                    lambda clip_line: list_transform(
                        [list_transform(
                            list_zip(xs, ys, clip_state.kept),
                            lambda clip_point: clip_point[3] AND coalesce(
                                clip_sums.sxx <= 0 OR abs(
                                    clip_point[2] - clip_sums.mean_y
                                    - clip_line.slope * (clip_point[1] - clip_sums.mean_x)
                                ) <= clip_line.half,
                                true
                            )
                        )],
                        lambda clip_kept: {
                            'n': len(list_filter(clip_kept, lambda clip_is_kept: clip_is_kept))::BIGINT,
                            'n_before': clip_state.n,
                            'half': clip_line.half,
                            'kept': clip_kept
                        }
                    )[1]
                )[1]
            )[1]
        END
    );
