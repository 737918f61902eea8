-- coverage
-- Grain: a visit of a target at one filter, exposure length, post-flash level and charge injection: what is in the lake, and
-- what should be there and is not. Missing are: a file type that the lake has of others; a chip (not in 180-degree
-- sets, whose partner is another visit); a whole combination that more than half of the three or more visits of the
-- program have (no exposures, `mjd` NULL); a post-flash level of the program's plan that no visit has (`visit` NULL).
CREATE OR REPLACE VIEW coverage AS
WITH paired AS (
    SELECT
        unnest([q.image_1, q.image_2]) AS imagename,
        q.pair_id
    FROM pairings AS q
),
kinds AS (
    SELECT coalesce(bool_or(e.filetype = 'flt'), false) AS flt, coalesce(bool_or(e.filetype = 'flc'), false) AS flc
    FROM exposures AS e
),
held AS MATERIALIZED (
    SELECT
        e.target, e.proposal, e.visit, e.filter, e.length, e.flash, e.chinject,
        min(e.mjd) AS mjd,
        count(*) FILTER (e.filetype = 'flt') AS n_flt,
        count(*) FILTER (e.filetype = 'flc') AS n_flc,
        list(DISTINCT e.chip) FILTER (e.filetype = 'flt') AS chips_flt,
        list(DISTINCT e.chip) FILTER (e.filetype = 'flc') AS chips_flc,
        count(DISTINCT p.pair_id) AS n_pairs,
        sum(e.n_measured) AS n_measured
    FROM exposures AS e
    LEFT JOIN paired AS p ON p.imagename = e.imagename
    GROUP BY e.target, e.proposal, e.visit, e.filter, e.length, e.flash, e.chinject
),
visited AS (
    SELECT h.target, h.proposal, list(DISTINCT h.visit) AS visits
    FROM held AS h
    GROUP BY h.target, h.proposal
),
usual AS (
    SELECT h.target, h.proposal, h.filter, h.length, h.flash, h.chinject, unnest(any_value(v.visits)) AS visit
    FROM held AS h
    INNER JOIN visited AS v ON v.target = h.target AND v.proposal = h.proposal
    GROUP BY h.target, h.proposal, h.filter, h.length, h.flash, h.chinject
    HAVING any_value(len(v.visits)) >= 3 AND 2 * count(*) > any_value(len(v.visits))
),
wanted AS (
    SELECT u.target, u.proposal, u.visit, u.filter, u.length, u.flash, u.chinject, 'all exposures' AS missing
    FROM usual AS u
    ANTI JOIN held AS h
        ON h.target = u.target AND h.proposal = u.proposal AND h.visit = u.visit AND h.filter = u.filter
        AND h.length = u.length AND h.flash = u.flash AND h.chinject = u.chinject
    UNION ALL
    SELECT f.target, f.proposal, NULL, NULL, NULL, f.flash, 'NONE', 'the post-flash level of the plan'
    FROM program_flashes AS f
    INNER JOIN visited AS v ON v.target = f.target AND v.proposal = f.proposal
    ANTI JOIN held AS h ON h.target = f.target AND h.proposal = f.proposal AND h.flash = f.flash
),
judged AS (
    SELECT
        h.*,
        array_to_string(list_filter([
            CASE WHEN k.flt AND h.n_flt = 0 THEN 'FLT' END,
            CASE WHEN k.flc AND h.n_flc = 0 THEN 'FLC' END,
            CASE WHEN h.n_flt > 0 AND h.n_flc > h.n_flt THEN (h.n_flc - h.n_flt) || ' FLT' END,
            CASE WHEN h.n_flc > 0 AND h.n_flt > h.n_flc THEN (h.n_flt - h.n_flc) || ' FLC' END,
            CASE WHEN t.pairing = '180' THEN NULL WHEN NOT list_contains(h.chips_flt, 1) THEN 'FLT of chip 1' END,
            CASE WHEN t.pairing = '180' THEN NULL WHEN NOT list_contains(h.chips_flt, 2) THEN 'FLT of chip 2' END,
            CASE WHEN t.pairing = '180' THEN NULL WHEN NOT list_contains(h.chips_flc, 1) THEN 'FLC of chip 1' END,
            CASE WHEN t.pairing = '180' THEN NULL WHEN NOT list_contains(h.chips_flc, 2) THEN 'FLC of chip 2' END
        ], lambda word: word IS NOT NULL), ', ') AS missing
    FROM held AS h
    CROSS JOIN kinds AS k
    LEFT JOIN targets AS t ON t.target = h.target
    UNION ALL BY NAME
    SELECT w.*, 0 AS n_flt, 0 AS n_flc, 0 AS n_pairs, 0 AS n_measured
    FROM wanted AS w
)
SELECT
    j.target::VARCHAR AS target,
    j.proposal::INTEGER AS proposal,
    j.visit::VARCHAR AS visit,
    j.filter::VARCHAR AS filter,
    j.length::VARCHAR AS length,
    j.flash::INTEGER AS flash,
    j.chinject::VARCHAR AS chinject,
    j.mjd::DOUBLE AS mjd,
    j.n_flt::BIGINT AS n_flt,
    j.n_flc::BIGINT AS n_flc,
    (j.n_flt + j.n_flc)::BIGINT AS n_exposures,
    j.n_pairs::BIGINT AS n_pairs,
    j.n_measured::BIGINT AS n_measured,
    nullif(j.missing, '')::VARCHAR AS missing
FROM judged AS j;
