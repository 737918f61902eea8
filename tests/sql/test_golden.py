"""The 2017 monitor's numbers: its photometry in a lake, its estimator in SQL."""

from __future__ import annotations

import csv
import math
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from cte_lake import Lake, open_lake
from cte_lake.lake.create import create_lake
from cte_lake.lake.stored import stored
from tests.sql.writing import add_exposure

Key = tuple[str, str, int, float, float]


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8") as lines:
        return list(csv.DictReader(lines))


@pytest.fixture(scope="module")
def golden(shared: Path) -> Path:
    return shared / "golden"


@pytest.fixture(scope="module")
def golden_lake(golden: Path, tmp_path_factory: pytest.TempPathFactory) -> Lake:
    root = tmp_path_factory.mktemp("golden") / "lake"
    create_lake(stored(root))
    phot = pq.read_table(golden / "phot.parquet")
    for info in rows_of(golden / "fileinfo.csv"):
        rows = phot.filter(pc.equal(phot["imagename"], info["imagename"]))
        stars: dict[str, Any] = {name: rows[name] for name in ("master_id", "x", "y")}
        stars["sky"] = rows["mnbkgrd_3"]
        for radius in (3, 5):
            background = rows[f"totbkgrd_{radius}"]
            stars[f"flux_r{radius:02d}"] = pc.subtract(rows[f"flux_{radius}"], background)
            stars[f"bkg_r{radius:02d}"] = background
            stars[f"area_r{radius:02d}"] = pa.array(np.full(len(rows), math.pi * radius**2))
        add_exposure(
            root, info["imagename"][:9], stars, target=info["targname"], proposal=int(info["proposid"]),
            mjd=float(info["dateobs"]), filter=info["filter"], exptime=float(info["exptime"]),
            flash=int(float(info["flashlvl"])), chip=int(info["chip"]), postarg1=float(info["postarg1"]),
        )  # fmt: skip
    return open_lake(root)


def measured(lake: Lake, aperture: int) -> dict[Key, dict[str, Any]]:
    rows = lake.cte(aperture=aperture, estimator="both_in_bin").rows()
    return {(r["image_1"], r["image_2"], aperture, r["bin_lo"], r["bin_hi"]): r for r in rows}


def test_the_pairs_are_those_of_2017(golden: Path, golden_lake: Lake) -> None:
    expected = {(r["imagename_chip1"], r["imagename_chip2"]) for r in rows_of(golden / "slopes_expected.csv")}
    assert {(r["image_1"], r["image_2"]) for r in golden_lake.pairs().rows()} == expected


@pytest.mark.parametrize("aperture", [3, 5])
def test_every_count_is_exact_and_every_slope_to_1e_9(golden: Path, golden_lake: Lake, aperture: int) -> None:
    found = measured(golden_lake, aperture)
    expected = [r for r in rows_of(golden / "slopes_expected.csv") if int(r["aperture"]) == aperture]
    assert len(found) == len(expected) == 64
    for row in expected:
        key = (
            row["imagename_chip1"],
            row["imagename_chip2"],
            aperture,
            float(row["flux_lo"]),
            float(row["flux_hi"]),
        )
        ours = found[key]
        assert ours["n_in_bin"] == int(row["n_in_bin"]), key
        n = int(row["num_points"])
        if int(row["n_in_bin"]) <= 1:
            # 2017 stored 0 for an empty bin, and counted the one star of a bin as none; a slope it is not.
            assert n == 0
            assert ours["n"] == ours["n_in_bin"]
            assert (ours["slope"], ours["slope_err"], ours["cte_loss"]) == (None, None, None)
            continue
        assert ours["n"] == n, key
        assert ours["slope"] == pytest.approx(float(row["slope"]), rel=1e-9), key
        assert ours["slope_err"] == pytest.approx(float(row["stderr"]), rel=1e-9, abs=1e-300), key
        assert ours["slope_err"] * math.sqrt(n) == pytest.approx(float(row["slope_stddev"]), rel=1e-9), key
        assert ours["intercept"] == pytest.approx(float(row["intercept"]), rel=1e-9), key
        assert ours["cte_loss"] == pytest.approx(float(row["cte"]), rel=1e-9), key


def test_the_sparse_pair_has_bins_of_0_1_2_and_3_stars(golden_lake: Lake) -> None:
    counts = {row["n_in_bin"] for row in measured(golden_lake, 3).values()}
    assert {0, 1, 2, 3} <= counts


def test_matched_stars_count_as_in_2017(golden: Path, golden_lake: Lake) -> None:
    query = "SELECT image_1, count(*) AS n FROM pairs JOIN matched_stars USING (pair_id) GROUP BY ALL"
    found = {row["image_1"]: row["n"] for row in golden_lake.sql(query).rows()}
    for row in rows_of(golden / "slopes_expected.csv"):
        assert found[row["imagename_chip1"]] == int(row["n_matched"])


def test_the_time_plot_has_the_points_of_2017(golden: Path, golden_lake: Lake) -> None:
    found = {
        (row["aperture"], row["target"], row["bin_lo"], row["bin_hi"], row["mjd"]): row["cte_loss"]
        for aperture in (3, 5)
        for row in golden_lake.cte_vs_time(aperture=aperture, estimator="both_in_bin").rows()
    }
    expected = rows_of(golden / "timeplot_expected.csv")
    assert expected
    for row in expected:
        low, high = map(float, row["fluxbin"].split("-"))
        loss = found[int(row["aperture"]), row["targname"], low, high, float(row["mjd"])]
        assert loss == pytest.approx(float(row["cte"]), rel=1e-9)


def test_epochs_of_the_golden_exposures(golden: Path, golden_lake: Lake) -> None:
    cases = {row["case"]: row for row in rows_of(golden / "epochs_expected.csv")}
    for target in ("ngc104", "ngc6791"):
        expected = [float(text) for text in cases[f"db_{target}"]["epochs_out"].split()]
        found = golden_lake.sql(
            "SELECT epoch, mjd, n_pairs FROM epochs WHERE target = $t ORDER BY epoch", t=target
        )
        assert found.arrow()["mjd"].to_pylist() == expected
        assert found.arrow()["epoch"].to_pylist() == list(range(1, len(expected) + 1))
    assert golden_lake.epochs(target="ngc6791").arrow()["n_pairs"].to_pylist() == [2]


#: Three dates or more: 2017 joined two neighbours at most. Ours takes all visits within 30 d of an epoch's
#: first, which is the same but for three dates within 30 d: one epoch here, two there.
DIFFERENT = {"three_within_30": [55110.0]}


@pytest.mark.slow
def test_epochs_of_given_dates(golden: Path, tmp_path: Path) -> None:
    for row in rows_of(golden / "epochs_expected.csv"):
        if row["case"].startswith("db_"):
            continue
        root = tmp_path / row["case"]
        create_lake(stored(root))
        for number, date in enumerate(row["dates_in"].split()):
            add_exposure(root, f"ic78{number:02d}aaq", mjd=float(date))
        with open_lake(root, threads=1) as lake:
            found = lake.sql("SELECT mjd FROM epochs ORDER BY epoch").arrow()["mjd"].to_pylist()
        expected = [float(text) for text in row["epochs_out"].split()]
        assert found == DIFFERENT.get(row["case"], expected), row["case"]
