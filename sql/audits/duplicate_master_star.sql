-- A row is a number that a master catalog gives to more than one star. Import the catalog again.
SELECT
    m.target::VARCHAR AS target,
    m.master_id::BIGINT AS master_id,
    count(*)::BIGINT AS n_rows
FROM master AS m
GROUP BY m.target, m.master_id
HAVING count(*) > 1
ORDER BY target, master_id
