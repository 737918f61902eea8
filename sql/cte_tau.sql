-- cte_tau(disc, t): parameter of the Moebius map that solves du/dt = -(A + B u + C u^2) over t.
--
--   disc  B^2 - 4 A C
--   t     rows / 2048
--
-- tanh(h t) / h with h = sqrt(disc) / 2, tan for a negative discriminant, its series near a double root.
-- Infinite where the flow has left every bound by then. As `_tau` in cte_lake/model/readout.py.
CREATE OR REPLACE MACRO cte_tau(disc, t) AS
    CASE
        WHEN abs(0.25 * disc * t * t) < 1e-3 THEN
            t * (1 + 0.25 * disc * t * t * (-1.0 / 3 + 0.25 * disc * t * t * (2.0 / 15
                + 0.25 * disc * t * t * (-17.0 / 315 + 0.25 * disc * t * t * (62.0 / 2835)))))
        WHEN disc > 0 THEN tanh(0.5 * sqrt(abs(disc)) * t) / (0.5 * sqrt(abs(disc)))
        WHEN 0.5 * sqrt(abs(disc)) * abs(t) >= pi() / 2 THEN 'infinity'::DOUBLE
        ELSE tan(0.5 * sqrt(abs(disc)) * t) / (0.5 * sqrt(abs(disc)))
    END;
