-- A row is photometry that no exposure row names: left by an ingest that was stopped, or being written by one that
-- runs. Readers do not see it. Run the ingest again, or `cte-lake vacuum`.
SELECT
    p.imagename::VARCHAR AS imagename,
    p.phot_key::VARCHAR AS phot_key,
    count(*)::BIGINT AS n_rows
FROM stored_phot AS p
ANTI JOIN stored_exposures AS e ON e.imagename = p.imagename AND e.phot_key = p.phot_key
GROUP BY p.imagename, p.phot_key
ORDER BY imagename
