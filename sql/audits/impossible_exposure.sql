-- A row is an exposure with a value that no exposure of the camera has: its header was misread, or is not what it says.
SELECT
    e.imagename::VARCHAR AS imagename,
    e.mjd::DOUBLE AS mjd,
    e.exptime::DOUBLE AS exptime,
    e.chip::INTEGER AS chip,
    e.flash::INTEGER AS flash
FROM exposures_all_modes AS e
WHERE e.mjd < installed()
    OR e.exptime <= 0
    OR NOT is_chip(e.chip)
    OR e.flash < 0
ORDER BY imagename
