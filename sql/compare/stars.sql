-- stars: a query of `cte-lake compare`, over two measurements bound as star_1 and star_2
-- Grain: a star of an exposure that both measured.
SELECT
    a.imagename::VARCHAR AS imagename,  -- [-] Root name and file type: <rootname>_<filetype>.fits
    a.master_id::BIGINT AS master_id,  -- [-] Number of the star in the target's master catalog
    a.flux::DOUBLE AS flux_1,  -- [electron] Flux by the first measurement
    b.flux::DOUBLE AS flux_2,  -- [electron] Flux by the second measurement
    (b.flux - a.flux)::DOUBLE AS difference,  -- [electron] Second less first
    (CASE WHEN a.flux > 0 AND b.flux > 0 THEN -2.5 * log10(b.flux / a.flux) END)::DOUBLE AS dmag,  -- [mag] Second less first; NULL without two positive fluxes
    (b.sky - a.sky)::DOUBLE AS sky_difference,  -- [electron] Sky per pixel, second less first
    sqrt((b.x - a.x) ** 2 + (b.y - a.y) ** 2)::DOUBLE AS shift,  -- [pix] Distance between the two centres
    a.flags::INTEGER AS flags_1,  -- [-] Conditions in the first, a bit each
    b.flags::INTEGER AS flags_2  -- [-] Conditions in the second, a bit each
FROM star_1 AS a
INNER JOIN star_2 AS b ON b.imagename = a.imagename AND b.master_id = a.master_id
ORDER BY imagename, master_id;
