-- visits
-- Grain: a visit of a target, with the epoch that it belongs to. Exposures of one visit number that are more than
-- a day apart count as two visits.
-- Charge-injected exposures have visits and epochs of their own.
-- An epoch starts with its first visit and takes all visits that start less than settings.epoch_width_days after it.
-- No epoch is longer than that, and chains of visits do not grow together. Two dates come out as in 2017, where an
-- epoch held two dates at most and a third one within the width made an epoch of its own.
CREATE OR REPLACE VIEW visits AS
WITH RECURSIVE dated AS (
    SELECT
        e.target, e.proposal, e.visit, e.chinject, e.mjd,
        e.mjd - lag(e.mjd) OVER (PARTITION BY e.target, e.proposal, e.visit, e.chinject ORDER BY e.mjd) > 1 AS is_new
    FROM exposures AS e
),
numbered AS (
    SELECT
        d.target, d.proposal, d.visit, d.chinject, d.mjd,
        count(*) FILTER (d.is_new) OVER (PARTITION BY d.target, d.proposal, d.visit, d.chinject ORDER BY d.mjd) AS part
    FROM dated AS d
),
started AS MATERIALIZED (
    SELECT n.target, n.proposal, n.visit, n.chinject, n.part, min(n.mjd) AS mjd, count(*) AS n_exposures
    FROM numbered AS n
    GROUP BY n.target, n.proposal, n.visit, n.chinject, n.part
),
opened AS (
    SELECT v.target, v.chinject, 1 AS epoch, min(v.mjd) AS first_mjd
    FROM started AS v
    GROUP BY v.target, v.chinject
    UNION ALL
    SELECT o.target, o.chinject, o.epoch + 1, min(v.mjd)
    FROM opened AS o
    CROSS JOIN settings AS s
    INNER JOIN started AS v ON v.target = o.target AND v.chinject = o.chinject AND v.mjd >= o.first_mjd + s.epoch_width_days
    GROUP BY o.target, o.chinject, o.epoch
)
SELECT
    v.target::VARCHAR AS target,
    v.proposal::INTEGER AS proposal,
    v.visit::VARCHAR AS visit,
    v.chinject::VARCHAR AS chinject,
    v.mjd::DOUBLE AS mjd,
    o.epoch::INTEGER AS epoch,
    round_even(avg(DISTINCT v.mjd) OVER (PARTITION BY v.target, v.chinject, o.epoch), 0)::DOUBLE AS epoch_mjd,
    v.n_exposures::BIGINT AS n_exposures
FROM started AS v
ASOF INNER JOIN opened AS o ON o.target = v.target AND o.chinject = v.chinject AND v.mjd >= o.first_mjd;
