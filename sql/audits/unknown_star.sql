-- A star of the photometry is not in the master catalog that its exposure was matched with.
SELECT p.imagename, p.master_id
FROM phot AS p
INNER JOIN exposures AS e ON e.imagename = p.imagename
INNER JOIN (
    SELECT m.target, any_value(m.master_hash) AS master_hash FROM master AS m GROUP BY m.target
) AS current ON current.target = e.target AND current.master_hash = e.master_hash
ANTI JOIN master AS m ON m.target = e.target AND m.master_id = p.master_id
ORDER BY p.imagename, p.master_id
