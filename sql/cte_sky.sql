-- cte_sky(background, k): b = log10(1 + background) within the range of a coefficient set, 0 where it has none.
CREATE OR REPLACE MACRO cte_sky(background, k) AS
    CASE WHEN k.needs_sky AND background > -1
        THEN least(greatest(log10(1 + background::DOUBLE), k.b_low), k.b_high) ELSE 0.0 END;
