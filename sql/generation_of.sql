-- generation_of(filetype, cal_ver, cte_name, cte_ver, pctetab)
-- The calibration generation of a file: what changes the pixels of that file type, and no more, as one short name.
-- FLT: always 'flt'. The CTE tables do not touch an FLT, releases of one calwf3 give it the same pixels, and the
-- crosstalk correction of calwf3 3.8 takes 0.0002 of the pixel mirrored across the amplifiers, less than 2 electrons
-- for 8000, whatever the row.
-- FLC: 'cte<major number of CTE_VER>_<PCTETAB>', and '_serial' from calwf3 3.8 on, which corrects the serial (x) CTE of
-- every full-frame FLC under the old PCTETAB. Minor numbers and the other digits of CAL_VER are recorded and part
-- nothing. Where CTE_VER is not recorded CTE_NAME stands for it ('pixelcte2019'), else 'cte-unknown'.
-- It follows from recorded header facts alone, so that rows of older lakes have it too.
CREATE OR REPLACE MACRO generation_of(filetype, cal_ver, cte_name, cte_ver, pctetab) AS
    CASE
        WHEN filetype <> 'flc' THEN filetype
        ELSE concat_ws('_',
            coalesce(
                'cte' || version_numbers(cte_ver)[1],
                nullif(regexp_replace(lower(cte_name), '[^a-z0-9]', '', 'g'), ''),
                'cte-unknown'
            ),
            nullif(
                regexp_replace(
                    regexp_replace(lower(trim(pctetab)), '^(n/a|none|indef|undefined)$|^.*[$/\\]|(_cte)?(\.fits.*)?$', '', 'g'), '[^a-z0-9]', '', 'g'
                ),
                ''
            ),
            CASE
                WHEN len(version_numbers(cal_ver)) > 1
                    AND (version_numbers(cal_ver)[1], version_numbers(cal_ver)[2]) >= (3, 8)
                    THEN 'serial'
            END
        )
    END;
