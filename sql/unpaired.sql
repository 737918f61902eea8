-- unpaired
-- Grain: an exposure without a partner, with the reason.
-- The partner it should have is looked for among the exposures of the other chip in its visit (180-degree sets: of the
-- other visits of its proposal) of its file type: one that stays alone as well and differs in least, first in what
-- was observed, then in what was done to it, then in time. One that agrees in all is in a pair with a nearer one.
-- One that differs in more than one thing that was observed is another observation and no partner.
CREATE OR REPLACE VIEW unpaired AS
WITH used AS MATERIALIZED (
    SELECT unnest([q.image_1, q.image_2]) AS imagename, unnest([q.image_2, q.image_1]) AS partner
    FROM pairings AS q
),
known AS MATERIALIZED (
    SELECT p.*, u.partner
    FROM pairable AS p
    LEFT JOIN used AS u ON u.imagename = p.imagename
),
compared AS (
    SELECT
        a.imagename,
        b.imagename AS other,
        b.partner,
        abs(a.mjd - b.mjd) AS days,
        list_filter([
            CASE WHEN b.chip <> a.chip AND a.pairing = '180' THEN 'other_chip' END,
            CASE
                WHEN a.pairing = '180' AND abs((a.roll - b.roll + 720) % 360 - 180) > k.roll_tolerance THEN 'not_turned'
            END,
            CASE WHEN b.filter IS DISTINCT FROM a.filter THEN 'other_filter' END,
            CASE WHEN round(b.exptime, 3) IS DISTINCT FROM round(a.exptime, 3) THEN 'other_exptime' END,
            CASE WHEN b.flash IS DISTINCT FROM a.flash THEN 'other_flash' END,
            CASE WHEN b.chinject IS DISTINCT FROM a.chinject THEN 'other_chinject' END,
            CASE WHEN b.x_dither IS DISTINCT FROM a.x_dither THEN 'other_postarg1' END
        ], lambda word: word IS NOT NULL) AS observed,
        list_filter([
            CASE WHEN b.generation IS DISTINCT FROM a.generation THEN 'other_generation' END,
            CASE WHEN b.flux_scaled IS DISTINCT FROM a.flux_scaled THEN 'other_fluxcorr' END,
            CASE WHEN b.masked IS DISTINCT FROM a.masked THEN 'other_mask' END,
            CASE WHEN b.settings_hash IS DISTINCT FROM a.settings_hash THEN 'other_settings' END,
            CASE WHEN b.pam IS DISTINCT FROM a.pam THEN 'other_area_map' END
        ], lambda word: word IS NOT NULL) AS treated,
        {
            'imagename': b.imagename, 'partner': b.partner, 'filter': b.filter, 'exptime': b.exptime,
            'flash': b.flash, 'chinject': b.chinject, 'postarg1': b.postarg1, 'generation': b.generation,
            'flux_scaled': b.flux_scaled, 'masked': b.masked, 'chip': b.chip, 'visit': b.visit, 'roll': b.roll
        } AS facts
    FROM known AS a
    INNER JOIN known AS b
        ON b.target = a.target
        AND b.proposal = a.proposal
        AND b.filetype = a.filetype
        AND CASE WHEN a.pairing = '180' THEN b.visit <> a.visit ELSE b.visit = a.visit AND b.chip <> a.chip END
    CROSS JOIN settings AS k
    WHERE a.partner IS NULL AND a.side IS NOT NULL AND b.side IS NOT NULL
),
nearest AS (
    SELECT
        c.imagename,
        arg_min(c, (len(c.observed), len(c.treated), c.days, c.other)) AS best
    FROM compared AS c
    WHERE len(c.observed) <= 1 AND (c.partner IS NULL OR len(c.observed) + len(c.treated) = 0)
    GROUP BY c.imagename
),
refused AS (
    -- Files of a visit that were not measured, one an exposure; those left out by a rule come last.
    SELECT
        a.imagename,
        arg_min(r, (r.stage = 'screen', r.imagename IS DISTINCT FROM replace(a.imagename, a.rootname, left(r.imagename, 9)), r.path)) AS file
    FROM known AS a
    INNER JOIN rejects AS r
        ON left(r.imagename, 4) = left(a.rootname, 4)
        AND CASE
            WHEN a.pairing = '180' THEN substr(r.imagename, 5, 2) <> a.visit
            ELSE substr(r.imagename, 5, 2) = a.visit
        END
    WHERE a.partner IS NULL
        AND left(r.imagename, 9) NOT IN (SELECT e.rootname FROM exposures AS e WHERE e.filetype = a.filetype)
    GROUP BY a.imagename
),
judged AS (
    SELECT
        a.*,
        n.best.facts AS b,
        r.file,
        CASE
            WHEN a.side IS NULL THEN 'spatial_scan'
            WHEN n.best IS NOT NULL AND len(n.best.observed) + len(n.best.treated) = 0 THEN 'used_up'
            WHEN n.best IS NOT NULL AND len(n.best.observed) = 0 THEN n.best.treated[1]
            WHEN r.file IS NOT NULL AND r.file.stage = 'align' THEN 'partner_quarantined'
            WHEN r.file IS NOT NULL AND r.file.stage <> 'screen' THEN 'partner_rejected'
            WHEN n.best IS NOT NULL THEN n.best.observed[1]
            WHEN r.file IS NOT NULL THEN 'partner_excluded'
            ELSE 'partner_missing'
        END AS reason
    FROM known AS a
    LEFT JOIN nearest AS n ON n.imagename = a.imagename
    LEFT JOIN refused AS r ON r.imagename = a.imagename
    WHERE a.partner IS NULL
)
SELECT
    j.imagename::VARCHAR AS imagename,
    j.reason::VARCHAR AS reason,
    (CASE j.reason
        WHEN 'spatial_scan' THEN 'a spatial scan has no stars to measure and is never paired'
        WHEN 'used_up' THEN j.b.imagename || ' agrees with it in all and is paired with ' || j.b.partner || ', which is nearer in time'
        WHEN 'other_generation' THEN 'it is of calibration generation ' || j.generation || ', ' || j.b.imagename || ' of ' || j.b.generation || '; fetch or recalibrate the older file, then ingest it'
        WHEN 'other_fluxcorr' THEN 'FLUXCORR scaled chip 2 in ' || CASE WHEN j.flux_scaled THEN 'it and not in ' ELSE '' END || j.b.imagename || CASE WHEN j.flux_scaled THEN '' ELSE ' and not in it' END || '; take both from one calibration'
        WHEN 'other_mask' THEN CASE WHEN j.masked THEN j.b.imagename || ' was measured without a cosmic-ray mask and it with one' ELSE 'it was measured without a cosmic-ray mask and ' || j.b.imagename || ' with one' END || '; run crmask, then ingest'
        WHEN 'other_settings' THEN j.b.imagename || ' was measured with other settings; ingest both again with one configuration'
        WHEN 'other_area_map' THEN j.b.imagename || ' was measured with another pixel area map; ingest both again with one configuration'
        WHEN 'other_chip' THEN j.b.imagename || ' was measured on chip ' || j.b.chip || ', it on chip ' || j.chip
        WHEN 'not_turned' THEN j.b.imagename || ' is turned by ' || round((j.b.roll - j.roll + 720) % 360, 1) || ' degrees against it; partners are turned by 180'
        WHEN 'other_filter' THEN j.b.imagename || ' has filter ' || j.b.filter || ', it ' || j.filter
        WHEN 'other_exptime' THEN j.b.imagename || ' was exposed for ' || j.b.exptime || ' s, it for ' || j.exptime || ' s'
        WHEN 'other_flash' THEN j.b.imagename || ' has post-flash ' || j.b.flash || ' e-/px, it ' || j.flash
        WHEN 'other_chinject' THEN j.b.imagename || ' has charge injection ' || j.b.chinject || ', it ' || j.chinject
        WHEN 'other_postarg1' THEN j.b.imagename || ' has POSTARG1 ' || j.b.postarg1 || ', it ' || j.postarg1
        WHEN 'partner_missing' THEN
            CASE
                WHEN j.pairing = '180' THEN 'no exposure of another visit of proposal ' || j.proposal || ', turned by 180 degrees, is measured'
                ELSE 'no exposure on chip ' || (3 - j.chip) || ' of visit ' || j.visit || ' of proposal ' || j.proposal || ' is free for it'
            END || ': ' || j.filter || ', ' || round(j.exptime, 1) || ' s, post-flash ' || j.flash || ', ' || j.filetype
        ELSE coalesce(j.file.imagename, j.file.path) || ' was not measured (' || j.file.stage || ', ' || j.file.reason || '): ' || j.file.detail
    END)::VARCHAR AS detail,
    j.b.imagename::VARCHAR AS candidate,
    j.target::VARCHAR AS target,
    j.proposal::INTEGER AS proposal,
    j.visit::VARCHAR AS visit,
    j.filter::VARCHAR AS filter,
    j.exptime::DOUBLE AS exptime,
    j.length::VARCHAR AS length,
    j.flash::INTEGER AS flash,
    j.filetype::VARCHAR AS filetype,
    j.chinject::VARCHAR AS chinject,
    j.generation::VARCHAR AS generation,
    j.chip::INTEGER AS chip,
    j.mjd::DOUBLE AS mjd
FROM judged AS j;
