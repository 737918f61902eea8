-- stars: a query of `cte-lake compare`, over two measurements bound as star_1 and star_2
-- Grain: a star of an exposure that both measured.
SELECT
    a.imagename::VARCHAR AS imagename,
    a.master_id::BIGINT AS master_id,
    a.flux::DOUBLE AS flux_1,
    b.flux::DOUBLE AS flux_2,
    (b.flux - a.flux)::DOUBLE AS difference,
    (CASE WHEN a.flux > 0 AND b.flux > 0 THEN -2.5 * log10(b.flux / a.flux) END)::DOUBLE AS dmag,
    (b.sky - a.sky)::DOUBLE AS sky_difference,
    sqrt((b.x - a.x) ** 2 + (b.y - a.y) ** 2)::DOUBLE AS shift,
    a.flags::INTEGER AS flags_1,
    b.flags::INTEGER AS flags_2
FROM star_1 AS a
INNER JOIN star_2 AS b ON b.imagename = a.imagename AND b.master_id = a.master_id
ORDER BY imagename, master_id;
