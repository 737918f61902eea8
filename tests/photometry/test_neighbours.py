from __future__ import annotations

import numpy as np

from cte_lake.photometry.neighbours import has_brighter_neighbour


def test_only_the_fainter_of_a_pair_is_told() -> None:
    x = np.array([10.0, 13.0, 30.0, 34.9, 50.0, 50.0, np.nan, 70.0, 71.0])
    y = np.full(x.size, 5.0)
    brightness = np.array([100.0, 50.0, 1.0, 2.0, 7.0, 7.0, 1e6, np.nan, 3.0])
    found = has_brighter_neighbour(x, y, brightness, 5.0)
    # Two of one brightness are both told; NaN is fainter than all.
    assert found.tolist() == [False, True, True, False, True, True, False, True, False]


def test_distance_zero_and_single_stars_have_no_neighbours() -> None:
    one = np.array([3.0])
    assert not has_brighter_neighbour(one, one, one, 5.0).any()
    two = np.array([3.0, 3.0])
    assert not has_brighter_neighbour(two, two, two, 0.0).any()


def test_it_agrees_with_all_pairs() -> None:
    rng = np.random.default_rng(4)
    x, y, brightness = rng.uniform(0, 60, 300), rng.uniform(0, 60, 300), rng.normal(size=300)
    distance = np.hypot(x[:, None] - x, y[:, None] - y)
    expected = ((distance <= 4.0) & (brightness > brightness[:, None])).any(axis=1)
    np.testing.assert_array_equal(has_brighter_neighbour(x, y, brightness, 4.0), expected)
