-- flux_background_means(aperture := 3, generation := 'newest'); the view of the same name is that of the default radius
-- Grain: a target, filter, length, file type, flux bin and level of background: the running clipped mean of
-- flux_background. Levels with fewer than 10 stars are left out.
CREATE OR REPLACE MACRO flux_background_means(aperture := default_aperture(), generation := 'newest') AS TABLE
WITH listed AS (
    SELECT
        f.target, f.filter, f.length, f.filetype, f.chinject, f.generation, f.newest, f.bin_lo,
        f.bin_hi, f.level,
        list(f.kept_flux) AS shares,
        avg(f.background) AS background
    FROM flux_background(aperture := aperture, generation := generation) AS f
    GROUP BY f.target, f.filter, f.length, f.filetype, f.chinject, f.generation, f.newest, f.bin_lo,
        f.bin_hi, f.level
    HAVING count(*) >= 10
),
clipped AS (
    SELECT
        l.*,
        list_transform(
            [clip_limits(l.shares, s.clip_sigma)],
            lambda c: list_filter(l.shares, lambda v: v BETWEEN c.lo AND c.hi)
        )[1] AS inside
    FROM listed AS l
    CROSS JOIN settings AS s
)
SELECT
    c.target::VARCHAR AS target,
    c.filter::VARCHAR AS filter,
    c.length::VARCHAR AS length,
    c.filetype::VARCHAR AS filetype,
    c.chinject::VARCHAR AS chinject,
    c.generation::VARCHAR AS generation,
    c.newest::BOOLEAN AS newest,
    aperture::INTEGER AS aperture,
    c.bin_lo::DOUBLE AS bin_lo,
    c.bin_hi::DOUBLE AS bin_hi,
    c.level::DOUBLE AS level,
    c.background::DOUBLE AS background,
    list_avg(c.inside)::DOUBLE AS mean,
    (list_aggregate(c.inside, 'stddev_samp') / sqrt(len(c.inside)))::DOUBLE AS mean_err,
    len(c.inside)::BIGINT AS n
FROM clipped AS c;
