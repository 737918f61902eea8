-- measured_stars
-- Grain: a master star in an exposure and file type, as last measured in the connection's photometry mode: all that
-- is stored of the star, with what views need of its exposure.
-- The exposures stand first: DuckDB lists the files of a FROM clause from left to right, and an exposure row
-- that has been listed was written after its photometry, so no reader sees part of an exposure.
CREATE OR REPLACE VIEW measured_stars AS
SELECT
    p.*,
    e.rootname, e.visit, e.filter, e.exptime, e.length, e.chinject, e.generation, e.mjd, e.chip,
    e.sky AS exposure_sky
FROM exposures AS e
INNER JOIN stored_phot AS p
    ON p.target = e.target
    AND p.proposal = e.proposal
    AND p.flash = e.flash
    AND p.filetype = e.filetype
    AND p.imagename = e.imagename
    AND p.phot_key = e.phot_key
    -- The named file alone: a copy of it, or one put in another place, is not counted.
    AND p.file = lake_folder() || e.phot_file;
