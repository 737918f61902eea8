-- shape_loss(aperture := 3); the view of the same name is that of the default radius
-- Grain: a pair of exposures, at one aperture radius: what `cte` takes off its losses by measure.shape_correction: with
-- 'growth' or 'both' the pair's growth_loss, with 'sky' or 'both' its sky_loss (that of a star of faint_flux()), else 0.
-- With 'none' the connection has an empty macro of this name instead, and growth_loss is not even planned.
CREATE OR REPLACE MACRO shape_loss(aperture := default_aperture()) AS TABLE
SELECT
    g.pair_id::BIGINT AS pair_id,
    g.target::VARCHAR AS target,
    g.proposal::INTEGER AS proposal,
    g.flash::INTEGER AS flash,
    g.filetype::VARCHAR AS filetype,
    CASE WHEN shape_correction() = 'sky' THEN 0 ELSE g.growth_loss END::DOUBLE AS growth_loss,
    CASE WHEN shape_correction() = 'sky' THEN 0 ELSE g.growth_loss_err END::DOUBLE AS growth_loss_err,
    CASE WHEN shape_correction() = 'growth' THEN 0 ELSE g.sky_loss END::DOUBLE AS sky_loss,
    CASE WHEN shape_correction() = 'growth' THEN 0 ELSE g.sky_loss_err END::DOUBLE AS sky_loss_err
FROM growth_loss(aperture := aperture) AS g;
