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
    v.target::VARCHAR AS target,  -- [-] Name of the target in this lake
    v.epoch::INTEGER AS epoch,  -- [-] Number of the epoch, from 1 for the target's first
    any_value(v.epoch_mjd)::DOUBLE AS mjd,  -- [d] Mean of the distinct dates, rounded to the day, halves to even (UTC)
    coalesce(any_value(c.n_pairs), 0)::BIGINT AS n_pairs,  -- [-] Pairs of exposures, of both kinds
    count(*)::BIGINT AS n_visits,  -- [-] Visits
    min(v.mjd)::DOUBLE AS mjd_first,  -- [d] Start of the first visit, modified Julian date (UTC)
    max(v.mjd)::DOUBLE AS mjd_last  -- [d] Start of the last visit, modified Julian date (UTC)
FROM visits AS v
LEFT JOIN counted AS c ON c.target = v.target AND c.epoch = v.epoch
GROUP BY v.target, v.epoch;
