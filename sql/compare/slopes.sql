-- slopes: a query of `cte-lake compare`, over two measurements bound as slope_1 and slope_2
-- Grain: a pair, flux bin and estimator that both measured.
SELECT
    a.pair_id::BIGINT AS pair_id,
    a.image_1::VARCHAR AS image_1,
    a.image_2::VARCHAR AS image_2,
    a.bin_lo::DOUBLE AS bin_lo,
    a.bin_hi::DOUBLE AS bin_hi,
    a.estimator::VARCHAR AS estimator,
    a.n::BIGINT AS n_1,
    b.n::BIGINT AS n_2,
    a.cte_loss::DOUBLE AS cte_loss_1,
    a.cte_loss_err::DOUBLE AS cte_loss_err_1,
    b.cte_loss::DOUBLE AS cte_loss_2,
    b.cte_loss_err::DOUBLE AS cte_loss_err_2,
    (b.cte_loss - a.cte_loss)::DOUBLE AS difference
FROM slope_1 AS a
INNER JOIN slope_2 AS b
    ON b.image_1 = a.image_1
    AND b.image_2 = a.image_2
    AND b.bin_lo = a.bin_lo
    AND b.bin_hi = a.bin_hi
    AND b.estimator = a.estimator
WHERE a.cte_loss IS NOT NULL AND b.cte_loss IS NOT NULL
ORDER BY image_1, image_2, estimator, bin_lo, bin_hi;
