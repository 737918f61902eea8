-- A row is a pair whose two exposures show different stars: of the stars of the exposure with fewer, less than one in
-- fifty was measured in the other too, so that the pair has no loss, or one by chance. The POSTARG2 of a header is not
-- where the telescope pointed (exchanged between the two?): look at both in `exposures`, mend or leave out the files.
WITH sized AS (
    SELECT
        s.pair_id,
        any_value(s.image_1) AS image_1,
        any_value(s.image_2) AS image_2,
        any_value(least(a.n_stars, b.n_stars)) AS n_stars,
        sum(s.n_in_bin) AS n_in_bins
    FROM log_slopes AS s
    INNER JOIN loss_bins AS l ON l.bin_lo = s.bin_lo AND l.bin_hi = s.bin_hi
    INNER JOIN exposures AS a ON a.imagename = s.image_1
    INNER JOIN exposures AS b ON b.imagename = s.image_2
    GROUP BY s.pair_id
),
suspect AS MATERIALIZED (
    -- Those with few stars in the flux bins, which are kept with the slopes that every audit keeps; the stars of no other pair are counted.
    SELECT z.pair_id, z.n_stars, unnest([z.image_1, z.image_2]) AS imagename
    FROM sized AS z
    WHERE z.n_in_bins < z.n_stars / 50
),
common AS (
    SELECT u.pair_id, p.master_id
    FROM suspect AS u
    INNER JOIN phot AS p ON p.imagename = u.imagename
    GROUP BY u.pair_id, p.master_id
    HAVING count(*) > 1
),
counted AS (
    SELECT c.pair_id, count(*) AS n FROM common AS c GROUP BY c.pair_id
)
SELECT
    q.pair_id::BIGINT AS pair_id,
    q.image_1::VARCHAR AS image_1,
    q.image_2::VARCHAR AS image_2,
    coalesce(c.n, 0)::BIGINT AS n_common,
    u.n_stars::BIGINT AS n_stars
FROM suspect AS u
INNER JOIN pairings AS q ON q.pair_id = u.pair_id AND q.image_1 = u.imagename
LEFT JOIN counted AS c ON c.pair_id = u.pair_id
WHERE coalesce(c.n, 0) < u.n_stars / 50
ORDER BY pair_id
