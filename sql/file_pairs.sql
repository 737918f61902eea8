-- file_pairs
-- Grain: an exposure that was measured in both file types in the same way: its FLT and its FLC.
CREATE OR REPLACE VIEW file_pairs AS
SELECT
    (md5_number_lower(t.imagename || ' ' || c.imagename) >> 11)::BIGINT AS pair_id,
    t.imagename::VARCHAR AS image_1,
    c.imagename::VARCHAR AS image_2,
    t.rootname::VARCHAR AS rootname,
    t.target::VARCHAR AS target,
    t.proposal::INTEGER AS proposal,
    t.visit::VARCHAR AS visit,
    t.filter::VARCHAR AS filter,
    t.exptime::DOUBLE AS exptime,
    t.length::VARCHAR AS length,
    t.flash::INTEGER AS flash,
    t.chinject::VARCHAR AS chinject,
    t.mjd::DOUBLE AS mjd,
    t.chip::INTEGER AS chip,
    c.generation::VARCHAR AS generation,
    (t.settings LIKE '%"centring": "watch"%' OR t.settings NOT LIKE '%"centring"%')::BOOLEAN AS watched,
    t.phot_key::VARCHAR AS phot_key_1,
    c.phot_key::VARCHAR AS phot_key_2,
    t.phot_file::VARCHAR AS phot_file_1,
    c.phot_file::VARCHAR AS phot_file_2
FROM exposures AS t
INNER JOIN exposures AS c
    ON c.target = t.target
    AND c.proposal = t.proposal
    AND c.rootname = t.rootname
WHERE t.filetype = 'flt'
    AND c.filetype = 'flc'
    AND c.chip = t.chip
    AND c.flash = t.flash
    AND c.settings_hash = t.settings_hash;
