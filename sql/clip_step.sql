-- clip_step(state, kept, k)
-- One step of the sigma clip: the state after the values inside the limits so far (`kept`) were counted
-- and averaged. The limits only tighten, as those of repeated clipping do. The half-width is at least 1e-15
-- of the mean: rounding must not throw out a group of equal values.
-- list_transform over a list of one element computes mean and deviation once; an aggregate written twice
-- would run twice.
CREATE OR REPLACE MACRO clip_step(state, kept, k) AS
    list_transform(
        [{
            'mean': list_aggregate(kept::DOUBLE[], 'favg'),
            'deviation': list_aggregate(kept::DOUBLE[], 'stddev_pop')
        }],
        lambda m: {
            'n': len(kept)::BIGINT,
            'n_before': state.n,
            'lo': greatest(state.lo, m.mean - greatest(k * m.deviation, 1e-15 * abs(m.mean))),
            'hi': least(state.hi, m.mean + greatest(k * m.deviation, 1e-15 * abs(m.mean)))
        }
    )[1];
