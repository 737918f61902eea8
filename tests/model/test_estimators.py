import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import linregress, sigmaclip

from cte_lake.errors import UsageError
from cte_lake.model.estimators import bin_slopes, fit_line
from cte_lake.model.injection import Injection, simulate_pair

BINS = [(250.0, 500.0), (500.0, 1000.0), (1000.0, 2000.0)]


@given(st.integers(0, 10**6), st.integers(3, 200))
@settings(max_examples=40)
def test_the_2017_estimator_is_scipys(seed, count):
    rng = np.random.default_rng(seed)
    y, first = rng.uniform(0, 2050, count), rng.uniform(200, 600, count)
    second = first * rng.normal(1.0, 0.1, count)
    second[rng.uniform(size=count) < 0.05] *= 3
    result = bin_slopes(y, first, second, [(250.0, 2000.0)], "both_in_bin")
    inside = (first > 250) & (second > 250) & (first < 2000) & (second < 2000)
    ratio = first[inside] / second[inside]
    if ratio.size == 0:
        assert result.n[0] == 0
        return
    _, low, high = sigmaclip(ratio, 4, 4)
    keep = (ratio >= low) & (ratio <= high)
    assert result.n[0] == keep.sum()
    if keep.sum() >= 3:
        line = linregress(y[inside][keep], ratio[keep])
        np.testing.assert_allclose(
            [result.slope[0], result.slope_err[0], result.intercept[0]],
            [line.slope, line.stderr, line.intercept],
            rtol=1e-9, atol=1e-13,
        )  # fmt: skip


def test_few_points_have_no_slope():
    assert np.isnan(fit_line(np.array([1.0, 2.0]), np.array([1.0, 2.0]))).all()
    assert np.isnan(fit_line(np.ones(5), np.arange(5.0))).all()
    empty = bin_slopes([], [], [], BINS)
    assert empty.n.tolist() == [0, 0, 0]
    assert np.isnan(empty.slope).all()
    with pytest.raises(UsageError, match="median"):
        bin_slopes([], [], [], BINS, "median")


def bias(estimator, stars=400_000):
    setup = Injection(stars=stars, zero_point=0.0)
    pair = simulate_pair(setup, 57601.0, np.random.default_rng(3))
    result = bin_slopes(pair.y_2, pair.flux_1, pair.flux_2, BINS, estimator)
    a = setup.quadratic(57601.0)
    truth = a[0] + a[1] * result.mean_log_flux + a[2] * result.mean_log_flux_sq
    return result.slope * 1024.0 / truth - 1.0, result.slope_err * 1024.0 / truth


def test_log_ratio_is_unbiased_where_the_2017_estimator_loses_a_tenth():
    old, _ = bias("both_in_bin")
    new, error = bias("log_ratio")
    assert old[0] < -0.08
    assert np.all(np.abs(new) < 0.006 + 3 * error)
