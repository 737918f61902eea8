-- pairings
-- Grain: a pair of exposures, of either kind; `pairs` and `pairs_180` each show one kind.
-- Exposures of one group (see pairable: all that must agree) are assigned to each other in the order of time, so that
-- as many as can be are paired and the sum of the time differences is least; none is used twice, and where one side has
-- more exposures, those that fit worst stay alone. Rolls that spread over more than settings.roll_tolerance go in the
-- order of the roll, and only exposures turned by 180 degrees to within it are partners: no other order finds more
-- pairs. Which exposures stay alone, and why, is in `unpaired`.
-- Key: pair_id (audit: duplicate_pair_number)
CREATE OR REPLACE VIEW pairings AS
WITH RECURSIVE sided AS MATERIALIZED (
    FROM pairable WHERE side IS NOT NULL
),
counted AS (
    SELECT
        d.*,
        (d.mjd * 86400e3)::BIGINT AS ms,
        row_number() OVER (PARTITION BY d.grp, d.side ORDER BY d.rung, d.mjd, d.imagename) AS nth,
        count(*) OVER (PARTITION BY d.grp, d.side) AS n_side,
        count(*) OVER (PARTITION BY d.grp) AS n_group
    FROM sided AS d
),
members AS MATERIALIZED (
    -- `few`: the side with fewer exposures.
    SELECT
        c.*,
        c.n_group - c.n_side AS n_other,
        c.n_side < c.n_group - c.n_side OR (c.n_side = c.n_group - c.n_side AND c.side = 1) AS few
    FROM counted AS c
),
choices AS MATERIALIZED (
    -- Whom an exposure of `few` may have as a partner, and at what cost; to stay alone (0) costs more than all others.
    SELECT f.grp, f.nth, m.nth AS partner, abs(f.ms - m.ms)::HUGEINT AS cost
    FROM members AS f
    INNER JOIN members AS m ON m.grp = f.grp AND f.few AND NOT m.few
    CROSS JOIN settings AS k
    WHERE f.roll IS NULL OR f.pairing <> '180' OR abs((f.roll - m.roll + 720) % 360 - 180) <= k.roll_tolerance
    UNION ALL
    SELECT f.grp, f.nth, 0, 1e18::HUGEINT
    FROM members AS f
    WHERE f.few
),
assigned AS (
    -- Row: the cheapest way to serve the first `nth` exposures of `few`, `latest` being the last partner given.
    SELECT c.grp, 0::BIGINT AS nth, 0::BIGINT AS latest, 0::HUGEINT AS cost, []::BIGINT[] AS partners
    FROM choices AS c
    WHERE c.nth = 1 AND c.partner = 0
    UNION ALL
    SELECT
        a.grp,
        c.nth,
        greatest(a.latest, c.partner),
        min(a.cost + c.cost),
        arg_min(
            list_append(a.partners, c.partner),
            {'cost': a.cost + c.cost, 'partners': list_append(a.partners, c.partner)}
        )
    FROM assigned AS a
    INNER JOIN choices AS c ON c.grp = a.grp AND c.nth = a.nth + 1 AND (c.partner > a.latest OR c.partner = 0)
    GROUP BY a.grp, c.nth, greatest(a.latest, c.partner)
),
chosen AS (
    SELECT
        a.grp,
        unnest(arg_min(a.partners, {'nth': -a.nth, 'cost': a.cost, 'partners': a.partners})) AS partner,
        unnest(range(1, max(a.nth) + 1)) AS nth
    FROM assigned AS a
    GROUP BY a.grp
),
sides AS (
    -- Of a pair of chips chip 1 comes first, of a rolled pair the earlier exposure.
    SELECT
        CASE WHEN f.pairing <> '180' AND f.side = 1 OR f.pairing = '180' AND f.mjd < m.mjd THEN f ELSE m END AS one,
        CASE WHEN f.pairing <> '180' AND f.side = 1 OR f.pairing = '180' AND f.mjd < m.mjd THEN m ELSE f END AS two
    FROM chosen AS c
    INNER JOIN members AS f ON f.grp = c.grp AND f.nth = c.nth AND f.few
    INNER JOIN members AS m ON m.grp = c.grp AND m.nth = c.partner AND NOT m.few
),
calibrated AS (
    SELECT
        p.*,
        max(version_numbers(p.one.cal_ver)) OVER (
            PARTITION BY p.one.target, p.one.filetype, p.one.generation
        ) AS release
    FROM sides AS p
),
ranked AS (
    -- The newest generation: by CTE_VER, the serial correction, then the newest calwf3 that made any of its files.
    SELECT
        p.*,
        p.one.generation = first(p.one.generation) OVER (
            PARTITION BY p.one.target, p.one.filetype
            ORDER BY
                try_cast(regexp_extract(p.one.generation, '^cte([0-9]+)', 1) AS INTEGER) DESC NULLS LAST,
                suffix(p.one.generation, '_serial') DESC,
                p.release DESC NULLS LAST,
                p.one.generation DESC
        ) AS newest
    FROM calibrated AS p
)
SELECT
    -- 53 bits of a digest of the two names: it does not change when other exposures arrive, and JSON and
    -- floating-point columns hold it without loss.
    (md5_number_lower(p.one.imagename || ' ' || p.two.imagename) >> 11)::BIGINT AS pair_id,
    p.one.pairing::VARCHAR AS pairing,
    p.one.imagename::VARCHAR AS image_1,
    p.two.imagename::VARCHAR AS image_2,
    p.one.target::VARCHAR AS target,
    p.one.proposal::INTEGER AS proposal,
    p.one.visit::VARCHAR AS visit,
    p.two.visit::VARCHAR AS visit_2,
    p.one.filter::VARCHAR AS filter,
    p.one.exptime::DOUBLE AS exptime,
    p.one.length::VARCHAR AS length,
    p.one.flash::INTEGER AS flash,
    p.one.filetype::VARCHAR AS filetype,
    ((p.one.mjd + p.two.mjd) / 2)::DOUBLE AS mjd,
    (p.two.mjd - p.one.mjd)::DOUBLE AS time_difference,
    p.one.chip::INTEGER AS chip_1,
    p.two.chip::INTEGER AS chip_2,
    p.one.chinject::VARCHAR AS chinject,
    p.one.sky::DOUBLE AS sky_1,
    p.two.sky::DOUBLE AS sky_2,
    p.one.mode::VARCHAR AS mode,
    p.one.generation::VARCHAR AS generation,
    p.newest::BOOLEAN AS newest,
    p.one.cal_ver::VARCHAR AS cal_ver,
    p.two.cal_ver::VARCHAR AS cal_ver_2,
    (((p.two.roll - p.one.roll) % 360 + 360) % 360)::DOUBLE AS turn,
    (p.one.masked)::BOOLEAN AS cr_masked,
    p.one.phot_key::VARCHAR AS phot_key_1,
    p.two.phot_key::VARCHAR AS phot_key_2,
    p.one.phot_file::VARCHAR AS phot_file_1,
    p.two.phot_file::VARCHAR AS phot_file_2
FROM ranked AS p;
