-- A row is a kind of pairs in which errors of the local sky imitate a loss of faint stars: sky_loss, averaged over the
-- pairs, is over three times its error, over two points (0.02: neighbours make it scatter more than its error says, and
-- draw it by one or two points in a field like that of NGC 104), and over a sixth of what faint stars lose: some light
-- of neighbours lies about every star of a crowded field, loses charge too, and imitates up to that. See docs/growth.md
-- for what to do.
WITH skies AS (
    SELECT
        g.target, g.filter, g.length, g.filetype, g.generation, g.pairing,
        sum(g.sky_loss / g.sky_loss_err ** 2) / sum(1 / g.sky_loss_err ** 2) AS sky_loss,
        1 / sqrt(sum(1 / g.sky_loss_err ** 2)) AS sky_loss_err,
        count(*) AS n_pairs
    FROM growth_loss AS g
    WHERE g.sky_loss_err > 0
    GROUP BY ALL
),
charges AS (
    SELECT
        l.target, l.filter, l.length, l.filetype, l.generation, l.pairing,
        sum(l.loss / l.loss_err ** 2) / sum(1 / l.loss_err ** 2) AS loss
    FROM losses(generation := 'all') AS l
    WHERE l.loss_err > 0
        AND l.bin_lo < faint_flux()
        AND l.bin_hi > faint_flux()
    GROUP BY ALL
)
SELECT s.target, s.filter, s.length, s.filetype, s.generation, s.pairing, s.n_pairs, s.sky_loss, s.sky_loss_err
FROM skies AS s
LEFT JOIN charges AS c
    ON (c.target, c.filter, c.length, c.filetype, c.generation, c.pairing)
    = (s.target, s.filter, s.length, s.filetype, s.generation, s.pairing)
WHERE abs(s.sky_loss) > greatest(3 * s.sky_loss_err, 0.02, abs(coalesce(c.loss, 0)) / 6)
ORDER BY s.target, s.filter, s.length, s.filetype, s.generation, s.pairing
