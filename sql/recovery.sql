-- recovery(aperture := 3); the view of the same name is that of the default radius
-- Grain: an exposure that has both file types, a flux bin and a half of the chip: the stars that the FLC shows, and
-- how many of them the FLT still shows. Stars are in the bin by their flux in the FLC, and recovered if their flux in
-- the FLT is over three of its errors; those with a flag of settings.drop_flags in either are left out.
CREATE OR REPLACE MACRO recovery(aperture := default_aperture()) AS TABLE
WITH measured AS (
    SELECT h.*, h.distance >= 1025 AS far
    FROM star_history(aperture := aperture) AS h
),
both_types AS (
    SELECT
        c.target, c.proposal, c.visit, c.filter, c.exptime, c.length, c.flash, c.mjd, c.rootname, c.chip, c.far,
        c.flux AS flux_flc,
        t.flux AS flux_flt,
        t.flux_err AS flux_err_flt
    FROM measured AS c
    INNER JOIN measured AS t
        ON t.filetype = 'flt'
        AND c.filetype = 'flc'
        AND t.rootname = c.rootname
        AND t.master_id = c.master_id
        AND t.target = c.target
    CROSS JOIN settings AS s
    WHERE (t.flags | c.flags) & s.drop_flags = 0
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
    f.bin_lo::DOUBLE AS bin_lo,  -- [electron] Lower limit of the flux bin, not in it
    f.bin_hi::DOUBLE AS bin_hi,  -- [electron] Upper limit of the flux bin, not in it
    b.far::BOOLEAN AS far,  -- [-] Whether the stars lie in the half of the chip that is far from the amplifiers
    count(*)::BIGINT AS n_flc,  -- [-] Stars in the bin in the FLC
    (count(*) FILTER (b.flux_flt > 3 * b.flux_err_flt))::BIGINT AS n_flt,  -- [-] Of these, stars recovered in the FLT
    (count(*) FILTER (b.flux_flt > 3 * b.flux_err_flt) / count(*))::DOUBLE AS recovered,  -- [-] n_flt / n_flc
    median(b.flux_flt / b.flux_flc)::DOUBLE AS flux_ratio  -- [-] Median of the flux in the FLT over that in the FLC
FROM both_types AS b
CROSS JOIN flux_bins AS f
WHERE CASE WHEN b.flux_flc > f.bin_lo AND b.flux_flc < f.bin_hi THEN true ELSE false END
GROUP BY
    b.target, b.proposal, b.visit, b.filter, b.exptime, b.length, b.flash, b.mjd, b.rootname, b.chip, b.far,
    f.bin_lo, f.bin_hi;
