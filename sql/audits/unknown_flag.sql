-- A row is an image with flags that the registry of photometry flags does not have: it was measured by a newer version
-- of cte-lake, or damaged.
SELECT
    p.imagename::VARCHAR AS imagename,
    count(*)::BIGINT AS n_rows,
    max(p.flags)::INTEGER AS largest
FROM phot AS p
WHERE p.flags < 0 OR bit_count(p.flags) <> len(flags_decode(p.flags))
GROUP BY p.imagename
ORDER BY imagename
