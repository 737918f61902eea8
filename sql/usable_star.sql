-- usable_star(flags, area, flux, drop_flags, least_area)
-- Whether a star of an image enters a measurement: without a flag of settings.drop_flags, with at least `least_area`
-- [pix2] of the aperture good (where it is known) and with a positive, finite flux.
CREATE OR REPLACE MACRO usable_star(flags, area, flux, drop_flags, least_area) AS
    flags & drop_flags = 0 AND coalesce(area >= least_area, true) AND flux > 0 AND flux < 'inf'::DOUBLE;
