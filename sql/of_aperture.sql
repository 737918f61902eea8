-- of_aperture(aperture, r02, r03, ...)
-- The one of fourteen per-radius columns that belongs to an aperture radius in px. With a constant radius DuckDB
-- decides it when it plans the query and reads that column alone.
CREATE OR REPLACE MACRO of_aperture(
    aperture, r02, r03, r05, r07, r10, r12, r15, r18, r20, r24, r28, r32, r36, r40
) AS
    CASE aperture
        WHEN 2 THEN r02 WHEN 3 THEN r03 WHEN 5 THEN r05 WHEN 7 THEN r07 WHEN 10 THEN r10 WHEN 12 THEN r12
        WHEN 15 THEN r15 WHEN 18 THEN r18 WHEN 20 THEN r20 WHEN 24 THEN r24 WHEN 28 THEN r28 WHEN 32 THEN r32
        WHEN 36 THEN r36 WHEN 40 THEN r40
        ELSE error(
            'aperture radius ' || aperture || ' px was not measured; it is one of 2 3 5 7 10 12 15 18 20 24 28 32 36 40'
        )
    END;
