"""The three estimators side by side in the views built on them."""

from __future__ import annotations

import numpy as np
import pytest

from cte_lake import Lake, open_lake
from cte_lake.lake.create import create_lake
from cte_lake.lake.stored import stored
from cte_lake.names import ESTIMATORS
from cte_lake.views import view_columns
from tests.sql.writing import add_exposure, add_pair

LOSS = 0.3


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    root = tmp_path_factory.mktemp("estimators") / "lake"
    create_lake(stored(root))
    rng = np.random.default_rng(8)
    n = 1200
    y, flux = rng.uniform(0, 2050, n), 10 ** rng.uniform(2.5, 3.7, n)
    for number, flash in enumerate((0, 12)):
        ratio = np.exp(2 * LOSS * (y - 1025) / 2048) * rng.normal(1.0, 0.03, n)
        ratio[::60] *= 2.0
        sides = [
            {"master_id": np.arange(n), "y": y, "flux_r03": flux * ratio**sign, "sky": np.ones(n)}
            for sign in (0.5, -0.5)
        ]
        add_pair(root, f"i{number:03d}", first=sides[0], second=sides[1], flash=flash)
    return open_lake(root, threads=1)


def by_key(rows: list[dict], *also: str) -> dict:
    return {tuple(row[k] for k in ("pair_id", "bin_lo", "bin_hi", *also)): row for row in rows}


def test_cte_has_a_row_of_each_estimator_for_each_pair_and_bin(opened):
    rows = by_key(opened.cte().rows(), "estimator")
    bins = {(low, high) for _, low, high, _ in rows}
    assert len(bins) == 8
    assert len(rows) == 2 * 8 * 3
    assert {key[3] for key in rows} == set(ESTIMATORS)
    # A bin without stars has its row too.
    empty = opened.cte(bin_lo=8000.0).rows()
    assert len(empty) == 6
    assert {(row["n"], row["slope"], row["cte_loss"], row["cte_dmag"]) for row in empty} == {
        (0, None, None, None)
    }


@pytest.mark.parametrize("view", ["slopes", "log_slopes"])
def test_cte_passes_on_what_was_measured(opened, view):
    rows = by_key(opened.cte().rows(), "estimator")
    columns = [c.name for c in view_columns(view)]
    measured = opened.view(view).rows()
    assert {row["estimator"] for row in measured} == (
        {"log_ratio"} if view == "log_slopes" else {"both_in_bin", "mean_flux"}
    )
    for row in measured:
        own = rows[row["pair_id"], row["bin_lo"], row["bin_hi"], row["estimator"]]
        assert {name: own[name] for name in columns} == row


def test_the_logarithm_measures_what_is_lost_of_what_is_left(opened):
    one_bin = {"bin_lo": 500.0, "bin_hi": 2000.0}
    ratios = by_key(opened.cte(estimator="mean_flux", **one_bin).rows())
    for key, row in by_key(opened.cte(estimator="log_ratio", **one_bin).rows()).items():
        assert row["cte_loss"] == pytest.approx(LOSS, abs=4 * row["cte_loss_err"])
        other = ratios[key]
        for losses in (row, other):
            assert losses["cte_dmag"] == pytest.approx(2.5 / np.log(10) * losses["cte_loss"])
        assert other["cte_loss"] == pytest.approx(row["cte_loss"], rel=0.04)
        assert other["mean_log_flux"] is None
        assert row["mean_log_flux"] == pytest.approx(np.log10(row["mean_flux"]), abs=0.05)


@pytest.mark.parametrize("view", ["cte_vs_flux", "cte_vs_time", "cte_vs_flash"])
def test_the_figures_views_have_all_three(opened, view):
    rows = opened.view(view).rows()
    counts = [sum(row["estimator"] == name for row in rows) for name in ESTIMATORS]
    assert counts[0] == counts[1] == counts[2] > 0
    assert all(row["cte_loss"] is not None for row in rows)


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_the_stars_that_the_clip_left_are_those_of_the_slope(opened, estimator):
    losses = by_key(opened.cte(estimator=estimator).rows())
    counted = opened.sql(
        "SELECT pair_id, bin_lo, bin_hi, count(*) AS n_in_bin, count(*) FILTER (kept) AS n "
        "FROM binned_ratios WHERE estimator = $estimator GROUP BY ALL",
        estimator=estimator,
    ).rows()
    assert counted
    assert any(row["n"] < row["n_in_bin"] for row in counted)
    for key, row in by_key(counted).items():
        assert (row["n_in_bin"], row["n"]) == (losses[key]["n_in_bin"], losses[key]["n"])


@pytest.mark.parametrize("chips", [(1, 2), (2, 2)])
def test_the_logarithm_counts_the_rows_of_both_images(tmp_path, chips):
    # No two stars lie as many rows apart; a star loses by its rows in either image.
    create_lake(stored(tmp_path / "lake"))
    rng = np.random.default_rng(4)
    flux, lower = rng.uniform(600, 1900, 300), rng.uniform(40, 2010, 300)
    upper = 2050 - lower + rng.uniform(-5, 35, 300)
    rolled = chips == (2, 2)
    second = "ic7803abq" if rolled else "ic7802abq"
    for name, chip, rows in (("ic7802aaq", 2, lower), (second, chips[0], upper)):
        stars = {"master_id": np.arange(300), "y": rows if chip == 2 else 2050 - rows}
        stars |= {"flux_r03": flux * np.exp(-LOSS * rows / 2048), "sky": np.ones(300)}
        roll = {"target": "ngc6583", "pa_v3": 180.0 * (rows is upper), "postarg2": 0.0} if rolled else {}
        add_exposure(tmp_path / "lake", name, stars, chip=chip, mjd=57601.3 + 0.01 * (rows is upper), **roll)
    with open_lake(tmp_path / "lake", threads=1) as opened:
        (row,) = opened.cte(estimator="log_ratio", bin_lo=500.0, bin_hi=2000.0).rows()
        drawn = opened.binned_ratios(estimator="log_ratio", bin_lo=500.0, bin_hi=2000.0).rows()
    assert row["cte_loss"] == pytest.approx(LOSS, rel=1e-9)
    assert row["intercept"] + 1025 * row["slope"] == pytest.approx(0.0, abs=1e-9)
    line = [row["intercept"] + row["slope"] * star["distance"] for star in drawn]
    assert [np.log(star["ratio"]) for star in drawn] == pytest.approx(line, abs=1e-9)
    assert all(star["kept"] for star in drawn)
