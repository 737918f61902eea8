"""Losses of two calibration generations and of charge injection: one at a time, and the rest is said."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from cte_lake import open_lake
from cte_lake.cli.main import app
from cte_lake.correction.cautions import left_out
from cte_lake.correction.fit_lake import fit_lake, slopes_of
from cte_lake.correction.followed import FitRequest
from cte_lake.errors import NothingToDo, UsageError
from cte_lake.lake.create import create_lake
from cte_lake.lake.selection import Selection
from cte_lake.lake.stored import stored
from cte_lake.model.generations import other_generation
from cte_lake.report.figures import Request, draw
from tests.sql.writing import add_pair

#: Header facts of the two generations, and the loss per 2048 rows that their pairs are given.
OLD = {"cal_ver": "3.7.1 (Oct-18-2023)", "cte_ver": "2.0", "pctetab": "iref$54l1347ei_cte.fits"}
NEW = {"cal_ver": "3.8.0 (Oct-01-2026)", "cte_ver": "3.0", "pctetab": "iref$54l1347ei_cte.fits"}
OLD_NAME, NEW_NAME = "cte2_54l1347ei", "cte3_54l1347ei_serial"
LOSS = {"old": 0.10, "new": 0.06, "flt": 0.30, "cont": 0.02}


def stars(loss: float, seed: int) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Stars of a pair on chip 1 and chip 2, each losing a constant share of its flux per row."""
    rng = np.random.default_rng(seed)
    n = 400
    flux, y = 10 ** rng.uniform(2.5, 4.4, n), rng.uniform(0, 2050, n)
    common = {"master_id": np.arange(n), "sky": np.ones(n), "area_r03": np.full(n, 28.27)}
    near, far = (flux * np.exp(-loss * rows / 2048) for rows in (2050 - y, y))
    noise = 1 + 0.003 * rng.standard_normal((2, n))
    return common | {"y": y, "flux_r03": near * noise[0]}, common | {"y": y, "flux_r03": far * noise[1]}


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five visits: all FLTs alike, three FLCs of the old generation, two of the new; one visit injected."""
    root = tmp_path_factory.mktemp("generations") / "lake"
    create_lake(stored(root))
    for number in range(5):
        common = {"visit": f"{number + 1:02d}", "mjd": 57000.0 + 200 * number}
        kind, facts = ("old", OLD) if number < 3 else ("new", NEW)
        for filetype, loss, more in (("flt", LOSS["flt"], {}), ("flc", LOSS[kind], {})):
            one, two = stars(loss, number)
            add_pair(root, first=one, second=two, filetype=filetype, **facts, **common, **more)
    one, two = stars(LOSS["cont"], 9)
    add_pair(root, first=one, second=two, visit="09", mjd=57100.0, chinject="CONT", **OLD)
    return root


@pytest.mark.slow
@pytest.mark.parametrize("view", ["cte_vs_time", "cte_vs_flux"])
def test_a_view_shows_the_newest_generation_and_any_other_by_name(mixed, view):
    with open_lake(mixed) as lake:
        of = {
            name: {row["generation"] for row in lake.view(view, filetype="flc", **named).rows()}
            for name, named in (("none", {}), ("old", {"generation": "cte2"}), ("all", {"generation": "all"}))
        }
        assert of == {"none": {NEW_NAME}, "old": {OLD_NAME}, "all": {OLD_NAME, NEW_NAME}}
        assert {row["generation"] for row in lake.sql(f"FROM {view} WHERE filetype = 'flc'").rows()} == {
            NEW_NAME
        }
        named = f"FROM {view}(generation := '{OLD_NAME}')"
        assert {row["generation"] for row in lake.sql(named).rows()} == {OLD_NAME, "flt"}
        with pytest.raises(
            UsageError, match="'cte9' is none of the lake's: cte2_54l1347ei, cte3_54l1347ei_serial"
        ):
            lake.view(view, generation="cte9")


def test_pairs_and_losses_say_what_they_are_of(mixed):
    with open_lake(mixed) as lake:
        newest = {(row["generation"], row["newest"]) for row in lake.pairs().rows()}
        assert newest == {("flt", True), (OLD_NAME, False), (NEW_NAME, True)}
        rows = lake.cte(filetype="flt", estimator="log_ratio").rows()
        assert {row["chinject"] for row in rows} == {"NONE", "CONT"}
        epochs = {(row["chinject"], row["epoch"], row["n_pairs"]) for row in lake.epochs().rows()}
        assert epochs == {("NONE", number, 2) for number in range(1, 6)} | {("CONT", 1, 1)}
        injected = [row["epoch"] for row in rows if row["chinject"] == "CONT"]
        assert set(injected) == {1}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("chosen", "generation", "n_pairs"),
    [((), NEW_NAME, 2), (("cte2",), OLD_NAME, 3), (("newest",), NEW_NAME, 2)],
)
def test_a_fit_takes_one_generation_and_its_set_says_which(mixed, chosen, generation, n_pairs):
    request = FitRequest(selection=Selection(filetype=("flc",), generation=chosen), time_degree=1)
    with open_lake(mixed) as lake:
        rows = slopes_of(lake, request)
        assert len(set(rows["pair_id"].to_pylist())) == n_pairs
        if n_pairs < 3:
            return
        found = fit_lake(lake, request, "hash").coefficients
    assert (found.selection["generation"], found.selection["chinject"]) == (generation, "NONE")
    assert generation in found.name
    assert other_generation(found, [generation]) == ""
    assert "are of cte3_54l1347ei_serial" in other_generation(found, [OLD_NAME, NEW_NAME])


@pytest.mark.slow
def test_a_fit_does_not_mix_generations_or_injections_even_if_told_to(mixed):
    with open_lake(mixed) as lake:
        with pytest.raises(
            UsageError, match=r"the slopes are of generation cte2.*choose one with --generation"
        ):
            slopes_of(lake, FitRequest(selection=Selection(filetype=("flc",), generation=("all",))))
        with pytest.raises(UsageError, match="the slopes are of chinject CONT, NONE"):
            slopes_of(lake, FitRequest(selection=Selection(filetype=("flt",), chinject=("all",))))
        injected = slopes_of(lake, FitRequest(selection=Selection(filetype=("flt",), chinject=("cont",))))
        assert set(injected["chinject"].to_pylist()) == {"CONT"}
        with pytest.raises(NothingToDo, match="no pair has chinject LINE10; there is chinject CONT, NONE"):
            slopes_of(lake, FitRequest(selection=Selection(chinject=("line10",))))


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["cte-time", "cte-flux"])
def test_a_figure_shows_one_generation_without_injection_and_says_what_it_left_out(mixed, kind):
    bins = ((500.0, 2000.0),)
    with open_lake(mixed) as lake:
        for chosen, loss in ((Selection(filetype=("flc",)), "new"), (Selection(filetype=("flt",)), "flt")):
            drawing = draw(kind, lake, Request(selection=chosen, bins=bins, estimator="log_ratio"))
            shown = drawing.tables["losses"].to_pylist()
            for row in shown:
                if (row["bin_lo"], row["bin_hi"]) == bins[0]:
                    assert row["cte_loss"] == pytest.approx(LOSS[loss], abs=0.011)
            assert {row["chinject"] for row in shown} == {"NONE"}
            assert any("left out: " in line for line in drawing.said)


def test_what_was_left_out_is_counted(mixed):
    with open_lake(mixed) as lake:
        selection = lake.select(Selection()).of_losses()
        assert left_out(lake, selection) == (
            f"left out: 3 pairs of {OLD_NAME}, 1 pair of flt with charge injection CONT; --generation and "
            "--chinject choose",
        )
        assert left_out(lake, Selection(generation=("all",), chinject=("all",))) == ()


def test_measure_prints_one_generation_and_tells_of_the_others(mixed):
    run = CliRunner().invoke(app, ["measure", "--lake", str(mixed), "--filetype", "flc", "--format", "json"])
    assert run.exit_code == 0
    assert f"left out: 3 pairs of {OLD_NAME}" in run.stderr
    assert OLD_NAME not in run.stdout
    assert NEW_NAME in run.stdout


@pytest.mark.slow
def test_compare_of_two_generations_gives_the_difference_per_bin_with_its_error(tmp_path):
    root = tmp_path / "lake"
    create_lake(stored(root))
    for number in range(4):
        common = {"visit": f"{number + 1:02d}", "mjd": 57000.0 + number, "filetype": "flc"}
        for revision, (kind, facts) in enumerate((("old", OLD), ("new", NEW)), start=1):
            one, two = stars(LOSS[kind], number)
            add_pair(root, first=one, second=two, revision=revision, **facts, **common)
    run = CliRunner().invoke(
        app, ["compare", "--generation", "cte2", "cte3", "--lake", str(root), "--format", "json"]
    )
    assert run.exit_code == 0, run.output
    rows = [row for row in json.loads(run.stdout) if row["n_slopes"] == 4]
    assert len(rows) > 4
    for row in rows:
        assert row["difference"] == pytest.approx(LOSS["new"] - LOSS["old"], abs=0.005)
        assert 0 < row["difference_err"] < 0.005
    wrong = CliRunner().invoke(app, ["compare", "--generation", "cte", "cte3", "--lake", str(root)])
    assert isinstance(wrong.exception, UsageError)
    # A lake opened as usual knows the newest calibration alone.
    with open_lake(root) as lake:
        assert {row["generation"] for row in lake.pairs().rows()} == {NEW_NAME}
