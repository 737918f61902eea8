-- cte(aperture := 3); the view of the same name is that of the default radius
-- Grain: a pair, flux bin and estimator, at one aperture radius: the rows of slopes and of log_slopes.
-- Loss per chip height = slope / 2 * 2048: the ratio gains from both chips. Of the ratio itself ('both_in_bin',
-- 'mean_flux') that is the monitor's loss, a fraction of the flux in the middle of the chip; of its logarithm
-- ('log_ratio') it is S, lost per 2048 rows of what is left at each row.
-- With measure.shape_correction = 'growth' the loss that the shapes of the pair's bright stars imitate (growth_loss) is
-- taken off, in all bins alike; with 'sky' the one that its sky imitates (sky_loss), which goes down as the flux goes up;
-- with 'both' both. slope stays as measured.
-- Each branch says which estimators it holds, so that the planner drops the other one when a query names its own.
CREATE OR REPLACE MACRO cte(aperture := default_aperture()) AS TABLE
WITH measured AS (
    SELECT
        r.pair_id, r.image_1, r.image_2, r.aperture, r.bin_lo, r.bin_hi, r.estimator, r.n_in_bin, r.n, r.slope,
        r.slope_err, r.intercept, r.mean_flux, r.background, r.clip_lo, r.clip_hi, r.pairing, r.target, r.proposal,
        r.visit, r.filter, r.exptime, r.length, r.flash, r.filetype, r.chinject,
        r.generation, r.newest, r.mjd, r.chip,
        NULL::DOUBLE AS mean_log_flux, NULL::DOUBLE AS mean_log_flux_sq
    FROM slopes(aperture := aperture) AS r
    WHERE r.estimator <> 'log_ratio'
    UNION ALL
    SELECT
        g.pair_id, g.image_1, g.image_2, g.aperture, g.bin_lo, g.bin_hi, g.estimator, g.n_in_bin, g.n, g.slope,
        g.slope_err, g.intercept, g.mean_flux, g.background, g.clip_lo, g.clip_hi, g.pairing, g.target, g.proposal,
        g.visit, g.filter, g.exptime, g.length, g.flash, g.filetype, g.chinject,
        g.generation, g.newest, g.mjd, g.chip,
        g.mean_log_flux, g.mean_log_flux_sq
    FROM log_slopes(aperture := aperture) AS g
    WHERE g.estimator = 'log_ratio'
),
lost AS (
    -- Of a pair whose stars' shapes or skies could not be compared there is no corrected loss.
    SELECT
        l.*,
        l.slope / 2 * loss_rows() - CASE
            WHEN shape_correction() = 'none' THEN 0
            ELSE w.growth_loss + w.sky_loss * faint_flux() / l.mean_flux
        END AS loss,
        CASE
            WHEN shape_correction() = 'none' THEN l.slope_err / 2 * loss_rows()
            ELSE sqrt(
                (l.slope_err / 2 * loss_rows()) ** 2 + w.growth_loss_err ** 2
                + (w.sky_loss_err * faint_flux() / l.mean_flux) ** 2
            )
        END AS loss_err
    FROM measured AS l
    LEFT JOIN shape_loss(aperture := aperture) AS w
        ON w.pair_id = l.pair_id
        AND w.target = l.target
        AND w.proposal = l.proposal
        AND w.flash = l.flash
        AND w.filetype = l.filetype
)
SELECT
    m.pair_id::BIGINT AS pair_id,
    m.image_1::VARCHAR AS image_1,
    m.image_2::VARCHAR AS image_2,
    m.aperture::INTEGER AS aperture,
    m.bin_lo::DOUBLE AS bin_lo,
    m.bin_hi::DOUBLE AS bin_hi,
    m.estimator::VARCHAR AS estimator,
    m.n_in_bin::BIGINT AS n_in_bin,
    m.n::BIGINT AS n,
    m.slope::DOUBLE AS slope,
    m.slope_err::DOUBLE AS slope_err,
    m.intercept::DOUBLE AS intercept,
    m.mean_flux::DOUBLE AS mean_flux,
    m.loss::DOUBLE AS cte_loss,
    m.loss_err::DOUBLE AS cte_loss_err,
    (loss_mag(m.loss) * loss_rows() / published_rows())::DOUBLE AS cte_dmag,
    loss_mag(m.loss)::DOUBLE AS loss_mag,
    loss_mag(m.loss_err)::DOUBLE AS loss_mag_err,
    m.mean_log_flux::DOUBLE AS mean_log_flux,
    m.mean_log_flux_sq::DOUBLE AS mean_log_flux_sq,
    m.background::DOUBLE AS background,
    background_at_readout(m.background, m.flash, one.meandark, two.meandark)::DOUBLE AS readout_background,
    m.clip_lo::DOUBLE AS clip_lo,
    m.clip_hi::DOUBLE AS clip_hi,
    m.pairing::VARCHAR AS pairing,
    m.target::VARCHAR AS target,
    m.proposal::INTEGER AS proposal,
    m.visit::VARCHAR AS visit,
    m.filter::VARCHAR AS filter,
    m.exptime::DOUBLE AS exptime,
    m.length::VARCHAR AS length,
    m.flash::INTEGER AS flash,
    m.filetype::VARCHAR AS filetype,
    m.chinject::VARCHAR AS chinject,
    m.generation::VARCHAR AS generation,
    m.newest::BOOLEAN AS newest,
    m.mjd::DOUBLE AS mjd,
    m.chip::INTEGER AS chip,
    v.epoch::INTEGER AS epoch,
    v.epoch_mjd::DOUBLE AS epoch_mjd
FROM lost AS m
LEFT JOIN exposures AS one ON one.imagename = m.image_1
LEFT JOIN exposures AS two ON two.imagename = m.image_2
ASOF LEFT JOIN visits AS v
    ON v.target = m.target
    AND v.proposal = m.proposal
    AND v.visit = m.visit
    AND v.chinject = m.chinject
    AND m.mjd >= v.mjd;
