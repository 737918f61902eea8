-- shifts
-- Grain: a star that was measured twice and has a centroid in both images, by what it is compared with.
-- How far released charge moved the star's centroid away from the amplifiers, per 2048 rows:
--   'bright'  in the two exposures of a pair, which read the star out in opposite directions: the sum of both shifts.
--             What is wrong with the star's place in the catalog is in it twice with opposite signs and
--             cancels. What is wrong with the coordinates of an exposure stays, but is the same for faint and bright
--             stars: `displacement` takes the bright ones off.
--   'flc'     in the FLT less in the FLC of the same exposure, pixel against pixel: no catalog and no WCS enters. Its
--             noise grows with the distance as the shift does, so that each star counts alike; the nearest 256 rows,
--             which say nothing, are left out.
-- Left out are the stars that `ratios` leaves out, by the flux at the default radius, whose mean also decides the bin,
-- and those with a brighter star up to 40 rows nearer to the amplifiers in the same columns (3 px, some up to 6 px):
-- the slope of that star's trail under them would be taken for a shift towards the amplifiers.
CREATE OR REPLACE VIEW shifts AS
WITH twice AS (
    SELECT 'bright' AS against, true AS watched, m.*
    FROM matched_stars(aperture := default_aperture()) AS m
    UNION ALL
    SELECT 'flc', f.watched, m.*
    FROM matched_stars(aperture := default_aperture(), twice := 'files') AS m
    INNER JOIN file_pairs AS f ON f.pair_id = m.pair_id
),
whole AS (
    SELECT
        t.*,
        readout_distance(t.chip_1, t.y_1) AS distance_1,
        readout_distance(t.chip_2, t.y_2) AS distance_2,
        t.flux_1 / (1 - coalesce(t.masked_light_1, 0)) AS whole_1,
        t.flux_2 / (1 - coalesce(t.masked_light_2, 0)) AS whole_2,
        CASE WHEN isfinite(t.flux_1) THEN t.flux_1 END AS light_1,
        CASE WHEN isfinite(t.flux_2) THEN t.flux_2 END AS light_2
    FROM twice AS t
),
trailed AS (
    -- Columns in strips, twice, the second time half a strip on: whoever is within half a strip shares one. Windows
    -- and no join, so that filters on a pair reach the scan. Without a flux (NaN) a star has no trail.
    SELECT
        w.*,
        greatest(max(w.light_1) OVER strip_1, max(w.light_1) OVER between_1) > w.whole_1
        -- The FLC of an exposure has the same neighbours.
        OR (w.against = 'bright' AND greatest(max(w.light_2) OVER strip_2, max(w.light_2) OVER between_2) > w.whole_2)
            AS trailed
    FROM whole AS w
    WINDOW
        strip_1 AS (
            PARTITION BY w.against, w.pair_id, w.target, w.proposal, w.flash, w.filetype, floor(w.x_1 / 6)
            ORDER BY w.distance_1 RANGE BETWEEN 40 PRECEDING AND 1 PRECEDING
        ),
        between_1 AS (
            PARTITION BY w.against, w.pair_id, w.target, w.proposal, w.flash, w.filetype, floor(w.x_1 / 6 + 0.5)
            ORDER BY w.distance_1 RANGE BETWEEN 40 PRECEDING AND 1 PRECEDING
        ),
        strip_2 AS (
            PARTITION BY w.against, w.pair_id, w.target, w.proposal, w.flash, w.filetype, floor(w.x_2 / 6)
            ORDER BY w.distance_2 RANGE BETWEEN 40 PRECEDING AND 1 PRECEDING
        ),
        between_2 AS (
            PARTITION BY w.against, w.pair_id, w.target, w.proposal, w.flash, w.filetype, floor(w.x_2 / 6 + 0.5)
            ORDER BY w.distance_2 RANGE BETWEEN 40 PRECEDING AND 1 PRECEDING
        )
)
SELECT
    w.against::VARCHAR AS against,
    w.pair_id::BIGINT AS pair_id,
    w.target::VARCHAR AS target,
    w.proposal::INTEGER AS proposal,
    w.flash::INTEGER AS flash,
    w.filetype::VARCHAR AS filetype,
    w.master_id::BIGINT AS master_id,
    w.x_1::DOUBLE AS x,
    w.y_1::DOUBLE AS y,
    w.distance_1::DOUBLE AS distance,
    ((w.whole_1 + w.whole_2) / 2)::DOUBLE AS mean_flux,
    ((w.sky_1 + w.sky_2) / 2)::DOUBLE AS background,
    (CASE w.against
        WHEN 'bright' THEN
            (readout_sign(w.chip_1) * w.dy_1 + readout_sign(w.chip_2) * w.dy_2)
            / (w.distance_1 + w.distance_2)
        -- Where the apertures follow the centroids, y is the centroid already.
        ELSE readout_sign(w.chip_1)
            * (w.y_1 - w.y_2 + CASE WHEN w.watched THEN w.dy_1 - w.dy_2 ELSE 0 END)
            / w.distance_1
    END * loss_rows())::DOUBLE AS shift
FROM settings AS s
CROSS JOIN trailed AS w
WHERE w.dy_1 IS NOT NULL
    AND w.dy_2 IS NOT NULL
    AND NOT coalesce(w.trailed, false)
    AND (w.against = 'bright' OR w.distance_1 >= 256)
    AND usable_star(w.flags_1, w.area_1, w.flux_1, s.drop_flags, s.min_area * pi() * s.aperture * s.aperture)
    AND usable_star(w.flags_2, w.area_2, w.flux_2, s.drop_flags, s.min_area * pi() * s.aperture * s.aperture);
