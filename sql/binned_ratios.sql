-- binned_ratios(aperture := 3); the view of the same name is that of the default radius
-- Grain: a star of a pair in a flux bin, as an estimator takes it: the points of the ratio plot with the line
-- through them. Only bins with a slope are there.
CREATE OR REPLACE MACRO binned_ratios(aperture := default_aperture()) AS TABLE
SELECT
    r.pair_id::BIGINT AS pair_id,
    r.target::VARCHAR AS target,
    r.proposal::INTEGER AS proposal,
    r.flash::INTEGER AS flash,
    r.filetype::VARCHAR AS filetype,
    m.aperture::INTEGER AS aperture,
    m.bin_lo::DOUBLE AS bin_lo,
    m.bin_hi::DOUBLE AS bin_hi,
    m.estimator::VARCHAR AS estimator,
    r.master_id::BIGINT AS master_id,
    line_distance(m.estimator, r.distance, r.row_offset)::DOUBLE AS distance,
    r.ratio::DOUBLE AS ratio,
    r.mean_flux::DOUBLE AS mean_flux,
    r.background::DOUBLE AS background,
    within_clip(
        m.estimator, r.ratio, line_distance(m.estimator, r.distance, r.row_offset),
        m.slope, m.intercept, m.clip_lo, m.clip_hi
    )::BOOLEAN AS kept,
    m.n_in_bin::BIGINT AS n_in_bin
FROM cte(aperture := aperture) AS m
INNER JOIN ratios(aperture := aperture) AS r
    ON r.pair_id = m.pair_id
    AND r.target = m.target
    AND r.proposal = m.proposal
    AND r.flash = m.flash
    AND r.filetype = m.filetype
WHERE in_flux_bin(m.estimator, r.flux_1, r.flux_2, m.bin_lo, m.bin_hi);
