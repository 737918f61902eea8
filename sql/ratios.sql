-- ratios(aperture := 3); the view of the same name is that of the default radius
-- Grain: a star of a pair that enters the measurement, at one aperture radius; not yet in a flux bin.
-- The ratio is written so that it rises with the distance from the amplifiers where charge is lost: chip 1 over
-- chip 2 against the distance on chip 2; in a 180-degree pair second visit over first, against the distance in
-- the first. Left out are stars with a flag of settings.drop_flags, with less than settings.min_area of the
-- aperture's area good, and without a positive flux in both images. What masked pixels hold of a star's light is
-- put back by the profile of a star (`masked_light`, exact at r = 3 px and to about 1% of the flux at others).
-- Of two images of a star its rows are seldom the same: distance + row_offset is the mean of both, counted in the lower
-- image's direction, and on it depends what the ratio loses where both lose alike. `distance` alone is 2017's.
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
    m.pair_id::BIGINT AS pair_id,
    m.target::VARCHAR AS target,
    m.proposal::INTEGER AS proposal,
    m.flash::INTEGER AS flash,
    m.filetype::VARCHAR AS filetype,
    m.aperture::INTEGER AS aperture,
    m.master_id::BIGINT AS master_id,
    (CASE WHEN m.chip_1 = m.chip_2 THEN m.flux_2 / m.flux_1 ELSE m.flux_1 / m.flux_2 END)::DOUBLE AS ratio,
    ((m.chip_1 = m.chip_2)::INTEGER * m.y_1 + (m.chip_1 <> m.chip_2)::INTEGER * m.y_2)::DOUBLE AS y,
    readout_distance(
        m.chip_2,
        (m.chip_1 = m.chip_2)::INTEGER * m.y_1 + (m.chip_1 <> m.chip_2)::INTEGER * m.y_2
    )::DOUBLE AS distance,
    ((
        chip_rows() - 1
        - readout_distance(
            m.chip_1,
            (m.chip_1 = m.chip_2)::INTEGER * m.y_2 + (m.chip_1 <> m.chip_2)::INTEGER * m.y_1
        )
        - readout_distance(
            m.chip_2,
            (m.chip_1 = m.chip_2)::INTEGER * m.y_1 + (m.chip_1 <> m.chip_2)::INTEGER * m.y_2
        )
    ) / 2)::DOUBLE AS row_offset,
    m.flux_1::DOUBLE AS flux_1,
    m.flux_2::DOUBLE AS flux_2,
    ((m.flux_1 + m.flux_2) / 2)::DOUBLE AS mean_flux,
    ((m.sky_1 + m.sky_2) / 2)::DOUBLE AS background
FROM settings AS s
CROSS JOIN whole AS m
WHERE usable_star(m.flags_1, m.area_1, m.flux_1, s.drop_flags, s.min_area * pi() * aperture * aperture)
    AND usable_star(m.flags_2, m.area_2, m.flux_2, s.drop_flags, s.min_area * pi() * aperture * aperture);
