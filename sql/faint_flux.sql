-- faint_flux()
-- Flux [electron] of a faint star: the middle of the faintest bin of `losses`.
CREATE OR REPLACE MACRO faint_flux() AS (SELECT arg_min(b.bin_lo + b.bin_hi, b.bin_lo) / 2 FROM loss_bins AS b);
