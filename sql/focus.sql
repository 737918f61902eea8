-- focus
-- Grain: an exposure and file type.
-- One number for how sharp its stars are: light inside 2 px over that inside 10 px, the median over the
-- bright stars of the chip (see bright_stars). Compare exposures of one chip and filter; where
-- the stars lie off their catalog places the number falls too.
CREATE OR REPLACE VIEW focus AS
WITH grouped AS (
    SELECT
        p.imagename, p.rootname, p.filetype, p.target, p.proposal, p.visit, p.filter, p.exptime, p.length, p.flash,
        p.chinject, p.generation, p.mjd, p.chip,
        count(*) AS n,
        median(p.flux_r02 / p.flux_r10) AS middle,
        mad(p.flux_r02 / p.flux_r10) AS deviation
    FROM bright_stars AS p
    WHERE p.flux_r02 IS NOT NULL
    GROUP BY ALL
)
SELECT
    k.imagename::VARCHAR AS imagename,
    k.rootname::VARCHAR AS rootname,
    k.filetype::VARCHAR AS filetype,
    k.target::VARCHAR AS target,
    k.proposal::INTEGER AS proposal,
    k.visit::VARCHAR AS visit,
    k.filter::VARCHAR AS filter,
    k.exptime::DOUBLE AS exptime,
    k.length::VARCHAR AS length,
    k.flash::INTEGER AS flash,
    k.chinject::VARCHAR AS chinject,
    k.generation::VARCHAR AS generation,
    k.mjd::DOUBLE AS mjd,
    k.chip::INTEGER AS chip,
    k.n::BIGINT AS n,
    k.middle::DOUBLE AS focus,
    median_error(k.deviation, k.n)::DOUBLE AS focus_err
FROM grouped AS k;
