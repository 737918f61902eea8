-- readout_distance(chip, y)
-- Rows [pix] that a star's charge is moved through before it reaches the amplifiers: chip 2 is read towards
-- y = 0, chip 1 towards the top; y is 0-based on the chip's 2051 rows.
CREATE OR REPLACE MACRO readout_distance(chip, y) AS
    CASE chip WHEN 2 THEN y WHEN 1 THEN 2050 - y END;
