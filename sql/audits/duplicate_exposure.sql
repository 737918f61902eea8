-- An exposure and file type has more than one current row.
SELECT e.imagename, count(*) AS n_rows
FROM exposures AS e
GROUP BY e.imagename
HAVING count(*) > 1
ORDER BY e.imagename
