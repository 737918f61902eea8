from __future__ import annotations

import numpy as np

from cte_lake.photometry.starlight import aperture_share, has_bright_neighbours


def test_both_of_a_close_pair_and_the_fainter_of_a_wider_one_are_told() -> None:
    x = np.array([10.0, 12.0, 40.0, 46.0, 80.0, 80.0, np.nan, 110.0, 111.0])
    y = np.full(x.size, 5.0)
    brightness = np.array([100.0, 50.0, 20.0, 2000.0, 7.0, 7.0, 1e6, np.nan, 3.0])
    told = has_bright_neighbours(x, y, brightness, 9.0, 0.1)
    # A star without light of its own is told where any other shines in; it does nothing to the other.
    assert told.tolist() == [True, True, True, False, True, True, False, True, False]


def test_distance_zero_and_single_stars_have_no_neighbours() -> None:
    one = np.array([3.0])
    assert not has_bright_neighbours(one, one, one, 5.0, 0.1).any()
    two = np.array([3.0, 3.0])
    assert not has_bright_neighbours(two, two, two, 0.0, 0.1).any()


def test_it_agrees_with_all_pairs() -> None:
    rng = np.random.default_rng(4)
    x, y, brightness = rng.uniform(0, 60, 300), rng.uniform(0, 60, 300), rng.lognormal(size=300)
    distance = np.hypot(x[:, None] - x, y[:, None] - y)
    light = np.where((distance <= 9.0) & (distance > 0), aperture_share(distance), 0.0) @ brightness
    told = has_bright_neighbours(x, y, brightness, 9.0, 0.1)
    np.testing.assert_array_equal(told, light > 0.1 * brightness)
    assert 0 < told.sum() < told.size
