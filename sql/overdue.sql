-- overdue
-- Grain: a time without an epoch of a target, longer than its cadence allows: visits that never came, or are late.
-- The cadence is the median interval between the epochs before; there must be two intervals at least. An interval of
-- more than 1.6 times that is a gap; so is the time from the last epoch until today.
CREATE OR REPLACE VIEW overdue AS
WITH dated AS (
    SELECT e.target, e.mjd_first, e.mjd_last
    FROM epochs AS e
    WHERE e.chinject = 'NONE'
    UNION ALL
    SELECT e.target, today_mjd(), NULL
    FROM epochs AS e
    WHERE e.chinject = 'NONE'
    GROUP BY e.target
),
spaced AS (
    SELECT
        d.target,
        d.mjd_last IS NULL AS is_today,
        lag(d.mjd_first) OVER in_time AS since,
        d.mjd_first - lag(d.mjd_first) OVER in_time AS days
    FROM dated AS d
    WINDOW in_time AS (PARTITION BY d.target ORDER BY d.mjd_first)
),
expected AS (
    SELECT
        s.*,
        median(s.days) OVER earlier AS cadence,
        count(s.days) OVER earlier AS n_intervals
    FROM spaced AS s
    WINDOW earlier AS (
        PARTITION BY s.target ORDER BY s.since NULLS FIRST ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    )
)
SELECT
    x.target::VARCHAR AS target,
    (CASE WHEN x.is_today THEN 'late' ELSE 'never came' END)::VARCHAR AS state,
    x.since::DOUBLE AS since,
    (x.since + x.cadence)::DOUBLE AS expected,
    x.cadence::DOUBLE AS cadence,
    greatest(1, CASE WHEN x.is_today THEN floor(x.days / x.cadence) ELSE round(x.days / x.cadence) - 1 END)::INTEGER AS n_missing
FROM expected AS x
WHERE x.n_intervals >= 2 AND x.days > 1.6 * x.cadence;
