-- flux_background(aperture := 3); the view of the same name is that of the default radius
-- Grain: a star of a pair and flux bin that lies far from the amplifiers (y > 1750) on one chip and near them on
-- the other: the share of its flux that is left, against the background it lies on. Of the estimator 'mean_flux';
-- what the sigma clip of its bin took out is not there. `level` groups neighbouring backgrounds for a running mean.
-- Background is what was in the pixel at readout: calibration takes the post-flash off, so it is added to the sky.
CREATE OR REPLACE MACRO flux_background(aperture := default_aperture()) AS TABLE
SELECT
    b.pair_id::BIGINT AS pair_id,  -- [-] Number of the pair
    b.target::VARCHAR AS target,  -- [-] Name of the target in this lake
    b.proposal::INTEGER AS proposal,  -- [-] Proposal number
    q.visit::VARCHAR AS visit,  -- [-] Visit
    q.filter::VARCHAR AS filter,  -- [-] Filter
    q.length::VARCHAR AS length,  -- [-] 's' for a short exposure, 'l' for a long one
    b.flash::INTEGER AS flash,  -- [electron] Post-flash level per pixel, 0 without post-flash
    b.filetype::VARCHAR AS filetype,  -- [-] 'flt', or 'flc' after the pixel-based CTE correction
    q.mjd::DOUBLE AS mjd,  -- [d] Mean of the two starts, modified Julian date (UTC)
    b.aperture::INTEGER AS aperture,  -- [pix] Aperture radius
    b.bin_lo::DOUBLE AS bin_lo,  -- [electron] Lower limit of the flux bin, not in it
    b.bin_hi::DOUBLE AS bin_hi,  -- [electron] Upper limit of the flux bin, not in it
    b.master_id::BIGINT AS master_id,  -- [-] Number of the star in the target's master catalog
    b.distance::DOUBLE AS distance,  -- [pix] Rows between the star and the amplifiers
    (b.background + b.flash)::DOUBLE AS background,  -- [electron] Mean of the two local skies and the post-flash per pixel
    (1 / b.ratio)::DOUBLE AS kept_flux,  -- [-] Flux far from the amplifiers over flux near them
    (round(10 * log10(1 + greatest(b.background + b.flash, 0))) / 10)::DOUBLE AS level  -- [-] log10(1 + background), in steps of 0.1
FROM binned_ratios(aperture := aperture) AS b
INNER JOIN pairs AS q ON q.pair_id = b.pair_id
WHERE b.distance > 1750
    AND b.estimator = 'mean_flux'
    AND b.kept;
