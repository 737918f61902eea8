-- ratios(aperture := 3); the view of the same name is that of the default radius
-- Grain: a star of a pair that enters the measurement, at one aperture radius; not yet in a flux bin.
-- The ratio is written so that it rises with the distance from the amplifiers where charge is lost: chip 1 over
-- chip 2 against the distance on chip 2; in a 180-degree pair second visit over first, against the distance in
-- the first. Left out are stars with a flag of settings.drop_flags, with less than settings.min_area of the
-- aperture's area good, and without a positive flux in both images. What masked pixels hold of a star's light is
-- put back by the profile of a star (`masked_light`, exact at r = 3 px and to about 1% of the flux at others).
-- The row is a sum and not a choice, for the reason that readout_distance gives.
CREATE OR REPLACE MACRO ratios(aperture := default_aperture()) AS TABLE
WITH whole AS (
    FROM matched_stars(aperture := aperture)
    SELECT * REPLACE (
        flux_1 / (1 - coalesce(masked_light_1, 0)) AS flux_1,
        flux_2 / (1 - coalesce(masked_light_2, 0)) AS flux_2
    )
)
SELECT
    m.pair_id::BIGINT AS pair_id,  -- [-] Number of the pair
    m.target::VARCHAR AS target,  -- [-] Name of the target in this lake
    m.proposal::INTEGER AS proposal,  -- [-] Proposal number
    m.flash::INTEGER AS flash,  -- [electron] Post-flash level per pixel, 0 without post-flash
    m.filetype::VARCHAR AS filetype,  -- [-] 'flt', or 'flc' after the pixel-based CTE correction
    m.aperture::INTEGER AS aperture,  -- [pix] Aperture radius
    m.master_id::BIGINT AS master_id,  -- [-] Number of the star in the target's master catalog
    (CASE WHEN m.chip_1 = m.chip_2 THEN m.flux_2 / m.flux_1 ELSE m.flux_1 / m.flux_2 END)::DOUBLE AS ratio,  -- [-] Flux nearer to the amplifiers over flux farther off, at a large distance
    ((m.chip_1 = m.chip_2)::INTEGER * m.y_1 + (m.chip_1 <> m.chip_2)::INTEGER * m.y_2)::DOUBLE AS y,  -- [pix] Row of the star in the ratio's lower image, 0-based
    readout_distance(
        m.chip_2,
        (m.chip_1 = m.chip_2)::INTEGER * m.y_1 + (m.chip_1 <> m.chip_2)::INTEGER * m.y_2
    )::DOUBLE AS distance,  -- [pix] Rows between the star and the amplifiers in the ratio's lower image
    m.flux_1::DOUBLE AS flux_1,  -- [electron] Flux in image_1, masked pixels' light put back
    m.flux_2::DOUBLE AS flux_2,  -- [electron] Flux in image_2, masked pixels' light put back
    ((m.flux_1 + m.flux_2) / 2)::DOUBLE AS mean_flux,  -- [electron] Mean of the two fluxes
    ((m.sky_1 + m.sky_2) / 2)::DOUBLE AS background  -- [electron] Mean of the two local skies per pixel
FROM settings AS s
CROSS JOIN whole AS m
WHERE m.flags_1 & s.drop_flags = 0
    AND m.flags_2 & s.drop_flags = 0
    AND coalesce(m.area_1 >= s.min_area * pi() * aperture * aperture, true)
    AND coalesce(m.area_2 >= s.min_area * pi() * aperture * aperture, true)
    AND m.flux_1 > 0
    AND m.flux_2 > 0
    AND m.flux_1 < 'inf'::DOUBLE
    AND m.flux_2 < 'inf'::DOUBLE;
