-- growth
-- Grain: an exposure and file type, a radius and a place on the chip: a band of 256 rows and one of 1024 columns.
-- The growth curve of the stars there: light inside the radius over that inside 10 px, the median over the
-- bright stars (see bright_stars), which a bright neighbour within 10 px here and there does not move. Against the rows it shows what focus and optics
-- do over the field, against mjd what they do in time, against row and flash what charge that is released late does.
-- The sky is that of the annulus of 10 to 20 px, which holds light of the star itself.
CREATE OR REPLACE VIEW growth AS
WITH shares AS (
    SELECT
        p.imagename, p.rootname, p.filetype, p.target, p.proposal, p.visit, p.filter, p.exptime, p.length, p.flash,
        p.chinject, p.generation, p.mjd, p.chip, r.aperture,
        floor(p.y / 256)::INTEGER AS row_band,
        floor(p.x / 1024)::INTEGER AS column_band,
        of_aperture(r.aperture,
            p.flux_r02, p.flux_r03, p.flux_r05, p.flux_r07, p.flux_r10, p.flux_r12, p.flux_r15,
            p.flux_r18, p.flux_r20, p.flux_r24, p.flux_r28, p.flux_r32, p.flux_r36, p.flux_r40
        ) / p.flux_r10 AS share
    FROM bright_stars AS p
    CROSS JOIN (
        VALUES (2), (3), (5), (7), (12), (15), (18), (20), (24), (28), (32), (36), (40)
    ) AS r (aperture)
),
grouped AS (
    SELECT
        h.* EXCLUDE (share),
        count(*) AS n,
        median(h.share) AS middle,
        mad(h.share) AS deviation
    FROM shares AS h
    WHERE h.share IS NOT NULL
    GROUP BY ALL
)
SELECT
    k.imagename::VARCHAR AS imagename,
    k.rootname::VARCHAR AS rootname,
    k.filetype::VARCHAR AS filetype,
    k.target::VARCHAR AS target,
    k.proposal::INTEGER AS proposal,
    k.visit::VARCHAR AS visit,
    k.filter::VARCHAR AS filter,
    k.exptime::DOUBLE AS exptime,
    k.length::VARCHAR AS length,
    k.flash::INTEGER AS flash,
    k.chinject::VARCHAR AS chinject,
    k.generation::VARCHAR AS generation,
    k.mjd::DOUBLE AS mjd,
    k.chip::INTEGER AS chip,
    k.aperture::INTEGER AS aperture,
    (k.row_band * 256)::DOUBLE AS row_lo,
    (k.row_band * 256 + 256)::DOUBLE AS row_hi,
    (k.column_band * 1024)::DOUBLE AS column_lo,
    (k.column_band * 1024 + 1024)::DOUBLE AS column_hi,
    k.n::BIGINT AS n,
    k.middle::DOUBLE AS growth,
    median_error(k.deviation, k.n)::DOUBLE AS growth_err
FROM grouped AS k;
