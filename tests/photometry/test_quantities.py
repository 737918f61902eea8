"""Our own quantities, and what is asked of a user's."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cte_lake.photometry import PixelData
from cte_lake.photometry.quantities import measure_added, trail

X = np.array([20.0, 20.4, 1.0, 38.0])
Y = np.array([30.0, 59.6, 30.0, 88.0])
STARS = {"x": X, "y": Y, "flux_r03": np.array([1000.0, 500.0, 200.0, 100.0])}


def tailed(sign, mask=None):
    """Round stars, each with 10 electrons in 5 rows behind it, away from the amplifiers."""
    data = np.full((90, 40), 3.0, np.float32)
    for x, y in zip(np.rint(X).astype(int), np.rint(Y).astype(int), strict=True):
        data[max(y - 2, 0) : y + 3, max(x - 2, 0) : x + 3] += 100.0
        for step in range(3, 8):
            if 0 <= y + sign * step < 90:
                data[y + sign * step, x] += 2.0
    return PixelData(data, mask=mask)


@pytest.mark.parametrize(("chip", "sign"), [(2, 1), (1, -1)])
def test_a_trail_lies_behind_its_star_by_the_chip(chip, sign):
    # The last star's trail lies beyond the chip, or what lies before it does.
    found = trail(tailed(sign), STARS, {"chip": chip})
    assert found[:3] == pytest.approx([0.01, 0.02, 0.05])
    assert np.isnan(found[3])
    assert trail(tailed(-sign), STARS, {"chip": chip})[:2] == pytest.approx([-0.01, -0.02])


def test_a_masked_pixel_leaves_no_value():
    mask = np.zeros((90, 40), np.bool_)
    mask[34, 20] = True
    found = trail(tailed(1, mask), STARS, {"chip": 2})
    assert np.isnan(found[0])
    assert np.isfinite(found[1])


@given(st.lists(st.sampled_from([1.5, 0.0, np.nan, np.inf, -np.inf]), min_size=4, max_size=4))
def test_what_is_not_finite_is_no_value(given_values):
    found = measure_added("q", lambda *_: given_values, tailed(1), STARS, {"imagename": "i"})
    assert found.shape == (4,)
    expected = [value if np.isfinite(value) else np.nan for value in given_values]
    np.testing.assert_array_equal(found, expected)


def test_masked_values_are_none_and_integers_are_numbers():
    masked = np.ma.masked_array([1, 2, 3, 4], [False, True, False, False])
    found = measure_added("q", lambda *_: masked, tailed(1), STARS, {"imagename": "i"})
    np.testing.assert_array_equal(found, [1.0, np.nan, 3.0, 4.0])
