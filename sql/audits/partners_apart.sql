-- A row is a pair whose exposures lie apart along y against the catalog, so that one aperture is nearer to the trails of
-- its stars and the other farther from them: by 0.15 px each loss changes by 1 to 2% of itself (docs/photometry.md).
-- `cte-lake run` aligns the frames. Released charge alone parts them by less than 0.1 px.
SELECT
    p.pair_id::BIGINT AS pair_id,
    p.image_1::VARCHAR AS image_1,
    p.image_2::VARCHAR AS image_2,
    (a.shift_y - b.shift_y)::DOUBLE AS apart
FROM pairings AS p
INNER JOIN exposures AS a ON a.imagename = p.image_1
INNER JOIN exposures AS b ON b.imagename = p.image_2
WHERE abs(a.shift_y - b.shift_y) > 0.15
ORDER BY pair_id
