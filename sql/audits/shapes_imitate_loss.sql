-- A row is a kind of pairs whose bright stars' shapes imitate a loss: growth_loss, averaged over the pairs, is over
-- three times its error and over half a point (0.005), and charge does not explain it. Charge that is released late
-- makes the number positive, and with it the losses of faint stars larger than those of the bright ones; faint
-- neighbours make it negative, by up to a tenth of what they lose more, and in crowded fields by as much light as
-- sky_loss finds about lonely faint stars: on the 10 px about a bright star it is this many times more than within the
-- radius, of a flux this many times larger. See docs/growth.md for what to do.
WITH shapes AS (
    SELECT
        g.target, g.filter, g.length, g.filetype, g.generation, g.pairing,
        sum(g.growth_loss / g.growth_loss_err ** 2) / sum(1 / g.growth_loss_err ** 2) AS growth_loss,
        1 / sqrt(sum(1 / g.growth_loss_err ** 2)) AS growth_loss_err,
        avg(greatest(g.sky_loss, 0) * (10 / g.aperture) ** 2 * faint_flux() / g.mean_flux) AS neighbours,
        count(*) AS n_pairs
    FROM growth_loss AS g
    WHERE g.growth_loss_err > 0
    GROUP BY g.target, g.filter, g.length, g.filetype, g.generation, g.pairing
),
charges AS (
    SELECT
        l.target, l.filter, l.length, l.filetype, l.generation, l.pairing,
        l.bin_lo >= bright_limit() AS bright,
        sum(l.loss / l.loss_err ** 2) / sum(1 / l.loss_err ** 2) AS loss,
        1 / sum(1 / l.loss_err ** 2) AS variance
    FROM losses(generation := 'all') AS l
    WHERE l.loss_err > 0
    GROUP BY ALL
)
SELECT
    s.target, s.filter, s.length, s.filetype, s.generation, s.pairing, s.n_pairs, s.growth_loss, s.growth_loss_err
FROM shapes AS s
LEFT JOIN charges AS b
    ON (b.target, b.filter, b.length, b.filetype, b.generation, b.pairing)
    = (s.target, s.filter, s.length, s.filetype, s.generation, s.pairing)
    AND b.bright
LEFT JOIN charges AS f
    ON (f.target, f.filter, f.length, f.filetype, f.generation, f.pairing)
    = (s.target, s.filter, s.length, s.filetype, s.generation, s.pairing)
    AND NOT f.bright
WHERE abs(s.growth_loss) > greatest(3 * s.growth_loss_err, 0.005)
    AND NOT coalesce(s.growth_loss > 0 AND f.loss - b.loss > 3 * sqrt(f.variance + b.variance), false)
    AND NOT coalesce(s.growth_loss < 0 AND -s.growth_loss < 0.1 * (f.loss - b.loss) + coalesce(s.neighbours, 0), false)
ORDER BY s.target, s.filter, s.length, s.filetype, s.generation, s.pairing
