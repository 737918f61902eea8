from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from photutils.geometry import circular_overlap_grid

from cte_lake.arrays import FloatArray
from cte_lake.photometry.engine import photutils_sums
from cte_lake.photometry.kernel import aperture_sums, core_counts, iraf_sums
from cte_lake.radii import RADII

ON_GRID = st.sampled_from([0.0, 0.5, -0.5, 0.25, 1e-9, 0.5 - 1e-9])


def overlaps(dx: float, dy: float, radius: float, n: int) -> FloatArray:
    """Return the weight of each pixel about one centre: the areas where that pixel alone is good."""
    size = 2 * n + 1
    weights = np.empty((size, size))
    data = np.zeros((size, size))
    x, y, radii = np.array([n + dx]), np.array([n + dy]), np.array([radius])
    for j, i in np.ndindex(size, size):
        good = np.zeros((size, size), np.uint8)
        good[j, i] = 1
        weights[j, i] = aperture_sums(data, data, good, x, y, radii)[2][0, 0]
    return weights


@settings(max_examples=20)
@given(
    dx=st.floats(-0.5, 0.5) | ON_GRID,
    dy=st.floats(-0.5, 0.5) | ON_GRID,
    radius=st.floats(0.05, 12.0) | st.sampled_from([0.5, 1.0, *RADII[:5], RADII[-1]]),
)
def test_overlap_is_photutils(dx: float, dy: float, radius: float) -> None:
    n = int(radius) + 2
    half = n + 0.5
    judge = circular_overlap_grid(
        -half - dx, half - dx, -half - dy, half - dy, 2 * n + 1, 2 * n + 1, radius, 1, 1
    )
    ours = overlaps(dx, dy, radius, n)
    np.testing.assert_allclose(ours, judge, rtol=0, atol=1e-12)
    assert ours.sum() == pytest.approx(np.pi * radius**2, rel=1e-12)


@settings(max_examples=16)
@given(
    seed=st.integers(0, 2**32 - 1),
    masked=st.sampled_from([0.0, 0.02, 0.5]),
    single=st.booleans(),
    radii=st.lists(st.floats(0.3, 45.0), min_size=1, max_size=6, unique=True).map(sorted)
    | st.just(list(RADII)),
)
def test_sums_areas_and_errors_are_photutils(
    seed: int, masked: float, single: bool, radii: list[float]
) -> None:
    rng = np.random.default_rng(seed)
    shape = (60, 71)
    dtype = np.float32 if single else np.float64
    good = (rng.uniform(size=shape) >= masked).astype(np.uint8)
    data = (rng.lognormal(3.0, 2.0, shape) * good).astype(dtype)
    error = (np.sqrt(data) * good).astype(dtype)
    # Some centres off the chip, some on the corner of a pixel.
    x = np.concatenate([rng.uniform(-20, 90, 8), [30.0, 30.5, np.nan]])
    y = np.concatenate([rng.uniform(-20, 80, 8), [30.0, 30.5, 10.0]])
    ours = aperture_sums(data, error, good, x, y, np.array(radii))
    judge = photutils_sums(data, error, good, x, y, np.array(radii))
    for name, a, b in zip(("sums", "variances", "areas", "chip areas"), ours, judge, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12, err_msg=name)
    for name, a in zip(("variances", "areas", "chip areas"), ours[1:], strict=True):
        assert a.min() >= 0.0, name


@pytest.mark.parametrize("radius", [1.0, 2.0, 13.5, 40.0])
def test_a_circle_that_only_touches_the_chip_has_no_negative_variance(radius: float) -> None:
    data = np.ones((9, 9))
    good = np.ones((9, 9), np.uint8)
    away = np.concatenate([np.linspace(-1e-9, 1e-9, 21), [1e-15, -1e-15, 0.3]])
    for centre in (-0.5 - radius + away, 8.5 + radius + away):
        for x, y in ((centre, np.full_like(centre, 3.3)), (np.full_like(centre, 3.3), centre)):
            for sums in aperture_sums(data, data, good, x, y, np.array([radius])):
                assert sums.min() >= 0.0


def test_iraf_weights_are_those_of_the_formula() -> None:
    rng = np.random.default_rng(3)
    data = rng.normal(10, 3, (120, 110))
    good = (rng.uniform(size=data.shape) > 0.1).astype(np.uint8)
    data *= good
    x, y, radii = np.array([50.3, 2.0]), np.array([61.7, 118.6]), np.array([0.4, 2.0, 3.0, 10.0, 40.0])
    sums, _, areas, chip = iraf_sums(data, np.ones_like(data), good, x, y, radii)
    rows, columns = np.mgrid[: data.shape[0], : data.shape[1]]
    for star in range(2):
        distance = np.hypot(columns - x[star], rows - y[star])
        for k, radius in enumerate(radii):
            weight = np.clip(radius + 0.5 - distance, 0, 1)
            assert sums[star, k] == pytest.approx((weight * data).sum(), rel=1e-12)
            assert areas[star, k] == pytest.approx((weight * good).sum(), rel=1e-12)
            assert chip[star, k] == pytest.approx(weight.sum(), rel=1e-12)


def test_single_precision_pixels_are_summed_in_double() -> None:
    data = np.full((101, 101), 16_777_216.0, dtype=np.float32)
    data[50, 50] += 1000.0
    good = np.ones(data.shape, np.uint8)
    sums, _, areas, _ = aperture_sums(
        data, np.zeros_like(data), good, np.array([50.0]), np.array([50.0]), np.array([40.0])
    )
    excess = float(data[50, 50]) - 16_777_216.0
    assert sums[0, 0] - 16_777_216.0 * areas[0, 0] == pytest.approx(excess, abs=0.01)


def test_core_counts_the_pixels_centred_in_a_circle() -> None:
    good = np.ones((20, 20), np.uint8)
    good[10, 13] = 0
    good[10, 14] = 0
    saturated = np.zeros_like(good)
    saturated[7, 10] = 1
    n_good, n_saturated = core_counts(
        good, saturated, np.array([10.0, 0.0, np.inf]), np.array([10.0, 0.0, 3.0]), 3.0
    )
    # Rows of 7, 5, 5 and 1 pixels from the middle outward have their centres within 3 px.
    assert n_good.tolist() == [28, 11, 0]
    assert n_saturated.tolist() == [1, 0, 0]
