-- A row is a pair of the nominal set that is not chip 1 against chip 2, or one of a 180-degree set that is not on one
-- chip. Pairing must not do that: report it as a defect.
SELECT
    p.pair_id::BIGINT AS pair_id,
    p.image_1::VARCHAR AS image_1,
    p.image_2::VARCHAR AS image_2,
    p.chip_1::INTEGER AS chip_1,
    p.chip_2::INTEGER AS chip_2
FROM pairings AS p
WHERE (p.pairing = '180' AND p.chip_1 <> p.chip_2)
    OR (p.pairing <> '180' AND (p.chip_1 <> 1 OR p.chip_2 <> 2))
ORDER BY pair_id
