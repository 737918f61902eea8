-- bright_stars
-- Grain: a star by which shapes are judged, in an exposure: brighter than the lower limit of the brightest bin of
-- `losses` at the default radius, with light within 10 px and without a flag of settings.drop_flags.
CREATE OR REPLACE VIEW bright_stars AS
SELECT
    e.imagename::VARCHAR AS imagename,
    e.rootname::VARCHAR AS rootname,
    e.filetype::VARCHAR AS filetype,
    e.target::VARCHAR AS target,
    e.proposal::INTEGER AS proposal,
    e.visit::VARCHAR AS visit,
    e.filter::VARCHAR AS filter,
    e.exptime::DOUBLE AS exptime,
    e.length::VARCHAR AS length,
    e.flash::INTEGER AS flash,
    e.chinject::VARCHAR AS chinject,
    e.generation::VARCHAR AS generation,
    e.mjd::DOUBLE AS mjd,
    e.chip::INTEGER AS chip,
    p.master_id::BIGINT AS master_id,
    p.x::DOUBLE AS x,
    p.y::DOUBLE AS y,
    p.flux_r02::DOUBLE AS flux_r02,
    p.flux_r03::DOUBLE AS flux_r03,
    p.flux_r05::DOUBLE AS flux_r05,
    p.flux_r07::DOUBLE AS flux_r07,
    p.flux_r10::DOUBLE AS flux_r10,
    p.flux_r12::DOUBLE AS flux_r12,
    p.flux_r15::DOUBLE AS flux_r15,
    p.flux_r18::DOUBLE AS flux_r18,
    p.flux_r20::DOUBLE AS flux_r20,
    p.flux_r24::DOUBLE AS flux_r24,
    p.flux_r28::DOUBLE AS flux_r28,
    p.flux_r32::DOUBLE AS flux_r32,
    p.flux_r36::DOUBLE AS flux_r36,
    p.flux_r40::DOUBLE AS flux_r40
FROM settings AS s
CROSS JOIN exposures AS e
INNER JOIN stored_phot AS p
    ON p.target = e.target
    AND p.proposal = e.proposal
    AND p.flash = e.flash
    AND p.filetype = e.filetype
    AND p.imagename = e.imagename
    AND p.phot_key = e.phot_key
    AND p.file = lake_folder() || e.phot_file
WHERE p.flags & s.drop_flags = 0
    AND p.flux_r10 > 0
    AND of_aperture(s.aperture,
        p.flux_r02, p.flux_r03, p.flux_r05, p.flux_r07, p.flux_r10, p.flux_r12, p.flux_r15,
        p.flux_r18, p.flux_r20, p.flux_r24, p.flux_r28, p.flux_r32, p.flux_r36, p.flux_r40
    ) > bright_limit();
