-- cte_corrected(flux, y, chip, mjd): a star's flux as it was before readout, with what is to be known about it.
--
--   flux          electrons less the sky in the aperture of the coefficients
--   y             row on the chip, 0-based px
--   chip          1 or 2
--   mjd           date, MJD
--   background    electrons per pixel; NULL: not known
--   radius        aperture radius of the flux, px; NULL: not known
--   filetype      'flt' or 'flc'; NULL: not known
--   coefficients  a coefficient set; by default the one of `SET VARIABLE cte_coefficients`, which
--                 Lake.use_coefficients and cte_lake.model.sqlmacro.use_coefficients make
--
-- Gives STRUCT(corrected_flux DOUBLE, electrons; cte_loss DOUBLE, fraction of the corrected flux;
-- cte_dmag DOUBLE and cte_dmag_err DOUBLE, mag; cte_flag INTEGER, bits of cte_lake.model.flags). The numbers are
-- NULL where there is no result. The same as cte_lake.model.correct.correct to rounding.
--
--   SELECT master_id, unnest(cte_corrected(flux_r03, y, 2, 57601.3, background := sky)) FROM phot
CREATE OR REPLACE MACRO cte_corrected(
    flux, y, chip, mjd,
    background := NULL, radius := NULL, filetype := NULL, coefficients := NULL
) AS
    list_transform(
        -- The set is met in this first struct only: what a lambda captures is copied for every star.
        [{
            star: flux::DOUBLE,
            u: CASE WHEN flux > 0 THEN log10(flux::DOUBLE) END,
            t: greatest(CASE WHEN chip = 2 THEN y ELSE 2050 - y END, 0)::DOUBLE / 2048,
            low: cte_set(coefficients).f_low,
            high: cte_set(coefficients).f_high,
            zero: cte_set(coefficients).f_zero,
            unit: cte_set(coefficients).f_unit,
            -- The date and the background put in: S is a quadratic in log10 flux, its variance a quartic.
            a: cte_quadratic(
                cte_set(coefficients).cube,
                cte_powers(mjd::DOUBLE - 55400, cte_sky(background, cte_set(coefficients)), 3)),
            v: cte_quartic(
                cte_set(coefficients).variance,
                cte_powers(
                    (mjd::DOUBLE - 55400 - cte_set(coefficients).d_zero) / cte_set(coefficients).d_unit,
                    (cte_sky(background, cte_set(coefficients)) - cte_set(coefficients).b_zero)
                        / cte_set(coefficients).b_unit,
                    5)),
            refused: cte_refused(
                flux::DOUBLE, y::DOUBLE, chip, mjd::DOUBLE,
                CASE WHEN NOT isnan(background::DOUBLE) THEN background::DOUBLE END,
                cte_set(coefficients).needs_sky),
            flag: CASE WHEN cte_set(coefficients) IS NULL
                    THEN error('cte_corrected has no coefficients: SET VARIABLE cte_coefficients, or pass them')
                    ELSE 0 END
                + CASE WHEN mjd < cte_set(coefficients).mjd_low THEN 4 ELSE 0 END
                + CASE WHEN mjd > cte_set(coefficients).mjd_high THEN 8 ELSE 0 END
                + CASE WHEN isnan(background::DOUBLE) OR background IS NULL THEN 64
                    WHEN background < cte_set(coefficients).background_low THEN 16
                    WHEN background > cte_set(coefficients).background_high THEN 32 ELSE 0 END
                + CASE WHEN radius IS NULL THEN 256
                    WHEN radius <> cte_set(coefficients).radius THEN 128 ELSE 0 END
                + CASE WHEN filetype IS NULL THEN 1024
                    WHEN lower(filetype) <> cte_set(coefficients).filetype THEN 512 ELSE 0 END
        }],
        lambda corrected_0: list_transform(
            [CASE WHEN corrected_0.refused = 0 THEN cte_flow(
                corrected_0.u, -corrected_0.t, corrected_0.a, corrected_0.low, corrected_0.high) END],
            lambda corrected_1: list_transform(
                [greatest(corrected_0.low, least(corrected_0.high, 0.5 * (corrected_0.u + corrected_1)))],
                lambda corrected_2: {
                    corrected_flux: corrected_0.star * exp((corrected_1 - corrected_0.u) * ln(10)),
                    cte_loss: 1 - exp((corrected_0.u - corrected_1) * ln(10)),
                    cte_dmag: 2.5::DOUBLE * (corrected_1 - corrected_0.u),
                    cte_dmag_err: 2.5 / ln(10) * corrected_0.t
                        * exp((corrected_0.a[2] + 2 * corrected_0.a[3] * corrected_2)
                            / ln(10) * 0.5 * corrected_0.t)
                        * sqrt(greatest(0, cte_variance(
                            corrected_0.v, (corrected_2 - corrected_0.zero) / corrected_0.unit)))
                        + CASE WHEN corrected_1 IS NULL THEN NULL ELSE 0 END,
                    cte_flag: (corrected_0.flag + corrected_0.refused
                        + CASE WHEN corrected_0.refused > 0 THEN 0 ELSE
                            CASE WHEN corrected_0.u < corrected_0.low THEN 1 ELSE 0 END
                            + CASE WHEN corrected_0.u > corrected_0.high THEN 2 ELSE 0 END
                            + CASE WHEN corrected_1 < corrected_0.u THEN 16384 ELSE 0 END END)::INTEGER
                }
            )[1]
        )[1]
    )[1];
