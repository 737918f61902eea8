-- cte_set(coefficients): the coefficient set to use, as a struct: the one given, else the session's variable.
--
-- The variable is read here and not as a default of cte_corrected, since a default is bound when the macro is made.
CREATE OR REPLACE MACRO cte_set(coefficients) AS
    coalesce(coefficients, getvariable('cte_coefficients'));
