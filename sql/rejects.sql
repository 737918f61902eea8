-- rejects
-- Grain: a file not measured, at one step.
-- A refusal is over, and not shown, once the file as it was refused (path, size, time of change) is measured.
CREATE OR REPLACE VIEW rejects AS
SELECT
    r.path::VARCHAR AS path,
    r.imagename::VARCHAR AS imagename,
    r.stage::VARCHAR AS stage,
    r.reason::VARCHAR AS reason,
    r.detail::VARCHAR AS detail,
    r.at::TIMESTAMPTZ AS at,
    r.target::VARCHAR AS target,
    r.proposal::INTEGER AS proposal,
    r.settings_hash::VARCHAR AS settings_hash,
    r.file_size::BIGINT AS file_size,
    r.file_mtime_ns::BIGINT AS file_mtime_ns
FROM stored_rejects AS r
ANTI JOIN exposures_all_modes AS e
    ON e.path = r.path
    AND e.file_size = r.file_size
    AND e.file_mtime_ns = r.file_mtime_ns;
