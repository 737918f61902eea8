-- median_error(deviation, n): the standard error of a median of n values, from their median absolute deviation
-- Of Gaussian values a median scatters sqrt(pi / 2) times as much as a mean. NULL for a single value.
CREATE OR REPLACE MACRO median_error(deviation, n) AS
    CASE WHEN n > 1 THEN sqrt(pi() / 2) * sigma_per_mad() * deviation / sqrt(n) END;
