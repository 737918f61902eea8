-- bins: a query of `cte-lake compare`, over its own results, bound as star_pairs, slope_pairs and flux_bins
-- Grain: a flux bin. Stars are in the bin of the mean of their two fluxes; those with a flag of drop_flags in
-- either measurement are left out. Scatters are robust (1.4826 median absolute deviations).
WITH starred AS (
    SELECT
        f.bin_lo, f.bin_hi,
        count(*) AS n_stars,
        median(s.dmag) AS dmag,
        sigma_per_mad() * mad(s.dmag) AS dmag_scatter
    FROM flux_bins AS f
    INNER JOIN star_pairs AS s
        ON (s.flux_1 + s.flux_2) / 2 > f.bin_lo AND (s.flux_1 + s.flux_2) / 2 < f.bin_hi
    WHERE (s.flags_1 | s.flags_2) & (SELECT any_value(d.drop_flags) FROM settings AS d) = 0
    GROUP BY f.bin_lo, f.bin_hi
),
sloped AS (
    SELECT
        p.bin_lo, p.bin_hi,
        count(*) AS n_slopes,
        median(p.cte_loss_1) AS cte_loss_1,
        median(p.cte_loss_2) AS cte_loss_2,
        median(p.difference) AS difference,
        -- Of the same frames: the scatter from pair to pair gives the error (of a median), one pair its own errors.
        CASE
            WHEN count(*) > 1 THEN sqrt(pi() / 2) * stddev_samp(p.difference) / sqrt(count(*))
            ELSE any_value(sqrt(p.cte_loss_err_1 ** 2 + p.cte_loss_err_2 ** 2))
        END AS difference_err,
        median(p.cte_loss_err_1) AS cte_loss_err_1,
        median(p.cte_loss_err_2) AS cte_loss_err_2
    FROM slope_pairs AS p
    GROUP BY p.bin_lo, p.bin_hi
)
SELECT
    f.bin_lo::DOUBLE AS bin_lo,
    f.bin_hi::DOUBLE AS bin_hi,
    coalesce(s.n_stars, 0)::BIGINT AS n_stars,
    s.dmag::DOUBLE AS dmag,
    s.dmag_scatter::DOUBLE AS dmag_scatter,
    coalesce(p.n_slopes, 0)::BIGINT AS n_slopes,
    p.cte_loss_1::DOUBLE AS cte_loss_1,
    p.cte_loss_2::DOUBLE AS cte_loss_2,
    p.difference::DOUBLE AS difference,
    p.difference_err::DOUBLE AS difference_err,
    p.cte_loss_err_1::DOUBLE AS cte_loss_err_1,
    p.cte_loss_err_2::DOUBLE AS cte_loss_err_2
FROM flux_bins AS f
LEFT JOIN starred AS s ON s.bin_lo = f.bin_lo AND s.bin_hi = f.bin_hi
LEFT JOIN sloped AS p ON p.bin_lo = f.bin_lo AND p.bin_hi = f.bin_hi
ORDER BY bin_lo, bin_hi;
