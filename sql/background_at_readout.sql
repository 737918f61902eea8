-- background_at_readout(sky, flash, dark_1, dark_2): what was in the pixels of a pair when the charge was moved, e-/px
-- Calibration takes post-flash and dark off. The dark is MEANDARK of the two exposures; it is that of the whole exposure,
-- as it grows with EXPTIME (0.000738 after 1 s and 0.1255 after 170 s in two frames of one day). Without the keyword it is 0.
CREATE OR REPLACE MACRO background_at_readout(sky, flash, dark_1, dark_2) AS
    sky + flash + coalesce((dark_1 + dark_2) / 2, dark_1, dark_2, 0.0);
