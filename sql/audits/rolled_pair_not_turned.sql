-- A row is a pair of a 180-degree set that is not known to be turned by 180 degrees, or an exposure of such a set that
-- has only partners of its own roll: both would show no loss where there is one.
SELECT p.image_1::VARCHAR AS imagename, p.image_2::VARCHAR AS candidate, p.turn::DOUBLE AS turn
FROM pairings AS p
CROSS JOIN settings AS k
WHERE p.pairing = '180' AND coalesce(abs(p.turn - 180) > k.roll_tolerance, true)
UNION ALL
SELECT u.imagename, u.candidate, NULL
FROM unpaired AS u
WHERE u.reason = 'not_turned'
ORDER BY imagename
