-- epochs
-- Grain: an epoch of a target: visits that started within settings.epoch_width_days.
CREATE OR REPLACE VIEW epochs AS
WITH counted AS (
    SELECT v.target, v.epoch, count(*) AS n_pairs
    FROM pairings AS q
    ASOF INNER JOIN visits AS v
        ON v.target = q.target AND v.proposal = q.proposal AND v.visit = q.visit AND q.mjd >= v.mjd
    GROUP BY v.target, v.epoch
)
SELECT
    v.target::VARCHAR AS target,
    v.epoch::INTEGER AS epoch,
    any_value(v.epoch_mjd)::DOUBLE AS mjd,
    coalesce(any_value(c.n_pairs), 0)::BIGINT AS n_pairs,
    count(*)::BIGINT AS n_visits,
    min(v.mjd)::DOUBLE AS mjd_first,
    max(v.mjd)::DOUBLE AS mjd_last
FROM visits AS v
LEFT JOIN counted AS c ON c.target = v.target AND c.epoch = v.epoch
GROUP BY v.target, v.epoch;
