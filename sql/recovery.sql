-- recovery(aperture := 3); the view of the same name is that of the default radius
-- Grain: an exposure that has both file types, a flux bin (configuration measure.recovery_bins) and a half of the chip.
-- Looked for are the stars that the FLC shows at three of its errors and without a flag of settings.drop_flags; they
-- are in the bin by their flux there. Recovered: the FLT has the star at three of its errors too. Lost: it was measured
-- there, but is not that bright. Not judged: the FLT has no measurement of it, or one with such a flag; these are
-- counted, but are no part of the share.
CREATE OR REPLACE MACRO recovery(aperture := default_aperture()) AS TABLE
WITH measured AS (
    SELECT
        h.target, h.proposal, h.visit, h.filter, h.exptime, h.length, h.flash, h.filetype, h.mjd, h.rootname, h.chip,
        h.master_id, h.flux,
        h.distance >= (chip_rows() - 1) / 2 AS far,
        h.flags & s.drop_flags = 0 AND h.flux IS NOT NULL AS usable,
        h.flux > 3 * h.flux_err AS shown
    FROM star_history(aperture := aperture) AS h
    CROSS JOIN settings AS s
),
looked_for AS (
    SELECT
        c.target, c.proposal, c.visit, c.filter, c.exptime, c.length, c.flash, c.mjd, c.rootname, c.chip, c.far,
        c.master_id, c.flux, f.bin_lo, f.bin_hi
    FROM measured AS c
    CROSS JOIN recovery_bins AS f
    WHERE c.filetype = 'flc'
        AND c.usable
        AND c.shown
        AND CASE WHEN c.flux > f.bin_lo AND c.flux < f.bin_hi THEN true ELSE false END
        AND EXISTS (
            SELECT 1 FROM exposures AS e
            WHERE e.filetype = 'flt' AND e.target = c.target AND e.rootname = c.rootname
        )
),
found AS (
    SELECT
        c.target, c.proposal, c.visit, c.filter, c.exptime, c.length, c.flash, c.mjd, c.rootname, c.chip, c.far,
        c.bin_lo, c.bin_hi,
        t.flux / c.flux AS flux_ratio,
        coalesce(t.usable, false) AS judged,
        coalesce(t.usable AND t.shown, false) AS recovered
    FROM looked_for AS c
    LEFT JOIN measured AS t
        ON t.filetype = 'flt'
        AND t.target = c.target
        AND t.proposal = c.proposal
        AND t.flash = c.flash
        AND t.rootname = c.rootname
        AND t.master_id = c.master_id
)
SELECT
    b.target::VARCHAR AS target,  -- [-] Name of the target in this lake
    b.proposal::INTEGER AS proposal,  -- [-] Proposal number
    b.visit::VARCHAR AS visit,  -- [-] Visit
    b.filter::VARCHAR AS filter,  -- [-] Filter
    b.exptime::DOUBLE AS exptime,  -- [s] Exposure time
    b.length::VARCHAR AS length,  -- [-] 's' for a short exposure, 'l' for a long one
    b.flash::INTEGER AS flash,  -- [electron] Post-flash level per pixel, 0 without post-flash
    b.mjd::DOUBLE AS mjd,  -- [d] Start of the exposure, modified Julian date (UTC)
    b.rootname::VARCHAR AS rootname,  -- [-] Root name of the exposure
    b.chip::INTEGER AS chip,  -- [-] Chip
    aperture::INTEGER AS aperture,  -- [pix] Aperture radius
    b.bin_lo::DOUBLE AS bin_lo,  -- [electron] Lower limit of the flux bin, not in it
    b.bin_hi::DOUBLE AS bin_hi,  -- [electron] Upper limit of the flux bin, not in it
    b.far::BOOLEAN AS far,  -- [-] Whether the stars lie in the half of the chip that is far from the amplifiers
    count(*)::BIGINT AS n_flc,  -- [-] Stars looked for: in the bin in the FLC
    (count(*) FILTER (b.recovered))::BIGINT AS n_flt,  -- [-] Of these, stars recovered in the FLT
    (count(*) FILTER (b.judged AND NOT b.recovered))::BIGINT AS n_lost,  -- [-] Of these, stars too faint in the FLT
    (count(*) FILTER (NOT b.judged))::BIGINT AS n_unjudged,  -- [-] Of these, stars without a usable measurement in the FLT
    (count(*) FILTER (b.recovered) / nullif(count(*) FILTER (b.judged), 0))::DOUBLE AS recovered,  -- [-] n_flt / (n_flt + n_lost); NULL if no star could be judged
    (median(b.flux_ratio) FILTER (b.judged))::DOUBLE AS flux_ratio  -- [-] Median of the flux in the FLT over that in the FLC
FROM found AS b
GROUP BY
    b.target, b.proposal, b.visit, b.filter, b.exptime, b.length, b.flash, b.mjd, b.rootname, b.chip, b.far,
    b.bin_lo, b.bin_hi;
