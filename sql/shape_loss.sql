-- shape_loss(aperture := 3); the view of the same name is that of the default radius
-- Grain: a pair of exposures, at one aperture radius: what `cte` takes off its losses for the shapes of the stars, with
-- measure.shape_correction = 'growth' the pair's growth_loss. With 'none' the connection has an empty macro of this
-- name instead, and growth_loss is not even planned.
CREATE OR REPLACE MACRO shape_loss(aperture := default_aperture()) AS TABLE
SELECT
    g.pair_id::BIGINT AS pair_id,
    g.target::VARCHAR AS target,
    g.proposal::INTEGER AS proposal,
    g.flash::INTEGER AS flash,
    g.filetype::VARCHAR AS filetype,
    g.growth_loss::DOUBLE AS growth_loss,
    g.growth_loss_err::DOUBLE AS growth_loss_err
FROM growth_loss(aperture := aperture) AS g;
