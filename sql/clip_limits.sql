-- clip_limits(values, k)
-- Limits of a k-sigma clip about the mean (ddof 0, limits inclusive), repeated until no value is lost:
-- a STRUCT with n (values kept), n_before (kept one step earlier; equal to n: it has converged), lo and hi.
-- `values` is a list of finite numbers. A step that does not end the clip loses a value more than k deviations
-- off; a thousand steps are beyond what the range of doubles allows for.
CREATE OR REPLACE MACRO clip_limits(values, k) AS
    list_reduce(
        range(1000),
        lambda state, step: CASE
            WHEN state.n = state.n_before THEN state
            ELSE list_transform(
                [list_filter(values::DOUBLE[], lambda v: v BETWEEN state.lo AND state.hi)],
                lambda kept: clip_step(state, kept, k)
            )[1]
        END,
        {'n': -2::BIGINT, 'n_before': -1::BIGINT, 'lo': '-inf'::DOUBLE, 'hi': 'inf'::DOUBLE}
    );
