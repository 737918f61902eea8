-- A row is an exposure that stays alone because the one that would be its partner was calibrated otherwise: another
-- generation, or FLUXCORR in one of the two only. Fetch both again, or recalibrate the older one, and ingest.
SELECT u.imagename, u.candidate, u.reason, u.detail
FROM unpaired AS u
WHERE u.reason IN ('other_generation', 'other_fluxcorr')
ORDER BY u.imagename
