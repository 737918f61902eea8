-- cte_time(disc, tau): the time that belongs to a parameter of the Moebius map; inverse of cte_tau.
--
--   disc  B^2 - 4 A C
--   tau   as cte_tau gives it
CREATE OR REPLACE MACRO cte_time(disc, tau) AS
    CASE
        WHEN abs(0.25 * disc * tau * tau) < 1e-3 THEN
            tau * (1 + 0.25 * disc * tau * tau * (1.0 / 3 + 0.25 * disc * tau * tau * (1.0 / 5
                + 0.25 * disc * tau * tau * (1.0 / 7 + 0.25 * disc * tau * tau / 9))))
        WHEN disc > 0 THEN atanh(0.5 * sqrt(abs(disc)) * tau) / (0.5 * sqrt(abs(disc)))
        ELSE atan(0.5 * sqrt(abs(disc)) * tau) / (0.5 * sqrt(abs(disc)))
    END;
