-- A row is an exposure whose name does not agree with where it lies: a file of the lake was moved or renamed.
SELECT
    e.imagename::VARCHAR AS imagename,
    e.rootname::VARCHAR AS rootname,
    e.filetype::VARCHAR AS filetype,
    e.visit::VARCHAR AS visit
FROM exposures_all_modes AS e
WHERE e.imagename <> e.rootname || '_' || e.filetype || '.fits'
    OR e.visit <> substr(e.rootname, 5, 2)
    OR e.filetype NOT IN ('flt', 'flc')
ORDER BY imagename
