-- The two exposures of a pair differ in calibration generation, photometry mode, settings or use of masks.
SELECT p.pair_id, p.image_1, p.image_2
FROM pairings AS p
INNER JOIN exposures AS one ON one.imagename = p.image_1
INNER JOIN exposures AS two ON two.imagename = p.image_2
WHERE (one.cal_ver, one.pctecorr, one.pctetab, one.cte_name, one.cte_ver, one.filetype, one.mode,
        one.settings_hash, one.crmask_hash IS NULL)
    IS DISTINCT FROM (two.cal_ver, two.pctecorr, two.pctetab, two.cte_name, two.cte_ver, two.filetype, two.mode,
        two.settings_hash, two.crmask_hash IS NULL)
ORDER BY p.pair_id
