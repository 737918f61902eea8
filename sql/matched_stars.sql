-- matched_stars(aperture := 3, twice := 'pairs'); the view of the same name is that of the default radius
-- Grain: a master star measured in both exposures of a pair, at one aperture radius; stars with any flags are there.
-- With `twice` = 'files' the two are the FLT and the FLC of an exposure (see file_pairs) instead.
-- Target and proposal are part of the star match so that a filter on them, or on pair_id, reaches the scan of both
-- sides; two more keys would cost more than they save.
CREATE OR REPLACE MACRO matched_stars(aperture := default_aperture(), twice := 'pairs') AS TABLE
WITH q AS MATERIALIZED (
    -- Once for both sides: a second look at the exposures could find more of them.
    -- The planner drops the branch that is not asked for.
    SELECT
        p.pair_id, p.target, p.proposal, p.flash, p.filetype AS filetype_1, p.filetype AS filetype_2,
        p.image_1, p.phot_key_1, p.phot_file_1, p.chip_1, p.image_2, p.phot_key_2, p.phot_file_2, p.chip_2
    FROM pairings AS p
    WHERE twice = 'pairs'
    UNION ALL
    SELECT
        f.pair_id, f.target, f.proposal, f.flash, 'flt', 'flc',
        f.image_1, f.phot_key_1, f.phot_file_1, f.chip, f.image_2, f.phot_key_2, f.phot_file_2, f.chip
    FROM file_pairs AS f
    WHERE twice = 'files'
),
sided AS (
    SELECT
        q.pair_id, q.target, q.proposal, q.flash, q.filetype_1 AS filetype, 1 AS side, q.image_1 AS image,
        q.phot_key_1 AS phot_key, q.phot_file_1 AS phot_file, q.chip_1 AS chip
    FROM q
    UNION ALL
    SELECT
        q.pair_id, q.target, q.proposal, q.flash, q.filetype_2, 2 AS side, q.image_2 AS image,
        q.phot_key_2 AS phot_key, q.phot_file_2 AS phot_file, q.chip_2 AS chip
    FROM q
),
stars AS NOT MATERIALIZED (
    -- Written once and read twice, each time with the photometry of one side only.
    SELECT
        s.pair_id, s.target, s.proposal, s.flash, s.filetype, s.side, s.chip,
        p.master_id, p.ra, p.dec, p.x, p.y, centroid_shift(p.dy, p.dx, p.flags) AS dy, p.sky, p.masked_light, p.flags,
        of_aperture(aperture,
            p.flux_r02, p.flux_r03, p.flux_r05, p.flux_r07, p.flux_r10, p.flux_r12, p.flux_r15,
            p.flux_r18, p.flux_r20, p.flux_r24, p.flux_r28, p.flux_r32, p.flux_r36, p.flux_r40
        ) AS flux,
        of_aperture(aperture,
            p.flux_err_r02, p.flux_err_r03, p.flux_err_r05, p.flux_err_r07, p.flux_err_r10, p.flux_err_r12, p.flux_err_r15,
            p.flux_err_r18, p.flux_err_r20, p.flux_err_r24, p.flux_err_r28, p.flux_err_r32, p.flux_err_r36, p.flux_err_r40
        ) AS flux_err,
        of_aperture(aperture,
            p.area_r02, p.area_r03, p.area_r05, p.area_r07, p.area_r10, p.area_r12, p.area_r15,
            p.area_r18, p.area_r20, p.area_r24, p.area_r28, p.area_r32, p.area_r36, p.area_r40
        ) AS area,
        p.flux_r05 AS near_flux,
        p.flux_r10 AS wide_flux
    -- The pairs, and with them the exposure rows, are listed before the photometry that they name.
    FROM sided AS s
    INNER JOIN stored_phot AS p
        ON p.target = s.target
        AND p.proposal = s.proposal
        AND p.flash = s.flash
        AND p.filetype = s.filetype
        AND p.imagename = s.image
        AND p.phot_key = s.phot_key
        AND p.file = lake_folder() || s.phot_file
    -- The empty branch keeps the planner from joining all photometry with itself on master_id; filters pass it.
    UNION ALL
    SELECT
        NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
        NULL, NULL, NULL
    FROM settings AS s
    WHERE s.mode IS NULL
)
SELECT
    a.pair_id::BIGINT AS pair_id,
    a.target::VARCHAR AS target,
    a.proposal::INTEGER AS proposal,
    a.flash::INTEGER AS flash,
    a.filetype::VARCHAR AS filetype,
    aperture::INTEGER AS aperture,
    a.master_id::BIGINT AS master_id,
    a.ra::DOUBLE AS ra,
    a.dec::DOUBLE AS dec,
    a.chip::INTEGER AS chip_1,
    b.chip::INTEGER AS chip_2,
    a.x::DOUBLE AS x_1,
    a.y::DOUBLE AS y_1,
    b.x::DOUBLE AS x_2,
    b.y::DOUBLE AS y_2,
    a.dy::FLOAT AS dy_1,
    b.dy::FLOAT AS dy_2,
    a.flux::DOUBLE AS flux_1,
    b.flux::DOUBLE AS flux_2,
    a.flux_err::FLOAT AS flux_err_1,
    b.flux_err::FLOAT AS flux_err_2,
    a.near_flux::DOUBLE AS near_flux_1,
    b.near_flux::DOUBLE AS near_flux_2,
    a.wide_flux::DOUBLE AS wide_flux_1,
    b.wide_flux::DOUBLE AS wide_flux_2,
    a.area::FLOAT AS area_1,
    b.area::FLOAT AS area_2,
    a.masked_light::FLOAT AS masked_light_1,
    b.masked_light::FLOAT AS masked_light_2,
    a.sky::DOUBLE AS sky_1,
    b.sky::DOUBLE AS sky_2,
    a.flags::INTEGER AS flags_1,
    b.flags::INTEGER AS flags_2
FROM (FROM stars WHERE side = 1) AS a
INNER JOIN (FROM stars WHERE side = 2) AS b
    ON b.pair_id = a.pair_id
    AND b.master_id = a.master_id
    AND b.target = a.target
    AND b.proposal = a.proposal;
