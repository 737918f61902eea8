-- A row is an exposure whose FLT and FLC differ in what they share: date, exposure time, filter, flash or chip. One of
-- the two files is not what its name says.
SELECT
    t.rootname::VARCHAR AS rootname,
    t.mjd::DOUBLE AS mjd_flt,
    c.mjd::DOUBLE AS mjd_flc
FROM exposures AS t
INNER JOIN exposures AS c ON c.rootname = t.rootname AND t.filetype = 'flt' AND c.filetype = 'flc'
WHERE abs(t.mjd - c.mjd) > 1e-6
    OR abs(t.exptime - c.exptime) > 1e-3
    OR (t.filter, t.flash, t.chip, t.target) IS DISTINCT FROM (c.filter, c.flash, c.chip, c.target)
ORDER BY rootname
