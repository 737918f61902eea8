-- A star is in the photometry of one exposure more than once.
SELECT p.imagename, p.master_id, count(*) AS n_rows
FROM phot AS p
GROUP BY p.imagename, p.master_id
HAVING count(*) > 1
ORDER BY p.imagename, p.master_id
