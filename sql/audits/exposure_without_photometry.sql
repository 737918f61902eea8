-- An exposure row speaks of stars and its photometry holds another number of rows.
SELECT e.imagename, e.n_stars, coalesce(found.n, 0) AS n_rows
FROM exposures AS e
LEFT JOIN (
    SELECT p.imagename, count(*) AS n FROM phot AS p GROUP BY p.imagename
) AS found ON found.imagename = e.imagename
WHERE coalesce(found.n, 0) <> e.n_stars
ORDER BY e.imagename
