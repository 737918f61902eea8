-- in_flux_bin(estimator, flux_1, flux_2, bin_lo, bin_hi)
-- Whether a star of a pair is in a flux bin (electrons), as an estimator of `slopes` counts it: 'both_in_bin' with
-- both fluxes strictly inside, else with their mean strictly inside. The CASE keeps a join with the few bins a plain
-- product; a bare range condition is planned as a sort.
CREATE OR REPLACE MACRO in_flux_bin(estimator, flux_1, flux_2, bin_lo, bin_hi) AS
    CASE
        WHEN estimator = 'both_in_bin' THEN least(flux_1, flux_2) > bin_lo AND greatest(flux_1, flux_2) < bin_hi
        ELSE (flux_1 + flux_2) / 2 > bin_lo AND (flux_1 + flux_2) / 2 < bin_hi
    END;
