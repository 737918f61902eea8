-- A row is an exposure with a value that no WFC3/UVIS exposure has: its header was misread, or is not what it says.
SELECT
    e.imagename::VARCHAR AS imagename,
    e.mjd::DOUBLE AS mjd,
    e.exptime::DOUBLE AS exptime,
    e.chip::INTEGER AS chip,
    e.flash::INTEGER AS flash
FROM exposures_all_modes AS e
-- WFC3 was installed on 2009-05-14.
WHERE e.mjd < 54965
    OR e.exptime <= 0
    OR e.chip NOT IN (1, 2)
    OR e.flash < 0
ORDER BY imagename
