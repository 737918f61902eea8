-- A measurement is impossible: off any chip, a negative area or error, an area larger than its aperture.
SELECT p.imagename, p.master_id, p.x, p.y, p.area_r03, p.flux_err_r03
FROM phot AS p
WHERE p.x < -1
    OR p.y < -1
    OR p.x > chip_columns() + 1
    OR p.y > chip_rows() + 1
    OR p.area_r03 < 0
    OR p.area_r03 > 1.05 * pi() * 9
    OR p.flux_err_r03 < 0
ORDER BY p.imagename, p.master_id
