-- cte_corrected(flux, y, chip, mjd): a star's flux as it was before readout, with what is to be known about it.
--
--   flux          electrons less the sky in the aperture of the coefficients
--   y             row on the chip, 0-based px
--   chip          1 or 2
--   mjd           date, MJD
--   background    electrons per pixel; NULL: not known
--   radius        aperture radius of the flux, px; NULL: not known
--   filetype      'flt' or 'flc'; NULL: not known
--   coefficients  key of a coefficient set (cte_lake.model.sqlmacro.key_of); by default that of the set in use,
--                 which Lake.use_coefficients and the option --coefficients choose
--
-- Gives STRUCT(corrected_flux DOUBLE, electrons; cte_loss DOUBLE, fraction of the corrected flux;
-- cte_dmag DOUBLE and cte_dmag_err DOUBLE, mag; cte_flag INTEGER, bits of cte_lake.model.flags). The numbers are
-- NULL where there is no result. The arithmetic is that of cte_lake.model.correct.correct, which it calls: the
-- macro is there in connections of this package only, not in an exported database.
--
--   SELECT master_id, unnest(cte_corrected(flux_r03, y, 2, 57601.3, background := sky)) FROM phot
CREATE OR REPLACE MACRO cte_corrected(
    flux, y, chip, mjd,
    background := NULL, radius := NULL, filetype := NULL, coefficients := NULL
) AS
    correct_stars(
        flux::DOUBLE, y::DOUBLE, chip::DOUBLE, mjd::DOUBLE, background::DOUBLE, radius::DOUBLE, filetype::VARCHAR,
        -- Read here and not as a default, which is bound when the macro is made.
        coalesce(coefficients, getvariable('cte_coefficients'))::VARCHAR
    );
