-- chips
-- Grain: a chip, epoch, post-flash and flux bin of one selection: its loss, as last solved by `cte-lake chips`.
-- A selection is a target, filter, length, file type, charge injection, calibration generation and aperture radius.
-- Exposures that came since are in the next solution, not in this one. NULL losses are not determined by the data.
CREATE OR REPLACE VIEW chips AS
WITH latest AS (
    FROM stored_chips
    WHERE mode = (SELECT s.mode FROM settings AS s)
    QUALIFY rank() OVER (
        PARTITION BY target, filter, length, filetype, chinject, generation, aperture ORDER BY solved_at DESC, solution DESC
    ) = 1
)
SELECT
    c.target::VARCHAR AS target,
    c.filter::VARCHAR AS filter,
    c.length::VARCHAR AS length,
    c.filetype::VARCHAR AS filetype,
    c.chinject::VARCHAR AS chinject,
    c.generation::VARCHAR AS generation,
    c.aperture::INTEGER AS aperture,
    c.chip::INTEGER AS chip,
    c.epoch::INTEGER AS epoch,
    c.mjd::DOUBLE AS mjd,
    c.flash::INTEGER AS flash,
    c.background::DOUBLE AS background,
    c.n_exposures::INTEGER AS n_exposures,
    c.bin_lo::DOUBLE AS bin_lo,
    c.bin_hi::DOUBLE AS bin_hi,
    c.n::BIGINT AS n,
    c.mean_log_flux::DOUBLE AS mean_log_flux,
    c.loss::DOUBLE AS loss,
    c.loss_err::DOUBLE AS loss_err,
    c.fixed_by::VARCHAR AS fixed_by,
    c.solution::VARCHAR AS solution,
    c.solved_at::VARCHAR AS solved_at,
    c.software::VARCHAR AS software
FROM latest AS c;
