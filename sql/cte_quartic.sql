-- cte_quartic(variance, powers): [v0 .. v4] of the variance of S in centred log10 flux, as cte_quadratic.
CREATE OR REPLACE MACRO cte_quartic(variance, powers) AS
    [
        list_inner_product(variance[1], powers), list_inner_product(variance[2], powers),
        list_inner_product(variance[3], powers), list_inner_product(variance[4], powers),
        list_inner_product(variance[5], powers)
    ];
