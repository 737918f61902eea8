"""Two measurements against each other: hand-made numbers, two modes, two lakes, the command."""

from __future__ import annotations

import json
import math
import shutil

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from typer.testing import CliRunner

from cte_lake.cli import main as cli
from cte_lake.cli.app import app
from cte_lake.config import load_settings
from cte_lake.correction.compare_modes import Side, compare, parse_side
from cte_lake.errors import ExitCode, NothingToDo, UsageError
from cte_lake.lake.create import create_lake
from cte_lake.lake.selection import Selection
from cte_lake.lake.stored import stored
from cte_lake.pipeline.dask import WorkerSettings
from cte_lake.pipeline.ingest import IngestArguments, ingest
from cte_lake.pipeline.master_import import import_master
from cte_lake.resources import data_dir
from cte_lake.views.functions import bind_detector
from tests.lakes import content
from tests.sql.writing import add_pair

Y = np.linspace(100.0, 1900.0, 10)


def stars_of(slope: float, **more: np.ndarray) -> tuple[dict, dict]:
    """Stars on chip 1 and chip 2 with a mean flux of 1200 e- whose ratio is 1 + slope y."""
    ratio = 1.0 + slope * Y
    common = {"master_id": np.arange(Y.size), "y": Y} | more
    return common | {"flux_r03": 2400.0 * ratio / (1.0 + ratio)}, common | {
        "flux_r03": 2400.0 / (1.0 + ratio)
    }


@pytest.fixture(scope="module")
def by_hand(tmp_path_factory):
    """A lake with one pair in two modes: losses of 0.1024 and 0.2048."""
    root = tmp_path_factory.mktemp("by_hand") / "lake"
    create_lake(stored(root))
    one, two = stars_of(1e-4, x=np.zeros(Y.size), sky=np.full(Y.size, 5.0))
    add_pair(root, first=one, second=two)
    one, two = stars_of(2e-4, x=np.full(Y.size, 0.3), sky=np.full(Y.size, 7.0))
    add_pair(root, first=one, second=two, mode="iraf")
    return root


@pytest.fixture(scope="module")
def found(by_hand):
    return compare(Side(stored(by_hand), "standard"), Side(stored(by_hand), "iraf"), estimator="mean_flux")


def test_hand_made_modes_differ_by_what_was_put_in(found):
    slopes = found.slopes.to_pylist()
    assert [(row["bin_lo"], row["bin_hi"]) for row in slopes] == [(500, 2000), (1000, 2000)]
    for row in slopes:
        assert (row["n_1"], row["n_2"], row["estimator"]) == (10, 10, "mean_flux")
        assert row["cte_loss_1"] == pytest.approx(0.1024, rel=1e-9)
        assert row["cte_loss_2"] == pytest.approx(0.2048, rel=1e-9)
        assert row["difference"] == pytest.approx(0.1024, rel=1e-9)
    stars = found.stars.to_pylist()
    assert len(stars) == 2 * Y.size
    for row in stars:
        assert row["sky_difference"] == 2.0
        assert row["shift"] == pytest.approx(0.3)
        assert row["difference"] == pytest.approx(row["flux_2"] - row["flux_1"])
        assert row["dmag"] == pytest.approx(-2.5 * math.log10(row["flux_2"] / row["flux_1"]))


def test_a_bin_has_its_stars_and_its_slopes(found):
    rows = {(row["bin_lo"], row["bin_hi"]): row for row in found.bins.to_pylist()}
    assert len(rows) == 8
    filled, empty = rows[1000, 2000], rows[4000, 8000]
    assert (filled["n_stars"], filled["n_slopes"]) == (20, 1)
    assert filled["cte_loss_1"] == pytest.approx(0.1024)
    assert filled["difference"] == pytest.approx(0.1024)
    assert filled["dmag"] == pytest.approx(np.median([row["dmag"] for row in found.stars.to_pylist()]))
    assert (empty["n_stars"], empty["n_slopes"], empty["dmag"], empty["difference"]) == (0, 0, None, None)


@pytest.mark.slow
def test_the_other_way_round_is_the_opposite(by_hand, found):
    turned = compare(Side(stored(by_hand), "iraf"), Side(stored(by_hand), "standard"), estimator="mean_flux")
    differences = turned.slopes["difference"].to_pylist()
    assert found.slopes["difference"].to_pylist() == [-value for value in differences]


def query(name: str, **tables: pa.Table) -> list[dict]:
    """Run a query of sql/compare on literal tables."""
    with duckdb.connect() as connection:
        bind_detector(connection)
        for table, rows in tables.items():
            connection.register(table, rows)
        text = (data_dir("sql") / "compare" / f"{name}.sql").read_text(encoding="utf-8")
        return connection.sql(text).to_arrow_table().to_pylist()


def test_stars_only_of_both_and_no_magnitude_without_two_positive_fluxes():
    def side(ids, fluxes):
        n = len(ids)
        return pa.table(
            {"imagename": ["a"] * n, "master_id": ids, "x": [0.0] * n, "y": [0.0] * n, "flux": fluxes}
            | {"sky": [1.0] * n, "flags": pa.array([0] * n, pa.int32())}
        )

    rows = query(
        "stars", star_1=side([1, 2, 3], [100.0, 50.0, 9.0]), star_2=side([2, 1, 4], [-5.0, 110.0, 9.0])
    )
    assert [row["master_id"] for row in rows] == [1, 2]
    assert rows[0]["dmag"] == pytest.approx(-0.10348, abs=1e-5)
    assert (rows[1]["dmag"], rows[1]["difference"]) == (None, -55.0)


def test_bins_tell_medians_and_robust_scatter_of_unflagged_stars():
    dmag = [0.1, 0.2, 0.4, 9.0]
    n = len(dmag)
    star_pairs = pa.table(
        {"flux_1": [300.0] * n, "flux_2": [300.0] * n, "dmag": dmag}
        | {"flags_1": pa.array([0, 0, 1, 0], pa.int32()), "flags_2": pa.array([0, 0, 0, 4], pa.int32())}
    )
    numbers = {name: [0.1, 0.3] for name in ("cte_loss_1", "cte_loss_2", "difference")}
    errors = {name: [0.01, 0.03] for name in ("cte_loss_err_1", "cte_loss_err_2")}
    (row,) = query(
        "bins",
        star_pairs=star_pairs,
        slope_pairs=pa.table({"bin_lo": [250.0] * 2, "bin_hi": [500.0] * 2} | numbers | errors),
        flux_bins=pa.table({"bin_lo": [250.0], "bin_hi": [500.0]}),
        settings=pa.table({"drop_flags": pa.array([4], pa.int32())}),
    )
    assert (row["n_stars"], row["dmag"]) == (3, 0.2)
    assert row["dmag_scatter"] == pytest.approx(0.14826)
    assert row["n_slopes"] == 2
    assert row["difference"] == pytest.approx(0.2)
    assert row["cte_loss_err_2"] == pytest.approx(0.02)


@pytest.fixture(scope="module")
def measured(small_visit, tmp_path_factory):
    """A lake whose frames were measured in two modes, and a copy of it."""
    root = tmp_path_factory.mktemp("compare") / "first"
    create_lake(stored(root))
    import_master(
        stored(root), small_visit.master, small_visit.target, load_settings(root, environment={}).config
    )
    for mode in ("standard", "iraf"):
        report = ingest(
            IngestArguments(
                lake=stored(root),
                paths=tuple(map(str, small_visit.frames)),
                settings=load_settings(root, {"photometry.mode": mode}, environment={}),
                workers=WorkerSettings(count=0),
            )
        )
        assert report.measured == 4
    copy = root.with_name("second")
    shutil.copytree(root, copy)
    return root, copy


@pytest.mark.slow
def test_two_modes_of_one_lake(measured):
    root, _ = measured
    found = compare(Side(stored(root), "standard"), Side(stored(root), "iraf"))
    assert found.stars.num_rows == sum(row["n_stars"] for row, _ in content(root).values())
    assert len(found.slopes) > 4
    rows = {(row["bin_lo"], row["bin_hi"]): row for row in found.bins.to_pylist()}
    assert abs(rows[8000, 32000]["dmag"]) < 0.02
    flt = compare(Side(stored(root), "standard"), Side(stored(root), "iraf"), Selection(filetype=("flt",)))
    assert {name[-8:] for name in flt.stars["imagename"].to_pylist()} == {"flt.fits"}
    assert 0 < flt.stars.num_rows < found.stars.num_rows


@pytest.mark.slow
def test_two_lakes_with_the_same_photometry_do_not_differ(measured):
    found = compare(*(parse_side(str(root), None) for root in measured), aperture=5, estimator="both_in_bin")
    assert found.slopes.num_rows > 4
    assert set(found.slopes["estimator"].to_pylist()) == {"both_in_bin"}
    assert set(found.slopes["difference"].to_pylist()) == {0.0}
    assert set(found.stars["shift"].to_pylist()) == {0.0}


def test_sides_are_modes_lakes_or_both(by_hand, tmp_path):
    root, copy = by_hand, shutil.copytree(by_hand, tmp_path / "second")
    assert parse_side("iraf", root) == Side(stored(root), "iraf")
    assert parse_side(str(copy), root) == Side(stored(copy), "standard")
    assert parse_side(f"{copy}:iraf", None) == Side(stored(copy), "iraf")
    for wrong in ("daophot", f"{copy}:daophot", str(copy / "phot")):
        with pytest.raises(UsageError, match="neither a lake nor a photometry mode"):
            parse_side(wrong, root)


def test_nothing_in_common_is_said(by_hand, tmp_path):
    create_lake(stored(tmp_path / "empty"))
    with pytest.raises(NothingToDo, match="no exposure is measured both in lake:standard and in empty:iraf"):
        compare(Side(stored(by_hand), "standard"), Side(stored(tmp_path / "empty"), "iraf"))


@pytest.mark.slow
@pytest.mark.parametrize(("per", "key"), [("bin", "n_stars"), ("slope", "pair_id"), ("star", "master_id")])
def test_the_command_prints_what_was_found(measured, per, key):
    root, _ = measured
    done = CliRunner().invoke(
        app, ["compare", "standard", "iraf", "--lake", str(root), "--per", per, "--format", "json"]
    )
    assert done.exit_code == 0, done.output
    rows = json.loads(done.stdout)
    found = compare(Side(stored(root), "standard"), Side(stored(root), "iraf"))
    expected = {"bin": found.bins, "slope": found.slopes, "star": found.stars}[per]
    assert [row[key] for row in rows] == expected[key].to_pylist()


@pytest.mark.slow
def test_the_command_draws_the_slopes(measured, tmp_path):
    root, copy = measured
    plot = tmp_path / "slopes.png"
    done = CliRunner().invoke(app, ["compare", str(root), f"{copy}:iraf", "--plot", str(plot)])
    assert done.exit_code == 0, done.output
    assert plot.read_bytes().startswith(b"\x89PNG")
    assert f"drawn: {plot}" in done.stderr


@pytest.mark.parametrize(
    ("sides", "code", "words"),
    [
        (("standard", "daophot"), ExitCode.WRONG_USE, "neither a lake nor a photometry mode"),
        (("standard", "photutils2017"), ExitCode.NOTHING_TO_DO, "no exposure is measured both"),
    ],
)
def test_the_command_fails_in_one_line(by_hand, monkeypatch, capsys, sides, code, words):
    monkeypatch.setattr("sys.argv", ["cte-lake", "compare", *sides, "--lake", str(by_hand)])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    told = capsys.readouterr()
    assert ended.value.code == code
    assert told.out == ""
    assert words in told.err
    assert told.err.count("\n") == 1
