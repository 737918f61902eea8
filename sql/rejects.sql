-- rejects
-- Grain: a file not measured, at one step.
-- A refusal is over, and not shown, once the file as it was refused (path, size, time of change) is measured.
CREATE OR REPLACE VIEW rejects AS
SELECT
    r.path::VARCHAR AS path,  -- [-] Absolute path of the file
    r.imagename::VARCHAR AS imagename,  -- [-] Root name and file type where the header told them; NULL otherwise
    r.stage::VARCHAR AS stage,  -- [-] Step that refused it; 'screen' is an exclusion by a configured rule, all others are failures
    r.reason::VARCHAR AS reason,  -- [-] Reason, one word
    r.detail::VARCHAR AS detail,  -- [-] Reason in a sentence: what is wrong, where, what to do
    r.at::TIMESTAMPTZ AS at,  -- [-] When it was refused (UTC)
    r.target::VARCHAR AS target,  -- [-] Target where the header told it; NULL otherwise
    r.proposal::INTEGER AS proposal,  -- [-] Proposal number where the header told it; NULL otherwise
    r.settings_hash::VARCHAR AS settings_hash,  -- [-] Hash of the rules and settings under which it was refused
    r.file_size::BIGINT AS file_size,  -- [byte] Size of the file; NULL if it could not be read
    r.file_mtime_ns::BIGINT AS file_mtime_ns  -- [ns] Time of the file's last change, since 1970 (UTC); NULL if it could not be read
FROM stored_rejects AS r
ANTI JOIN exposures_all_modes AS e
    ON e.path = r.path
    AND e.file_size = r.file_size
    AND e.file_mtime_ns = r.file_mtime_ns;
