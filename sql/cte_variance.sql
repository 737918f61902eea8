-- cte_variance(v, x): the quartic of cte_quartic at a centred log10 flux.
CREATE OR REPLACE MACRO cte_variance(v, x) AS
    v[1] + x * (v[2] + x * (v[3] + x * (v[4] + x * v[5])));
