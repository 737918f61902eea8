-- version_numbers(stated)
-- The numbers of the version that a header states, such as [3, 7, 2] of 'calwf3 3.7.2 (Apr-15-2024)': the first with
-- points that is no part of a word and has at most two digits before its first point, else one that the text begins with;
-- what stands in brackets with a letter is a date. Empty where there is none, as for the year of another system's release
-- ('HSTDP 2024.1'); a number beyond an INTEGER is 0.
CREATE OR REPLACE MACRO version_numbers(stated) AS
    list_transform(
        regexp_extract_all(
            coalesce(
                nullif(regexp_extract(regexp_replace(stated, '\([^)]*[A-Za-z][^)]*(?:\)|$)', '', 'g'), '(?:^|[^A-Za-z0-9.])[vVrR]?([0-9]{1,2}(?:[.][0-9]{1,9})+)', 1), ''),
                regexp_extract(stated, '^\s*[vVrR]?([0-9]{1,2})(?:[^A-Za-z0-9_.]|$)', 1)
            ),
            '[0-9]+'
        ),
        lambda number: coalesce(try_cast(number AS INTEGER), 0)
    );
