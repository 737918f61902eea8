-- slopes: a query of `cte-lake compare`, over two measurements bound as slope_1 and slope_2
-- Grain: a pair, flux bin and estimator that both measured.
SELECT
    a.pair_id::BIGINT AS pair_id,  -- [-] Number of the pair
    a.image_1::VARCHAR AS image_1,  -- [-] Image on chip 1, or of the first visit
    a.image_2::VARCHAR AS image_2,  -- [-] Image on chip 2, or of the second visit
    a.bin_lo::DOUBLE AS bin_lo,  -- [electron] Lower limit of the flux bin, not in it
    a.bin_hi::DOUBLE AS bin_hi,  -- [electron] Upper limit of the flux bin, not in it
    a.estimator::VARCHAR AS estimator,  -- [-] 'both_in_bin', 'mean_flux' or 'log_ratio'
    a.n::BIGINT AS n_1,  -- [-] Stars used by the first
    b.n::BIGINT AS n_2,  -- [-] Stars used by the second
    a.cte_loss::DOUBLE AS cte_loss_1,  -- [-] Fraction lost per 2048 rows by the first
    a.cte_loss_err::DOUBLE AS cte_loss_err_1,  -- [-] Standard error of cte_loss_1
    b.cte_loss::DOUBLE AS cte_loss_2,  -- [-] Fraction lost per 2048 rows by the second
    b.cte_loss_err::DOUBLE AS cte_loss_err_2,  -- [-] Standard error of cte_loss_2
    (b.cte_loss - a.cte_loss)::DOUBLE AS difference  -- [-] Second less first
FROM slope_1 AS a
INNER JOIN slope_2 AS b
    ON b.image_1 = a.image_1
    AND b.image_2 = a.image_2
    AND b.bin_lo = a.bin_lo
    AND b.bin_hi = a.bin_hi
    AND b.estimator = a.estimator
WHERE a.cte_loss IS NOT NULL AND b.cte_loss IS NOT NULL
ORDER BY image_1, image_2, estimator, bin_lo, bin_hi;
