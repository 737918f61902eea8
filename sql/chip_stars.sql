-- chip_stars(aperture := 3); the view of the same name is that of the default radius
-- Grain: a star in an exposure, as the losses of single chips are solved from.
-- Not usable are stars with a flag of settings.drop_flags, with less than settings.min_area of the aperture's area
-- good, or without a flux; a flux below zero counts like any other, for noise must not choose. What masked pixels
-- hold of a star's light is put back as in `ratios`. `noise` is the variance of the flux but for the star's own
-- photons; at least that of the sky's.
CREATE OR REPLACE MACRO chip_stars(aperture := default_aperture()) AS TABLE
WITH measured AS (
    SELECT
        p.imagename, p.target, p.proposal, p.flash, p.filetype, p.chip,
        coalesce(p.exposure_sky, 0) + p.flash AS background,
        p.master_id, p.y, p.flags,
        coalesce(p.masked_light, 0) AS masked_light,
        of_aperture(aperture,
            p.flux_r02, p.flux_r03, p.flux_r05, p.flux_r07, p.flux_r10, p.flux_r12, p.flux_r15,
            p.flux_r18, p.flux_r20, p.flux_r24, p.flux_r28, p.flux_r32, p.flux_r36, p.flux_r40
        ) AS flux,
        of_aperture(aperture,
            p.flux_err_r02, p.flux_err_r03, p.flux_err_r05, p.flux_err_r07, p.flux_err_r10, p.flux_err_r12, p.flux_err_r15,
            p.flux_err_r18, p.flux_err_r20, p.flux_err_r24, p.flux_err_r28, p.flux_err_r32, p.flux_err_r36, p.flux_err_r40
        )::DOUBLE AS flux_err,
        of_aperture(aperture,
            p.area_r02, p.area_r03, p.area_r05, p.area_r07, p.area_r10, p.area_r12, p.area_r15,
            p.area_r18, p.area_r20, p.area_r24, p.area_r28, p.area_r32, p.area_r36, p.area_r40
        ) AS area
    FROM measured_stars AS p
)
SELECT
    m.imagename::VARCHAR AS imagename,
    m.target::VARCHAR AS target,
    m.proposal::INTEGER AS proposal,
    m.flash::INTEGER AS flash,
    m.filetype::VARCHAR AS filetype,
    aperture::INTEGER AS aperture,
    m.master_id::BIGINT AS master_id,
    m.chip::INTEGER AS chip,
    readout_distance(m.chip, m.y)::DOUBLE AS distance,
    (m.flux / (1 - m.masked_light))::DOUBLE AS flux,
    (greatest(
        CASE WHEN isfinite(m.flux_err) THEN m.flux_err * m.flux_err - greatest(m.flux, 0) END,
        pi() * aperture * aperture * greatest(m.background, 1)
    ) / ((1 - m.masked_light) * (1 - m.masked_light)))::DOUBLE AS noise,
    coalesce(
        m.flags & s.drop_flags = 0
        AND coalesce(m.area >= s.min_area * pi() * aperture * aperture, true)
        AND isfinite(m.flux / (1 - m.masked_light))
        AND isfinite(m.y),
        false
    )::BOOLEAN AS usable
FROM measured AS m
CROSS JOIN settings AS s;
