-- master
-- Grain: a star of a target's master catalog, in the catalog's newest revision.
-- Key: target, master_id (audit: duplicate_master_star)
CREATE OR REPLACE VIEW master AS
WITH newest AS (
    FROM stored_master
    QUALIFY dense_rank() OVER (PARTITION BY target ORDER BY revision DESC, master_hash DESC) = 1
)
SELECT
    m.target::VARCHAR AS target,
    m.master_id::BIGINT AS master_id,
    m.x::DOUBLE AS x,
    m.y::DOUBLE AS y,
    m.ra::DOUBLE AS ra,
    m.dec::DOUBLE AS dec,
    m.flux::DOUBLE AS flux,
    m.epoch::DOUBLE AS epoch,
    m.filter::VARCHAR AS filter,
    m.master_hash::VARCHAR AS master_hash,
    m.revision::INTEGER AS revision,
    m.origin::VARCHAR AS origin
FROM newest AS m;
