-- displacement
-- Grain: what is compared with ('bright' or 'flc'), a pair of exposures or the two files of one, and a flux bin
-- (those of `losses`, which do not overlap).
-- Charge that is released late moves a star's centroid away from the amplifiers, the more the fainter the star is and
-- the farther it is moved. Two measurements, neither of which errors of the coordinates can imitate (see `shifts`):
--   'bright'  the mean shift of a bin's stars less that of the stars in the brightest bin of the same pair, mean of both
--             chips; a plane through the bright stars' shifts over the chip is taken off all of them first (rotation
--             and scale between the two exposures). What the bright stars shift themselves is missing in it.
--   'flc'     the mean shift of the same stars, FLT less FLC of one exposure: what the pixel-based correction puts right.
-- Stars are clipped at settings.clip_sigma about the mean. Bins with fewer than three stars on
-- either side are not there.
CREATE OR REPLACE VIEW displacement AS
WITH grouped AS (
    SELECT
        p.against, p.pair_id, p.target, p.proposal, p.flash, p.filetype, b.bin_lo, b.bin_hi,
        b.bin_lo = bright_limit() AS is_bright,
        list(p.shift) AS shifts, list(p.x) AS xs, list(p.y) AS ys,
        list(p.mean_flux) AS fluxes, list(p.background) AS backgrounds
    FROM shifts AS p
    CROSS JOIN loss_bins AS b
    -- A plain product with the few bins; a bare range condition is planned as a sort.
    WHERE CASE WHEN p.mean_flux > b.bin_lo AND p.mean_flux < b.bin_hi THEN true ELSE false END
    GROUP BY p.against, p.pair_id, p.target, p.proposal, p.flash, p.filetype, b.bin_lo, b.bin_hi
    HAVING count(*) >= 3
),
flattened AS (
    -- The bright stars' plane goes to all bins of the pair; from few of them it would follow their noise.
    SELECT
        g.*,
        any_value(CASE WHEN g.is_bright AND len(g.xs) >= 20 THEN plane_fit(g.xs, g.ys, g.shifts) END) OVER (
            PARTITION BY g.against, g.pair_id, g.target, g.proposal, g.flash, g.filetype
        ) AS plane
    FROM grouped AS g
),
levelled AS (
    SELECT
        p.* REPLACE (
            CASE
                WHEN p.against = 'flc' OR p.plane.along_x IS NULL THEN p.shifts
                ELSE list_transform(
                    list_zip(p.shifts, p.xs, p.ys),
                    lambda star: star[1]
                        - p.plane.along_x * (star[2] - p.plane.mean_x) - p.plane.along_y * (star[3] - p.plane.mean_y)
                )
            END AS shifts
        )
    FROM flattened AS p
),
marked AS (
    SELECT
        l.*,
        list_transform(
            [clip_limits(l.shifts, s.clip_sigma)],
            lambda clip: list_transform(l.shifts, lambda shift: shift BETWEEN clip.lo AND clip.hi)
        )[1] AS kept
    FROM levelled AS l
    CROSS JOIN settings AS s
),
kept AS (
    -- A step of its own: what is given to a macro is worked out again wherever the macro names it.
    SELECT
        m.* REPLACE (
            list_where(m.shifts, m.kept) AS shifts,
            list_where(m.fluxes, m.kept) AS fluxes,
            list_where(m.backgrounds, m.kept) AS backgrounds
        ),
        len(m.shifts) AS n_in_bin
    FROM marked AS m
),
fitted AS (
    SELECT
        k.against, k.pair_id, k.target, k.proposal, k.flash, k.filetype, k.bin_lo, k.bin_hi, k.is_bright, k.n_in_bin,
        len(k.shifts) AS n,
        list_avg(k.fluxes) AS mean_flux,
        list_avg(k.backgrounds) AS background,
        {'value': list_avg(k.shifts), 'error': list_stddev_samp(k.shifts) / sqrt(len(k.shifts))} AS found
    FROM kept AS k
    WHERE len(k.shifts) >= 3
),
compared AS (
    SELECT
        f.*,
        any_value(CASE WHEN f.is_bright THEN {'found': f.found, 'flux': f.mean_flux} END) OVER (
            PARTITION BY f.against, f.pair_id, f.target, f.proposal, f.flash, f.filetype
        ) AS bright
    FROM fitted AS f
),
observed AS (
    SELECT
        p.pair_id, p.image_1, p.image_2, p.pairing, p.target, p.proposal, p.visit, p.filter, p.exptime, p.length,
        p.flash, p.filetype, p.chinject, p.generation, p.newest, p.mjd, CASE WHEN p.pairing = '180' THEN p.chip_1 END AS chip
    FROM pairings AS p
    UNION ALL
    SELECT
        f.pair_id, f.image_1, f.image_2, 'files', f.target, f.proposal, f.visit, f.filter, f.exptime, f.length,
        f.flash, 'flt', f.chinject, f.generation, NULL, f.mjd, f.chip
    FROM file_pairs AS f
)
SELECT
    c.against::VARCHAR AS against,
    c.pair_id::BIGINT AS pair_id,
    o.image_1::VARCHAR AS image_1,
    o.image_2::VARCHAR AS image_2,
    o.pairing::VARCHAR AS pairing,
    o.target::VARCHAR AS target,
    o.proposal::INTEGER AS proposal,
    o.visit::VARCHAR AS visit,
    o.filter::VARCHAR AS filter,
    o.exptime::DOUBLE AS exptime,
    o.length::VARCHAR AS length,
    o.flash::INTEGER AS flash,
    o.filetype::VARCHAR AS filetype,
    o.chinject::VARCHAR AS chinject,
    o.generation::VARCHAR AS generation,
    o.newest::BOOLEAN AS newest,
    o.mjd::DOUBLE AS mjd,
    o.chip::INTEGER AS chip,
    c.bin_lo::DOUBLE AS bin_lo,
    c.bin_hi::DOUBLE AS bin_hi,
    c.n_in_bin::BIGINT AS n_in_bin,
    c.n::BIGINT AS n,
    c.mean_flux::DOUBLE AS mean_flux,
    c.background::DOUBLE AS background,
    background_at_readout(c.background, o.flash, one.meandark, two.meandark)::DOUBLE AS readout_background,
    CASE c.against WHEN 'bright' THEN c.bright.flux END::DOUBLE AS bright_flux,
    (c.found.value - CASE c.against WHEN 'bright' THEN c.bright.found.value ELSE 0 END)::DOUBLE AS displacement,
    sqrt(c.found.error ** 2 + CASE c.against WHEN 'bright' THEN c.bright.found.error ** 2 ELSE 0 END)::DOUBLE AS displacement_err
FROM compared AS c
INNER JOIN observed AS o
    ON o.pair_id = c.pair_id
    AND o.target = c.target
    AND o.proposal = c.proposal
    AND o.flash = c.flash
    AND o.filetype = c.filetype
LEFT JOIN exposures AS one ON one.imagename = o.image_1
LEFT JOIN exposures AS two ON two.imagename = o.image_2
WHERE c.against = 'flc' OR (NOT c.is_bright AND c.bright IS NOT NULL);
