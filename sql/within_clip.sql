-- within_clip(estimator, ratio, distance, slope, intercept, clip_lo, clip_hi)
-- Whether the clip of a row of `cte` left a star's ratio in: 'log_ratio' clips the logarithm of the ratio about the
-- line, the others the ratio itself. NULL where there was nothing to clip.
CREATE OR REPLACE MACRO within_clip(estimator, ratio, distance, slope, intercept, clip_lo, clip_hi) AS
    CASE
        WHEN estimator = 'log_ratio' THEN ln(ratio) - intercept - slope * distance BETWEEN clip_lo AND clip_hi
        ELSE ratio BETWEEN clip_lo AND clip_hi
    END;
