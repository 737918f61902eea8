-- bright_limit()
-- Flux [electron] from which a star counts as bright: the lower limit of the brightest bin of `losses`.
CREATE OR REPLACE MACRO bright_limit() AS (SELECT max(b.bin_lo) FROM loss_bins AS b);
