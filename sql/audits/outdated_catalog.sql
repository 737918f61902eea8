-- An exposure was matched with a master catalog that its target no longer has; ingest measures it again.
SELECT e.imagename, e.target, e.master_hash
FROM exposures AS e
ANTI JOIN master AS m ON m.target = e.target AND m.master_hash = e.master_hash
ORDER BY e.imagename
