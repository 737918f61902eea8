-- version_numbers(stated)
-- The numbers of the version that a header states, such as [3, 7, 2] of 'calwf3 3.7.2 (Apr-15-2024)': the first that
-- follows a word, a blank or a v and has at most two digits before its point. Empty where there is none, as for the year
-- of another system's release ('HSTDP 2024.1'); a number beyond an INTEGER is 0.
CREATE OR REPLACE MACRO version_numbers(stated) AS
    list_transform(
        regexp_extract_all(
            regexp_extract(stated, '^(?:[^(,]*?[^\w.(,])?[vV]?([0-9]{1,2}(?:[.][0-9]+)*)(?:[^0-9]|$)', 1), '[0-9]+'
        ),
        lambda number: coalesce(try_cast(number AS INTEGER), 0)
    );
