-- readout_distance(chip, y)
-- Rows [pix] that a star's charge is moved through before it reaches the amplifiers, by the readout directions of
-- cte_lake/detector.py; y is 0-based. NULL for another chip.
-- Sums, not a choice between columns: DuckDB 2.0.0 stops with an internal error ("dict-surviving cache ... changed
-- identity") where a CASE hands on one of two columns that a small join gave as dictionaries. The sums are exact.
CREATE OR REPLACE MACRO readout_distance(chip, y) AS
    readout_start(chip) + readout_sign(chip) * y;
