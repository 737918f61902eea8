-- recovery(aperture := 3); the view of the same name is that of the default radius
-- Grain: an exposure that has both file types, a flux bin (configuration measure.recovery_bins) and a half of the chip.
-- Looked for are the stars that the FLC shows at three of its errors and without a flag of settings.drop_flags; they
-- are in the bin by their flux there. Recovered: the FLT has the star at three of its errors too. Lost: it was measured
-- there, but is not that bright. Not judged: the FLT has no measurement of it, or one with such a flag; these are
-- counted, but are no part of the share.
CREATE OR REPLACE MACRO recovery(aperture := default_aperture()) AS TABLE
WITH measured AS (
    SELECT
        h.target, h.proposal, h.visit, h.filter, h.exptime, h.length, h.flash, h.filetype, h.chinject, h.generation,
        h.mjd, h.rootname, h.chip,
        h.master_id, h.flux,
        h.distance >= (chip_rows() - 1) / 2 AS far,
        h.flags & s.drop_flags = 0 AND h.flux IS NOT NULL AS usable,
        h.flux > 3 * h.flux_err AS shown
    FROM star_history(aperture := aperture) AS h
    CROSS JOIN settings AS s
),
looked_for AS (
    SELECT
        c.target, c.proposal, c.visit, c.filter, c.exptime, c.length, c.flash, c.chinject, c.generation, c.mjd, c.rootname, c.chip, c.far,
        c.master_id, c.flux, f.bin_lo, f.bin_hi
    FROM measured AS c
    CROSS JOIN recovery_bins AS f
    -- A join: through a subquery that names columns of the stars no filter would reach the scans.
    SEMI JOIN (FROM exposures WHERE filetype = 'flt') AS e ON e.target = c.target AND e.rootname = c.rootname
    WHERE c.filetype = 'flc'
        AND c.usable
        AND c.shown
        AND CASE WHEN c.flux > f.bin_lo AND c.flux < f.bin_hi THEN true ELSE false END
),
found AS (
    SELECT
        c.target, c.proposal, c.visit, c.filter, c.exptime, c.length, c.flash, c.chinject, c.generation, c.mjd, c.rootname, c.chip, c.far,
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
    b.target::VARCHAR AS target,
    b.proposal::INTEGER AS proposal,
    b.visit::VARCHAR AS visit,
    b.filter::VARCHAR AS filter,
    b.exptime::DOUBLE AS exptime,
    b.length::VARCHAR AS length,
    b.flash::INTEGER AS flash,
    b.chinject::VARCHAR AS chinject,
    b.generation::VARCHAR AS generation,
    b.mjd::DOUBLE AS mjd,
    b.rootname::VARCHAR AS rootname,
    b.chip::INTEGER AS chip,
    aperture::INTEGER AS aperture,
    b.bin_lo::DOUBLE AS bin_lo,
    b.bin_hi::DOUBLE AS bin_hi,
    b.far::BOOLEAN AS far,
    count(*)::BIGINT AS n_flc,
    (count(*) FILTER (b.recovered))::BIGINT AS n_flt,
    (count(*) FILTER (b.judged AND NOT b.recovered))::BIGINT AS n_lost,
    (count(*) FILTER (NOT b.judged))::BIGINT AS n_unjudged,
    (count(*) FILTER (b.recovered) / nullif(count(*) FILTER (b.judged), 0))::DOUBLE AS recovered,
    (median(b.flux_ratio) FILTER (b.judged))::DOUBLE AS flux_ratio
FROM found AS b
GROUP BY
    b.target, b.proposal, b.visit, b.filter, b.exptime, b.length, b.flash, b.chinject, b.generation, b.mjd, b.rootname, b.chip, b.far,
    b.bin_lo, b.bin_hi;
