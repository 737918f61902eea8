-- clip_step(clip_state, clip_kept, k)
-- One step of the sigma clip: the state after the values inside the limits so far (`clip_kept`) were counted and, if
-- some were lost, averaged. The limits only tighten, as those of repeated clipping do. The half-width is at least
-- 1e-15 of the mean: rounding must not throw out a group of equal values.
-- list_transform over a list of one element computes mean and deviation once; an aggregate written twice would run
-- twice. An argument of a macro is text, so the lambdas' names are long: a short one could capture the caller's.
CREATE OR REPLACE MACRO clip_step(clip_state, clip_kept, k) AS
    CASE
        WHEN len(clip_kept) = clip_state.n
            THEN {'n': clip_state.n, 'lo': clip_state.lo, 'hi': clip_state.hi, 'converged': true}
        ELSE list_transform(
            [{
                'mean': list_aggregate(clip_kept::DOUBLE[], 'favg'),
                'deviation': list_aggregate(clip_kept::DOUBLE[], 'stddev_pop')
            }],
            lambda clip_moments: {
                'n': len(clip_kept)::BIGINT,
                'lo': greatest(
                    clip_state.lo,
                    clip_moments.mean - greatest(k * clip_moments.deviation, 1e-15 * abs(clip_moments.mean))
                ),
                'hi': least(
                    clip_state.hi,
                    clip_moments.mean + greatest(k * clip_moments.deviation, 1e-15 * abs(clip_moments.mean))
                ),
                'converged': false
            }
        )[1]
    END;
