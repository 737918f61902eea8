-- coverage
-- Grain: a visit of a target at one filter, exposure length, post-flash level and charge injection: what is in the lake.
CREATE OR REPLACE VIEW coverage AS
WITH paired AS (
    SELECT
        unnest([q.image_1, q.image_2]) AS imagename,
        q.pair_id
    FROM pairings AS q
)
SELECT
    e.target::VARCHAR AS target,
    e.proposal::INTEGER AS proposal,
    e.visit::VARCHAR AS visit,
    e.filter::VARCHAR AS filter,
    e.length::VARCHAR AS length,
    e.flash::INTEGER AS flash,
    e.chinject::VARCHAR AS chinject,
    min(e.mjd)::DOUBLE AS mjd,
    (count(*) FILTER (e.filetype = 'flt'))::BIGINT AS n_flt,
    (count(*) FILTER (e.filetype = 'flc'))::BIGINT AS n_flc,
    count(*)::BIGINT AS n_exposures,
    count(DISTINCT p.pair_id)::BIGINT AS n_pairs,
    sum(e.n_measured)::BIGINT AS n_measured
FROM exposures AS e
LEFT JOIN paired AS p ON p.imagename = e.imagename
GROUP BY e.target, e.proposal, e.visit, e.filter, e.length, e.flash, e.chinject;
