-- A row is an exposure that stays alone because the one that would be its partner was measured otherwise: with other
-- settings or another pixel area map, or with a cosmic-ray mask where this one has none. Ingest both again.
SELECT u.imagename, u.candidate, u.reason, u.detail
FROM unpaired AS u
WHERE u.reason IN ('other_settings', 'other_area_map', 'other_mask')
ORDER BY u.imagename
