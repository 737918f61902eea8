-- shown_generation(asked, generation, newest, filetype)
-- Whether rows of a calibration generation are shown where `asked` is asked for: 'newest' (of each target and file
-- type, those with a pair), 'all', or a name; file types that have no generation of that name show their newest.
CREATE OR REPLACE MACRO shown_generation(asked, generation, newest, filetype) AS
    CASE asked
        WHEN 'newest' THEN newest
        WHEN 'all' THEN true
        ELSE generation = asked OR (newest AND (generation = filetype) <> (asked IN ('flt', 'flc')))
    END;
