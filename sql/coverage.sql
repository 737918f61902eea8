-- coverage
-- Grain: a visit of a target at one filter, exposure length and post-flash level: what is in the lake.
CREATE OR REPLACE VIEW coverage AS
WITH paired AS (
    SELECT
        unnest([q.image_1, q.image_2]) AS imagename,
        q.pair_id
    FROM pairings AS q
)
SELECT
    e.target::VARCHAR AS target,  -- [-] Name of the target in this lake
    e.proposal::INTEGER AS proposal,  -- [-] Proposal number
    e.visit::VARCHAR AS visit,  -- [-] Visit
    e.filter::VARCHAR AS filter,  -- [-] Filter
    e.length::VARCHAR AS length,  -- [-] 's' for a short exposure, 'l' for a long one
    e.flash::INTEGER AS flash,  -- [electron] Post-flash level per pixel, 0 without post-flash
    min(e.mjd)::DOUBLE AS mjd,  -- [d] Start of the first exposure, modified Julian date (UTC)
    (count(*) FILTER (e.filetype = 'flt'))::BIGINT AS n_flt,  -- [-] FLT images
    (count(*) FILTER (e.filetype = 'flc'))::BIGINT AS n_flc,  -- [-] FLC images
    count(*)::BIGINT AS n_exposures,  -- [-] Images of both file types
    count(DISTINCT p.pair_id)::BIGINT AS n_pairs,  -- [-] Pairs that these images are in
    sum(e.n_measured)::BIGINT AS n_measured  -- [-] Star measurements
FROM exposures AS e
LEFT JOIN paired AS p ON p.imagename = e.imagename
GROUP BY e.target, e.proposal, e.visit, e.filter, e.length, e.flash;
