-- epochs
-- Grain: an epoch of a target and charge injection: visits that started within settings.epoch_width_days.
CREATE OR REPLACE VIEW epochs AS
WITH counted AS (
    SELECT v.target, v.chinject, v.epoch, count(*) AS n_pairs
    FROM pairings AS q
    ASOF INNER JOIN visits AS v
        ON v.target = q.target AND v.proposal = q.proposal AND v.visit = q.visit AND v.chinject = q.chinject AND q.mjd >= v.mjd
    GROUP BY v.target, v.chinject, v.epoch
)
SELECT
    v.target::VARCHAR AS target,
    v.chinject::VARCHAR AS chinject,
    v.epoch::INTEGER AS epoch,
    any_value(v.epoch_mjd)::DOUBLE AS mjd,
    coalesce(any_value(c.n_pairs), 0)::BIGINT AS n_pairs,
    count(*)::BIGINT AS n_visits,
    min(v.mjd)::DOUBLE AS mjd_first,
    max(v.mjd)::DOUBLE AS mjd_last
FROM visits AS v
LEFT JOIN counted AS c ON c.target = v.target AND c.chinject = v.chinject AND c.epoch = v.epoch
GROUP BY v.target, v.chinject, v.epoch;
