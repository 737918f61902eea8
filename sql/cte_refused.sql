-- cte_refused(flux, y, chip, mjd, sky, needs_sky): bits of cte_flag with which a star has no corrected flux.
--
--   2048 flux_not_positive, 4096 input_missing, 8192 off_chip, as cte_lake/model/flags.py has them.
CREATE OR REPLACE MACRO cte_refused(flux, y, chip, mjd, sky, needs_sky) AS
    CASE WHEN flux <= 0 THEN 2048 ELSE 0 END
    + CASE WHEN coalesce(NOT (isfinite(flux) AND isfinite(y) AND isfinite(mjd)), true) OR chip IS NULL
        OR (needs_sky AND coalesce(sky <= -1, true)) THEN 4096 ELSE 0 END
    + CASE WHEN y < -0.5 OR y >= 2050.5 OR chip NOT IN (1, 2) THEN 8192 ELSE 0 END;
