-- kept.<slopes>_rows(aperture), once for slopes and once for log_slopes
-- Grain: a row that was measured before and holds, with today's columns of its pair. `shown` holds neither rows
-- whose source has changed nor those of pairs and bins that a query measures anew (cte_lake/views/kept_sql.py).
CREATE OR REPLACE MACRO kept_rows(aperture) AS TABLE
SELECT
    q.pair_id::BIGINT AS pair_id,
    q.image_1::VARCHAR AS image_1,
    q.image_2::VARCHAR AS image_2,
    k.aperture::INTEGER AS aperture,
    k.bin_lo::DOUBLE AS bin_lo,
    k.bin_hi::DOUBLE AS bin_hi,
    k.estimator::VARCHAR AS estimator,
    k.n_in_bin::BIGINT AS n_in_bin,
    k.n::BIGINT AS n,
    k.slope::DOUBLE AS slope,
    k.slope_err::DOUBLE AS slope_err,
    k.intercept::DOUBLE AS intercept,
    k.mean_flux::DOUBLE AS mean_flux,
    k.mean_log_flux::DOUBLE AS mean_log_flux,
    k.mean_log_flux_sq::DOUBLE AS mean_log_flux_sq,
    k.background::DOUBLE AS background,
    k.clip_lo::DOUBLE AS clip_lo,
    k.clip_hi::DOUBLE AS clip_hi,
    q.pairing::VARCHAR AS pairing,
    q.target::VARCHAR AS target,
    q.proposal::INTEGER AS proposal,
    q.visit::VARCHAR AS visit,
    q.filter::VARCHAR AS filter,
    q.exptime::DOUBLE AS exptime,
    q.length::VARCHAR AS length,
    q.flash::INTEGER AS flash,
    q.filetype::VARCHAR AS filetype,
    q.chinject::VARCHAR AS chinject,
    q.generation::VARCHAR AS generation,
    q.newest::BOOLEAN AS newest,
    q.mjd::DOUBLE AS mjd,
    (q.chip_1 + CASE WHEN q.pairing = '180' THEN 0 END)::INTEGER AS chip
FROM shown AS k
INNER JOIN pairings AS q ON q.pair_id = k.pair_id
WHERE k.aperture = aperture;
