-- centroid_shift(shift, other_shift, flags)
-- The shift of a star's centroid along one axis, given that along both. Where there was no centroid, or one too far
-- off, rows of before December 2026 hold 0 on both axes: that is read as NULL, or it would pull averages towards 0.
CREATE OR REPLACE MACRO centroid_shift(shift, other_shift, flags) AS
    CASE WHEN flags & no_centroid_flags() = 0 OR shift <> 0 OR other_shift <> 0 THEN shift END;
