-- bright_stars
-- Grain: a star by which shapes are judged, in an exposure: brighter than the lower limit of the brightest bin of
-- `losses` at the default radius, with light within 10 px and without a flag of settings.drop_flags.
CREATE OR REPLACE VIEW bright_stars AS
SELECT
    p.imagename::VARCHAR AS imagename,
    p.rootname::VARCHAR AS rootname,
    p.filetype::VARCHAR AS filetype,
    p.target::VARCHAR AS target,
    p.proposal::INTEGER AS proposal,
    p.visit::VARCHAR AS visit,
    p.filter::VARCHAR AS filter,
    p.exptime::DOUBLE AS exptime,
    p.length::VARCHAR AS length,
    p.flash::INTEGER AS flash,
    p.chinject::VARCHAR AS chinject,
    p.generation::VARCHAR AS generation,
    p.mjd::DOUBLE AS mjd,
    p.chip::INTEGER AS chip,
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
CROSS JOIN measured_stars AS p
WHERE p.flags & s.drop_flags = 0
    AND p.flux_r10 > 0
    AND of_aperture(s.aperture,
        p.flux_r02, p.flux_r03, p.flux_r05, p.flux_r07, p.flux_r10, p.flux_r12, p.flux_r15,
        p.flux_r18, p.flux_r20, p.flux_r24, p.flux_r28, p.flux_r32, p.flux_r36, p.flux_r40
    ) > bright_limit();
