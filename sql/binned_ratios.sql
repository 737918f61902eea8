-- binned_ratios(aperture := 3); the view of the same name is that of the default radius
-- Grain: a star of a pair in a flux bin, as an estimator takes it: the points of the ratio plot with the line
-- through them. Only bins with a slope are there.
CREATE OR REPLACE MACRO binned_ratios(aperture := default_aperture()) AS TABLE
SELECT
    r.pair_id::BIGINT AS pair_id,  -- [-] Number of the pair
    r.target::VARCHAR AS target,  -- [-] Name of the target in this lake
    r.proposal::INTEGER AS proposal,  -- [-] Proposal number
    r.flash::INTEGER AS flash,  -- [electron] Post-flash level per pixel, 0 without post-flash
    r.filetype::VARCHAR AS filetype,  -- [-] 'flt', or 'flc' after the pixel-based CTE correction
    m.aperture::INTEGER AS aperture,  -- [pix] Aperture radius
    m.bin_lo::DOUBLE AS bin_lo,  -- [electron] Lower limit of the flux bin, not in it
    m.bin_hi::DOUBLE AS bin_hi,  -- [electron] Upper limit of the flux bin, not in it
    m.estimator::VARCHAR AS estimator,  -- [-] 'both_in_bin', 'mean_flux' or 'log_ratio'
    r.master_id::BIGINT AS master_id,  -- [-] Number of the star in the target's master catalog
    r.distance::DOUBLE AS distance,  -- [pix] Rows between the star and the amplifiers in the ratio's lower image
    r.ratio::DOUBLE AS ratio,  -- [-] Flux nearer to the amplifiers over flux farther off, as in ratios
    r.mean_flux::DOUBLE AS mean_flux,  -- [electron] Mean of the two fluxes
    r.background::DOUBLE AS background,  -- [electron] Mean of the two local skies per pixel
    within_clip(m.estimator, r.ratio, r.distance, m.slope, m.intercept, m.clip_lo, m.clip_hi)::BOOLEAN AS kept,  -- [-] Whether the sigma clip left the star in
    m.n_in_bin::BIGINT AS n_in_bin  -- [-] Stars of the pair in the bin
FROM cte(aperture := aperture) AS m
INNER JOIN ratios(aperture := aperture) AS r
    ON r.pair_id = m.pair_id
    AND r.target = m.target
    AND r.proposal = m.proposal
    AND r.flash = m.flash
    AND r.filetype = m.filetype
WHERE in_flux_bin(m.estimator, r.flux_1, r.flux_2, m.bin_lo, m.bin_hi);
