-- pairable
-- Grain: an exposure with what decides whom it pairs with: the one place of the rule, for `pairings` and `unpaired`.
-- Two exposures pair if they are of one group `grp` and of different sides. In the group must agree
--   what was observed: target, proposal, filter, exposure time, charge injection, post-flash, and for pairs of chips
--   the visit and (settings.pair_same_postarg1) the dither along x;
--   what was done to the pixels: file type, calibration generation (see generation_of), FLUXCORR, photometry mode and
--   settings, pixel area map, and whether cosmic-ray masks were applied (each exposure has a mask of its own).
-- All else may differ and is recorded: releases of calwf3 within a generation, PCTETAB of an FLT, the WCS.
-- A spatial scan has no stars to measure and pairs with nothing.
-- Sides of a pair of chips are the chips. Sides of a 180-degree set are the two opposite rolls, by the orientation of
-- the WCS, or PA_V3 where rows of an older version lack it; rolls that differ by neither 0 nor 180 degrees within
-- settings.roll_tolerance are groups of their own. Where the rolls of a group spread over more than that, `rung` is their
-- order; rolls within 0.1 degrees of the next are one. Without any roll, visits go by time: first against second.
CREATE OR REPLACE VIEW pairable AS
WITH dated AS (
    SELECT
        e.*,
        coalesce(t.pairing, 'chips') AS pairing,
        min(e.mjd) OVER visits AS visit_start,
        CASE
            WHEN count(*) OVER sets = count(e.orientation) OVER sets THEN e.orientation
            ELSE e.pa_v3
        END AS roll
    FROM exposures AS e
    LEFT JOIN targets AS t ON t.target = e.target
    WHERE is_chip(e.chip)
    WINDOW
        visits AS (PARTITION BY e.target, e.proposal, e.visit),
        sets AS (PARTITION BY e.target, e.proposal)
),
axes AS (
    SELECT DISTINCT d.target, d.proposal, d.roll % 180 AS axis
    FROM dated AS d
    WHERE d.pairing = '180' AND d.roll IS NOT NULL
),
spaced AS (
    -- Around the half circle: before the first axis comes the last one.
    SELECT
        a.target, a.proposal, a.axis,
        a.axis - coalesce(lag(a.axis) OVER rising, last(a.axis) OVER whole - 180) AS gap
    FROM axes AS a
    WINDOW
        rising AS (PARTITION BY a.target, a.proposal ORDER BY a.axis),
        whole AS (
            PARTITION BY a.target, a.proposal ORDER BY a.axis
            ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
        )
),
opened AS (
    SELECT s.target, s.proposal, arg_max(s.axis, s.gap) AS origin
    FROM spaced AS s
    GROUP BY s.target, s.proposal
),
familied AS (
    SELECT
        s.target, s.proposal, s.axis, o.origin,
        (s.axis - o.origin + 180) % 180 AS beyond,
        sum((s.gap > k.roll_tolerance)::INTEGER) OVER rising AS family,
        sum((s.gap > 0.1)::INTEGER) OVER rising AS rung
    FROM spaced AS s
    INNER JOIN opened AS o ON o.target = s.target AND o.proposal = s.proposal
    CROSS JOIN settings AS k
    WINDOW rising AS (PARTITION BY s.target, s.proposal ORDER BY (s.axis - o.origin + 180) % 180)
),
turned AS (
    SELECT
        d.*,
        dense_rank() OVER (
            PARTITION BY d.target, d.proposal, d.roll IS NULL ORDER BY d.visit_start, d.visit
        ) AS visit_number,
        f.family,
        CASE WHEN max(f.beyond) OVER families - min(f.beyond) OVER families > k.roll_tolerance THEN f.rung END AS rung,
        -- The largest gap lies before the origin: half a tolerance keeps a rounded roll on its side.
        floor(((d.roll - f.origin + k.roll_tolerance / 2 + 720) % 360) / 180)::INTEGER + 1 AS half
    FROM dated AS d
    CROSS JOIN settings AS k
    LEFT JOIN familied AS f
        ON d.pairing = '180' AND f.target = d.target AND f.proposal = d.proposal AND f.axis = d.roll % 180
    WINDOW families AS (PARTITION BY d.target, d.proposal, f.family)
),
sided AS (
    SELECT
        d.*,
        d.crmask_hash IS NOT NULL AS masked,
        CASE WHEN s.pair_same_postarg1 AND d.pairing <> '180' THEN round(d.postarg1) END AS x_dither,
        CASE
            WHEN coalesce(upper(trim(d.scan_typ)), 'N') NOT IN ('N', '', 'N/A') THEN NULL
            WHEN d.pairing <> '180' THEN d.chip
            ELSE coalesce(d.half, 2 - d.visit_number % 2)
        END AS side,
        CASE
            WHEN d.pairing <> '180' THEN 'visit ' || d.visit
            WHEN d.roll IS NULL THEN 'chip ' || d.chip || ' visits ' || (d.visit_number + 1) // 2
            ELSE 'chip ' || d.chip || ' roll ' || d.family
        END AS place
    FROM turned AS d
    CROSS JOIN settings AS s
)
SELECT
    d.imagename::VARCHAR AS imagename,
    d.rootname::VARCHAR AS rootname,
    d.pairing::VARCHAR AS pairing,
    (dense_rank() OVER (ORDER BY
        d.target, d.proposal, d.place, d.filter, round(d.exptime, 3), d.chinject, d.flash, d.x_dither,
        d.filetype, d.generation, d.flux_scaled, d.mode, d.settings_hash, d.pam, d.masked
    ))::BIGINT AS grp,
    d.side::INTEGER AS side,
    d.target::VARCHAR AS target,
    d.proposal::INTEGER AS proposal,
    d.visit::VARCHAR AS visit,
    d.filter::VARCHAR AS filter,
    d.exptime::DOUBLE AS exptime,
    d.length::VARCHAR AS length,
    d.flash::INTEGER AS flash,
    d.filetype::VARCHAR AS filetype,
    d.mjd::DOUBLE AS mjd,
    d.chinject::VARCHAR AS chinject,
    d.chip::INTEGER AS chip,
    d.postarg1::DOUBLE AS postarg1,
    d.x_dither::DOUBLE AS x_dither,
    d.roll::DOUBLE AS roll,
    d.rung::INTEGER AS rung,
    d.generation::VARCHAR AS generation,
    d.cal_ver::VARCHAR AS cal_ver,
    d.flux_scaled::BOOLEAN AS flux_scaled,
    d.masked::BOOLEAN AS masked,
    d.mode::VARCHAR AS mode,
    d.settings_hash::VARCHAR AS settings_hash,
    d.pam::VARCHAR AS pam,
    d.sky::DOUBLE AS sky,
    d.phot_key::VARCHAR AS phot_key,
    d.phot_file::VARCHAR AS phot_file
FROM sided AS d;
