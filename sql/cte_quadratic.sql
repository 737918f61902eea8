-- cte_quadratic(cube, powers): [a0, a1, a2] of S in log10 flux, at the date and background of cte_powers.
CREATE OR REPLACE MACRO cte_quadratic(cube, powers) AS
    [list_inner_product(cube[1], powers), list_inner_product(cube[2], powers), list_inner_product(cube[3], powers)];
