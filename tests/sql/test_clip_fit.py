"""The clip and the fit in SQL against scipy, on groups of all kinds."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import duckdb
import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from scipy.stats import linregress, sigmaclip

from cte_lake.model.estimators import clip_about_line, fit_line
from cte_lake.resources import data_dir

MACROS = ("clip_step", "clip_limits", "line_sums", "line_fit", "line_clip")


@pytest.fixture(scope="module")
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        for name in MACROS:
            connection.execute((data_dir("sql") / f"{name}.sql").read_text(encoding="utf-8"))
        yield connection


def clip(con: duckdb.DuckDBPyConnection, values: list[float], k: float) -> tuple[int, float, float, bool]:
    found = con.execute("SELECT clip_limits(?::DOUBLE[], ?)", [values, k]).fetchone()[0]
    return found["n"], found["lo"], found["hi"], found["converged"]


def fit(con: duckdb.DuckDBPyConnection, xs: list[float], ys: list[float]) -> dict[str, float | None]:
    return con.execute("SELECT line_fit(?::DOUBLE[], ?::DOUBLE[])", [xs, ys]).fetchone()[0]


def reference_clip(values: np.ndarray, k: float) -> tuple[np.ndarray, bool]:
    """scipy's clip, and whether rounding decides in any of its steps: a value lies that close to a limit."""
    kept, close = values, False
    while True:
        mean, width = kept.mean(), k * kept.std()
        scale = 1e-9 * (abs(mean) + width) + 1e-300
        distance = np.abs(kept - mean)
        close |= bool((np.abs(distance - width) < scale).any()) and width > 0
        inside = kept[distance <= width]
        if len(inside) in (0, len(kept)):
            return sigmaclip(values, k, k).clipped, close
        kept = inside


#: Rounded: the squares of 1e-300 vanish, in scipy as here.
finite = st.floats(min_value=-1e6, max_value=1e6).map(lambda value: round(value, 6))
ratios = st.lists(st.floats(min_value=0.3, max_value=3.0), min_size=0, max_size=60)
#: A core and some values far off it, so that clipping takes several steps.
contaminated = st.builds(
    lambda seed, n, outliers: [*(1 + 0.05 * np.random.default_rng(seed).standard_normal(n)), *outliers],
    st.integers(0, 2**32 - 1),
    st.integers(15, 200),
    st.lists(st.floats(min_value=-50, max_value=50), max_size=12),
)
any_list = st.lists(finite, min_size=0, max_size=60)
K = st.sampled_from([1.5, 2.0, 3.0, 4.0])


@settings(max_examples=100)
@given(values=st.one_of(ratios, contaminated, any_list), k=K)
@example(values=[], k=4.0)
@example(values=[1.0], k=4.0)
@example(values=[1.0, 2.0], k=4.0)
@example(values=[0.1] * 30, k=4.0)
@example(values=[1.0] * 20 + [2.0], k=4.0)
@example(values=[2.0, 1.25, *[0.7574223629384405] * 4], k=2.0)
def test_the_clip_keeps_what_scipy_keeps(con, values, k):
    n, lo, hi, converged = clip(con, values, k)
    assert converged
    if not values:
        assert (n, lo, hi) == (0, -math.inf, math.inf)
        return
    array = np.array(values)
    if (array == array[0]).all():
        # scipy may lose all of them to the rounding of the mean; none is an outlier.
        assert n == len(values)
        return
    kept, close = reference_clip(array, k)
    assume(not close)
    assert n == len(kept)
    inside = array[(array >= lo) & (array <= hi)]
    np.testing.assert_array_equal(np.sort(inside), np.sort(kept))


def test_values_on_a_limit_are_kept(con):
    # Mean 0, deviation 1: the limits of k = 1 are the values themselves.
    values = [-1.0, 1.0] * 8
    assert clip(con, values, 1.0)[0] == 16
    kept, low, high = sigmaclip(np.array(values), 1.0, 1.0)
    assert (len(kept), low, high) == (16, -1.0, 1.0)


def test_a_clip_that_loses_one_value_a_step_runs_to_its_end(con):
    values = [1.0, 2.0] * 40 + [4.0**k for k in range(3, 60)]
    kept, _ = reference_clip(np.array(values), 4.0)
    assert len(kept) == 80
    assert clip(con, values, 4.0)[0] == 80


def test_the_limits_are_scipys(con):
    values = [*(1 + 0.1 * np.random.default_rng(1).standard_normal(500)), 3.0, 5.0]
    _, low, high = sigmaclip(np.array(values), 4, 4)
    assert clip(con, values, 4.0)[1:3] == (pytest.approx(low, rel=1e-13), pytest.approx(high, rel=1e-13))


points = st.lists(st.tuples(finite, finite), min_size=0, max_size=60)
rows = st.lists(
    st.tuples(st.floats(0, 2050), st.floats(0.3, 3)).map(lambda xy: (round(xy[0], 6), xy[1])),
    min_size=3,
    max_size=200,
)


@settings(max_examples=100)
@given(pairs=st.one_of(points, rows))
@example(pairs=[])
@example(pairs=[(1.0, 2.0)])
@example(pairs=[(1.0, 2.0), (3.0, 1.0)])
@example(pairs=[(0.1, 1.0), (0.1, 2.0), (0.1, 3.0)])
@example(pairs=[(1.0, 0.7), (2.0, 0.7), (3.0, 0.7)])
def test_the_line_is_scipys(con, pairs):
    xs, ys = [x for x, _ in pairs], [y for _, y in pairs]
    found = fit(con, xs, ys)
    assert found["n"] == len(xs)
    if len(set(xs)) < 2:
        assert (found["slope"], found["slope_err"], found["intercept"]) == (None, None, None)
        return
    x, y = np.array(xs), np.array(ys)
    # Beyond this the answer is rounding, on both sides.
    assume(np.ptp(x) > 1e-6 * np.abs(x).max())
    expected = linregress(x, y)
    scale = (np.ptp(y) + 1e-300) / np.ptp(x)
    rounding = 1e-14 * np.abs(y).max() / np.ptp(x)
    assert found["slope"] == pytest.approx(expected.slope, rel=1e-9, abs=1e-9 * scale + rounding)
    reach = (scale + rounding) * np.abs(x).max() + np.abs(y).max()
    assert found["intercept"] == pytest.approx(expected.intercept, rel=1e-9, abs=1e-9 * reach)
    if len(xs) == 2:
        assert found["slope_err"] == 0.0
    else:
        # Of equal zeros scipy says NaN (their correlation); the line through them has no error.
        # The error of a perfect line is the root of rounding.
        wanted = 0.0 if math.isnan(expected.stderr) else expected.stderr
        assert found["slope_err"] == pytest.approx(wanted, rel=1e-7, abs=1e-7 * scale + rounding)


@settings(max_examples=80)
@given(
    seed=st.integers(0, 2**32 - 1),
    count=st.integers(0, 120),
    slope=st.floats(-1e-3, 1e-3),
    outliers=st.lists(st.floats(-3, 3), max_size=10),
    k=K,
)
@example(seed=0, count=0, slope=0.0, outliers=[], k=4.0)
@example(seed=0, count=2, slope=0.0, outliers=[], k=4.0)
@example(seed=0, count=30, slope=5e-4, outliers=[2.0, -2.0], k=3.0)
@example(seed=0, count=0, slope=1e-3, outliers=[0.0, 0.0, 0.0, 0.0], k=1.5)
@example(seed=0, count=0, slope=1e-3, outliers=[0.0, 0.0, 5e-15], k=1.5)
def test_the_clip_about_the_line_is_the_arrays(con, seed, count, slope, outliers, k):
    rng = np.random.default_rng(seed)
    x = rng.uniform(0, 2050, count + len(outliers))
    y = np.r_[rng.normal(0, 0.1, count), outliers] + slope * x
    query = "SELECT line_clip(?::DOUBLE[], ?::DOUBLE[], ?)"
    found = con.execute(query, [x.tolist(), y.tolist(), k]).fetchone()[0]
    expected = clip_about_line(x, y, k)
    assert found["kept"] == expected.tolist()
    assert found["n"] == expected.sum()
    if found["n"] > 3:
        # The limits are those of the stars left: a query may use them to tell who was left.
        line, _, intercept = fit_line(x[expected], y[expected])
        residual = y[expected] - intercept - line * x[expected]
        scatter = k * np.sqrt(residual @ residual / (expected.sum() - 2))
        assert found["half"] == pytest.approx(
            max(scatter, 1e-7 * np.std(y[expected])), rel=1e-7, abs=1e-8 * np.std(y) + 1e-14
        )


def test_a_clip_about_a_line_that_stands_upright_keeps_all(con):
    query = "SELECT line_clip([5.0, 5.0, 5.0, 5.0, 5.0], [1.0, 2.0, 3.0, 4.0, 500.0], 1.0).n"
    assert con.execute(query).fetchone() == (5,)


def test_an_offset_of_1e8_costs_nothing(con):
    rng = np.random.default_rng(3)
    x = rng.uniform(0, 2048, 2000)
    y = 2e-5 * x + rng.normal(0, 0.05, 2000)
    for offset in (0.0, 1e8):
        expected = linregress(x, y + offset)
        found = fit(con, list(x), list(y + offset))
        assert found["slope"] == pytest.approx(expected.slope, rel=1e-12)
        assert found["slope_err"] == pytest.approx(expected.stderr, rel=1e-12)


def test_macros_do_not_capture_names_of_the_query(con, tmp_path: Path):
    # An argument is pasted as text: a column called like a lambda's variable must not be taken for it.
    query = "SELECT clip_limits(kept, m.k).n FROM (SELECT [1.0, 2.0, 3.0] AS kept, 4.0 AS k) AS m"
    assert con.execute(query).fetchone() == (3,)
    query = "SELECT line_fit(s.x, s.y).slope FROM (SELECT [1.0, 2.0] AS x, [1.0, 3.0] AS y) AS s"
    assert con.execute(query).fetchone() == (2.0,)
