-- master
-- Grain: a star of a target's master catalog, in the catalog's newest revision.
CREATE OR REPLACE VIEW master AS
WITH newest AS (
    FROM stored_master
    QUALIFY dense_rank() OVER (PARTITION BY target ORDER BY revision DESC, master_hash DESC) = 1
)
SELECT
    m.target::VARCHAR AS target,  -- [-] Name of the target in this lake
    m.master_id::BIGINT AS master_id,  -- [-] Number of the star, stable over re-imports
    m.x::DOUBLE AS x,  -- [pix] Column on the master image, as the catalog gives it; NULL where it gives none
    m.y::DOUBLE AS y,  -- [pix] Row on the master image, as the catalog gives it; NULL where it gives none
    m.ra::DOUBLE AS ra,  -- [deg] Right ascension (ICRS)
    m.dec::DOUBLE AS dec,  -- [deg] Declination (ICRS)
    m.flux::DOUBLE AS flux,  -- [electron] Flux on the master image; NULL where the catalog gives none
    m.filter::VARCHAR AS filter,  -- [-] Filter in which the star was first found; NULL where the catalog gives none
    m.master_hash::VARCHAR AS master_hash,  -- [-] Hash of the catalog's content
    m.revision::INTEGER AS revision,  -- [-] How often the target's catalog was replaced; the highest is the current one
    m.origin::VARCHAR AS origin  -- [-] File the catalog was imported from, or the drizzled image it was built on
FROM newest AS m;
