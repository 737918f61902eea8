-- cte_powers(x, z, n): the products x^i z^k for i, k < n (n = 3 or 5), i running fastest, as DOUBLE[].
CREATE OR REPLACE MACRO cte_powers(x, z, n) AS
    CASE WHEN n = 3 THEN [
        1, x, x * x,
        z, x * z, x * x * z,
        z * z, x * z * z, x * x * z * z
    ]::DOUBLE[] ELSE [
        1, x, x * x, x * x * x, x * x * x * x,
        z, x * z, x * x * z, x * x * x * z, x * x * x * x * z,
        z * z, x * z * z, x * x * z * z, x * x * x * z * z, x * x * x * x * z * z,
        z * z * z, x * z * z * z, x * x * z * z * z, x * x * x * z * z * z, x * x * x * x * z * z * z,
        z * z * z * z, x * z * z * z * z, x * x * z * z * z * z, x * x * x * z * z * z * z,
        x * x * x * x * z * z * z * z
    ]::DOUBLE[] END;
