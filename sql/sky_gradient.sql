-- sky_gradient
-- Grain: an exposure and file type.
-- How the local sky of its stars runs with the distance from the amplifiers: a line through the skies of all stars without
-- a flag of settings.drop_flags, clipped about the line. The sky of an annulus is exact on a straight gradient; what a gradient does to a loss
-- comes by the background's part in it and by the noise (docs/growth.md).
CREATE OR REPLACE VIEW sky_gradient AS
WITH grouped AS (
    SELECT
        p.imagename,
        p.rootname,
        p.filetype,
        p.target,
        p.proposal,
        p.visit,
        p.filter,
        p.exptime,
        p.length,
        p.flash,
        p.chinject,
        p.generation,
        p.mjd,
        p.chip,
        list(readout_distance(p.chip, p.y)) AS distances,
        list(p.sky) AS skies
    FROM settings AS s
    CROSS JOIN measured_stars AS p
    WHERE p.flags & s.drop_flags = 0
        AND p.sky IS NOT NULL
    GROUP BY ALL
),
clipped AS (
    SELECT g.*, line_clip(g.distances, g.skies, s.clip_sigma).kept AS kept
    FROM grouped AS g
    CROSS JOIN settings AS s
),
kept AS (
    SELECT
        c.* REPLACE (
            list_where(c.distances, c.kept) AS distances,
            list_where(c.skies, c.kept) AS skies
        )
    FROM clipped AS c
),
fitted AS (
    SELECT k.*, line_fit(k.distances, k.skies) AS fit
    FROM kept AS k
)
SELECT
    f.imagename::VARCHAR AS imagename,
    f.rootname::VARCHAR AS rootname,
    f.filetype::VARCHAR AS filetype,
    f.target::VARCHAR AS target,
    f.proposal::INTEGER AS proposal,
    f.visit::VARCHAR AS visit,
    f.filter::VARCHAR AS filter,
    f.exptime::DOUBLE AS exptime,
    f.length::VARCHAR AS length,
    f.flash::INTEGER AS flash,
    f.chinject::VARCHAR AS chinject,
    f.generation::VARCHAR AS generation,
    f.mjd::DOUBLE AS mjd,
    f.chip::INTEGER AS chip,
    f.fit.n::BIGINT AS n,
    list_avg(f.skies)::DOUBLE AS sky,
    (f.fit.slope * loss_rows())::DOUBLE AS sky_gradient,
    (f.fit.slope_err * loss_rows())::DOUBLE AS sky_gradient_err
FROM fitted AS f
WHERE f.fit.slope IS NOT NULL;
