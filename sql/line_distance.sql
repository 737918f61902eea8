-- line_distance(estimator, distance, row_offset)
-- Rows [pix] against which an estimator fits its line, of a star of `ratios`: 'log_ratio' takes the mean of both images,
-- the others the distance in the lower one, as in 2017. A sum, for the reason that readout_distance gives.
CREATE OR REPLACE MACRO line_distance(estimator, distance, row_offset) AS
    distance + (estimator = 'log_ratio')::INTEGER * row_offset;
