-- clip_limits(samples, k)
-- Limits of a k-sigma clip about the mean (ddof 0, limits inclusive), repeated until no sample is lost: a STRUCT with
-- n (samples kept), lo, hi and converged. `samples` is a list of finite numbers; an empty one keeps 0 within
-- infinite limits. Each step but the last loses a sample that lies more than k deviations off the rest: a thousand
-- steps are beyond what the range of doubles allows for.
-- The list that is reduced holds the first state and a NULL of its type for each step: DuckDB 1.5 and earlier do not
-- take a state of another type than the list's.
CREATE OR REPLACE MACRO clip_limits(samples, k) AS
    list_reduce(
        list_resize(
            [clip_step({'n': -1::BIGINT, 'lo': '-inf'::DOUBLE, 'hi': 'inf'::DOUBLE}, samples, k)],
            1001
        ),
        lambda clip_so_far, clip_next: CASE
            WHEN clip_so_far.converged THEN clip_so_far
            ELSE list_transform(
                [list_filter(samples::DOUBLE[], lambda clip_sample: clip_sample BETWEEN clip_so_far.lo AND clip_so_far.hi)],
                lambda clip_inside: clip_step(clip_so_far, clip_inside, k)
            )[1]
        END
    );
