-- growth_loss(aperture := 3); the view of the same name is that of the default radius
-- Grain: a pair of exposures, at one aperture radius: the losses that the shapes of its stars and its sky imitate. A pair
-- without such stars has its row, with n = 0 and NULL.
-- Shapes: where stars are wider, less of their light lies within the radius, whatever charge is lost. From the stars
-- over the lower limit of the brightest bin of `losses`: the share of the light within 10 px that lies within the
-- radius, its ratio between the two images (as in `ratios`), a line through the logarithm of the ratio against the distance
-- from the amplifiers, clipped about the line. That is the loss at the radius less the loss at 10 px, of the same stars: a
-- star's colour, its neighbours and its place in the catalog cancel.
-- Charge that is lost within the radius and released within 10 px counts too (docs/growth.md): a loss with trails has
-- a growth_loss of its own.
-- Sky: where the local sky is taken too low, light is left over about every star. From the stars of 0.5 to 3 times
-- faint_flux(), the third of them with the least light about them: what is left per pixel from 5 to 10 px, that of one
-- image less that of the other, its line as above. A star of faint_flux() gains as much on each pixel of its aperture:
-- sky_loss. About the others lies light of neighbours, which loses charge whatever the sky is. The light is that of
-- both images, each weighted by the other's noise: of a plain sum the least is where the noisier image, that with the
-- higher sky, happens to have little, so that the choice would make the difference that is looked for.
CREATE OR REPLACE MACRO growth_loss(aperture := default_aperture()) AS TABLE
WITH noisy AS (
    -- Variance of a pixel of sky: what is left of the aperture's without the star's own photons.
    SELECT
        m.*,
        greatest((m.flux_err_1 ** 2 - greatest(m.flux_1, 0)) / m.area_1, 0) AS noise_1,
        greatest((m.flux_err_2 ** 2 - greatest(m.flux_2, 0)) / m.area_2, 0) AS noise_2
    FROM matched_stars(aperture := aperture) AS m
),
placed AS (
    SELECT
        m.pair_id, m.target, m.proposal, m.flash, m.filetype, m.master_id,
        readout_distance(
            m.chip_2,
            (m.chip_1 = m.chip_2)::INTEGER * m.y_1 + (m.chip_1 <> m.chip_2)::INTEGER * m.y_2
        ) AS distance,
        (m.flux_1 + m.flux_2) / 2 AS mean_flux,
        m.flux_1 + m.flux_2 > 2 * bright_limit() AS bright,
        CASE WHEN m.chip_1 = m.chip_2 THEN -1 ELSE 1 END
            * CASE
                WHEN m.flux_1 + m.flux_2 <= 2 * bright_limit()
                    THEN ((m.wide_flux_1 - m.near_flux_1) - (m.wide_flux_2 - m.near_flux_2)) / (pi() * (10 ** 2 - 5 ** 2))
                WHEN least(m.wide_flux_1, m.wide_flux_2) > 0
                    THEN ln(m.flux_1 / m.wide_flux_1 / (m.flux_2 / m.wide_flux_2))
            END AS difference,
        -- Without errors (NaN) both count alike.
        CASE WHEN isfinite(m.noise_1 + m.noise_2) AND m.noise_1 + m.noise_2 > 0
            THEN ((m.wide_flux_1 - m.near_flux_1) * m.noise_2 + (m.wide_flux_2 - m.near_flux_2) * m.noise_1)
                / (m.noise_1 + m.noise_2)
            ELSE (m.wide_flux_1 - m.near_flux_1 + (m.wide_flux_2 - m.near_flux_2)) / 2
        END AS light_about
    FROM settings AS s
    CROSS JOIN noisy AS m
    WHERE usable_star(m.flags_1, m.area_1, m.flux_1, s.drop_flags, s.min_area * pi() * aperture * aperture)
        AND usable_star(m.flags_2, m.area_2, m.flux_2, s.drop_flags, s.min_area * pi() * aperture * aperture)
        AND (
            m.flux_1 + m.flux_2 > 2 * bright_limit()
            OR (m.flux_1 + m.flux_2 > faint_flux() AND m.flux_1 + m.flux_2 < 6 * faint_flux())
        )
),
grouped AS (
    SELECT
        p.pair_id, p.target, p.proposal, p.flash, p.filetype, p.bright,
        list_grade_up(list(p.master_id)) AS by_star,
        list(p.distance) AS distances, list(p.difference) AS differences, list(p.mean_flux) AS fluxes,
        list(p.light_about) AS lights
    FROM placed AS p
    WHERE p.difference IS NOT NULL
    GROUP BY p.pair_id, p.target, p.proposal, p.flash, p.filetype, p.bright
),
ordered AS (
    -- As in slopes: sums in the order of the stars are the same however the query was planned.
    SELECT
        g.* EXCLUDE (by_star) REPLACE (
            list_select(g.distances, g.by_star) AS distances,
            list_select(g.differences, g.by_star) AS differences,
            list_select(g.fluxes, g.by_star) AS fluxes,
            list_select(g.lights, g.by_star) AS lights
        ),
        list_sort(g.lights)[greatest(len(g.lights) // 3, 1)] AS least_light
    FROM grouped AS g
),
compared AS (
    SELECT o.*, list_transform(o.lights, lambda light: o.bright OR light <= o.least_light) AS chosen
    FROM ordered AS o
),
chosen AS (
    SELECT
        c.* REPLACE (
            list_where(c.distances, c.chosen) AS distances,
            list_where(c.differences, c.chosen) AS differences,
            list_where(c.fluxes, c.chosen) AS fluxes
        )
    FROM compared AS c
),
clipped AS (
    SELECT g.*, line_clip(g.distances, g.differences, s.clip_sigma).kept AS kept
    FROM chosen AS g
    CROSS JOIN settings AS s
),
fitted AS (
    SELECT
        c.pair_id, c.target, c.proposal, c.flash, c.filetype, c.bright, len(c.differences) AS n_in_bin,
        line_fit(list_where(c.distances, c.kept), list_where(c.differences, c.kept)) AS fit,
        list_avg(list_where(c.fluxes, c.kept)) AS mean_flux
    FROM clipped AS c
),
told AS (
    -- Two stars make a line without an error. As conditions of the rows these would have every line fitted again.
    SELECT
        f.pair_id, f.target, f.proposal, f.flash, f.filetype,
        any_value(f.n_in_bin) FILTER (f.bright AND f.fit.n >= 3 AND f.fit.slope IS NOT NULL) AS n_in_bin,
        any_value(f.fit) FILTER (f.bright AND f.fit.n >= 3 AND f.fit.slope IS NOT NULL) AS fit,
        any_value(f.mean_flux) FILTER (f.bright AND f.fit.n >= 3 AND f.fit.slope IS NOT NULL) AS mean_flux,
        any_value(f.fit) FILTER (NOT f.bright AND f.fit.n >= 3 AND f.fit.slope IS NOT NULL) AS faint
    FROM fitted AS f
    GROUP BY f.pair_id, f.target, f.proposal, f.flash, f.filetype
)
SELECT
    q.pair_id::BIGINT AS pair_id,
    q.image_1::VARCHAR AS image_1,
    q.image_2::VARCHAR AS image_2,
    aperture::INTEGER AS aperture,
    q.pairing::VARCHAR AS pairing,
    q.target::VARCHAR AS target,
    q.proposal::INTEGER AS proposal,
    q.visit::VARCHAR AS visit,
    q.filter::VARCHAR AS filter,
    q.exptime::DOUBLE AS exptime,
    q.length::VARCHAR AS length,
    q.flash::INTEGER AS flash,
    q.filetype::VARCHAR AS filetype,
    q.chinject::VARCHAR AS chinject,
    q.generation::VARCHAR AS generation,
    q.newest::BOOLEAN AS newest,
    q.mjd::DOUBLE AS mjd,
    (q.chip_1 + CASE WHEN q.pairing = '180' THEN 0 END)::INTEGER AS chip,
    coalesce(f.n_in_bin, 0)::BIGINT AS n_in_bin,
    coalesce(f.fit.n, 0)::BIGINT AS n,
    f.mean_flux::DOUBLE AS mean_flux,
    (f.fit.slope / 2 * loss_rows())::DOUBLE AS growth_loss,
    (f.fit.slope_err / 2 * loss_rows())::DOUBLE AS growth_loss_err,
    coalesce(f.faint.n, 0)::BIGINT AS n_faint,
    (f.faint.slope / 2 * loss_rows() * pi() * aperture ** 2 / faint_flux())::DOUBLE AS sky_loss,
    (f.faint.slope_err / 2 * loss_rows() * pi() * aperture ** 2 / faint_flux())::DOUBLE AS sky_loss_err
FROM pairings AS q
LEFT JOIN told AS f
    ON f.pair_id = q.pair_id
    AND f.target = q.target
    AND f.proposal = q.proposal
    AND f.flash = q.flash
    AND f.filetype = q.filetype;
