-- An image stands in more than one pair.
SELECT used.image, count(*) AS n_pairs
FROM (
    SELECT unnest([p.image_1, p.image_2]) AS image FROM pairings AS p
) AS used
GROUP BY used.image
HAVING count(*) > 1
ORDER BY used.image
