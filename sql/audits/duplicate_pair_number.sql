-- A row is a pair_id that two pairs share (a clash of the digest it is made of): their stars would be mixed.
SELECT
    p.pair_id::BIGINT AS pair_id,
    list(p.image_1 ORDER BY p.image_1)::VARCHAR[] AS images_1
FROM pairings AS p
GROUP BY p.pair_id
HAVING count(*) > 1
ORDER BY pair_id
