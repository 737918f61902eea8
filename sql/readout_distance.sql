-- readout_distance(chip, y)
-- Rows [pix] that a star's charge is moved through before it reaches the amplifiers: chip 2 is read towards
-- y = 0, chip 1 towards the top; y is 0-based on the chip's 2051 rows. NULL for another chip.
-- Sums, not a choice between columns: DuckDB 2.0.0 stops with an internal error ("dict-surviving cache ... changed
-- identity") where a CASE hands on one of two columns that a small join gave as dictionaries. The sums are exact.
CREATE OR REPLACE MACRO readout_distance(chip, y) AS
    CASE chip WHEN 2 THEN 0 WHEN 1 THEN 2050 END + CASE chip WHEN 2 THEN 1 ELSE -1 END * y;
