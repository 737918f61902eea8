-- chip_exposures
-- Grain: an exposure that counts for the losses of its chip, with or without a partner.
-- `newest` is that of the pairs, so that losses of chips and of pairs are of one calibration generation; a target and
-- file type without any pair has all its generations. Background is what was in the pixel at readout: calibration takes
-- the post-flash off, so it is added to the sky.
-- Key: imagename (audit: duplicate_chip_exposure)
CREATE OR REPLACE VIEW chip_exposures AS
WITH newest AS (
    SELECT DISTINCT q.target, q.filetype, q.generation FROM pairings AS q WHERE q.newest
),
paired AS (
    SELECT DISTINCT n.target, n.filetype FROM newest AS n
)
SELECT
    e.imagename::VARCHAR AS imagename,
    e.target::VARCHAR AS target,
    e.proposal::INTEGER AS proposal,
    e.visit::VARCHAR AS visit,
    e.filter::VARCHAR AS filter,
    e.exptime::DOUBLE AS exptime,
    e.length::VARCHAR AS length,
    e.flash::INTEGER AS flash,
    e.filetype::VARCHAR AS filetype,
    e.chinject::VARCHAR AS chinject,
    e.generation::VARCHAR AS generation,
    (n.generation IS NOT NULL OR p.target IS NULL)::BOOLEAN AS newest,
    e.mjd::DOUBLE AS mjd,
    v.epoch::INTEGER AS epoch,
    e.chip::INTEGER AS chip,
    (coalesce(e.sky, 0) + e.flash)::DOUBLE AS background,
    e.masked::BOOLEAN AS cr_masked,
    e.flux_scaled::BOOLEAN AS flux_scaled,
    e.settings_hash::VARCHAR AS settings_hash,
    e.pam::VARCHAR AS pam,
    e.phot_key::VARCHAR AS phot_key,
    e.phot_file::VARCHAR AS phot_file
FROM pairable AS e
ASOF INNER JOIN visits AS v
    ON v.target = e.target AND v.proposal = e.proposal AND v.visit = e.visit AND v.chinject = e.chinject AND e.mjd >= v.mjd
LEFT JOIN newest AS n ON n.target = e.target AND n.filetype = e.filetype AND n.generation = e.generation
LEFT JOIN paired AS p ON p.target = e.target AND p.filetype = e.filetype
WHERE e.side IS NOT NULL;
