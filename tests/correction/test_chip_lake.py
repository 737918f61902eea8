"""Each chip's losses from a lake: what is chosen, solved, kept and printed."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace

import numpy as np
import pytest
from typer.testing import CliRunner

from cte_lake import clock, open_lake
from cte_lake.cli.main import app
from cte_lake.correction.chip_lake import ChipRequest, keep_chips, solve_chips
from cte_lake.errors import NothingToDo, UsageError
from cte_lake.lake.maintenance.verify import verify
from cte_lake.lake.selection import Selection
from cte_lake.lake.stored import stored
from cte_lake.model.chips.conditions import NO_LOSS_OF_EACH, ROLLED
from cte_lake.pipeline.dask import WorkerSettings
from tests.correction.chip_lakes import chip_lake, law_of

NOMINAL = ChipRequest(Selection(target=("ngc104",), filetype=("flt",)))


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return chip_lake(tmp_path_factory.mktemp("chips") / "lake")


@pytest.fixture
def lake(root, tmp_path):
    copy = tmp_path / "lake"
    shutil.copytree(root, copy)
    return copy


@pytest.fixture(scope="module")
def losses(root):
    with open_lake(root, threads=1) as opened:
        return solve_chips(opened, NOMINAL)


def pulls(losses):
    """Losses against the injected ones, in their errors."""
    found, bins = [], list(losses.exposures.bins)
    for row in losses.rows():
        if row["loss"] is not None:
            # The simulated pixels hold the dark current too, 0.8 e-.
            before = np.exp(losses.solution.terms.pivot[bins.index((row["bin_lo"], row["bin_hi"]))])
            true = law_of(row["chip"]).loss(row["mjd"], before, row["background"] + 0.8)
            found.append((row["loss"] - true) / row["loss_err"])
    return np.array(found)


def test_solved_losses_show_as_a_line(losses):
    words = re.fullmatch(r"<LakeChips: ngc104 .*, (\d+) exposures; table\(\) has the losses>", repr(losses))
    assert words
    assert int(words[1]) == len(losses.exposures.names)


def test_losses_are_those_that_were_injected(losses):
    found = pulls(losses)
    assert found.size == 90
    assert abs(found.mean()) < 0.6
    assert np.sqrt(np.mean(found**2)) < 1.4
    assert losses.solution.fixed_by == (NO_LOSS_OF_EACH,)


def test_an_exposure_without_a_partner_counts(root, losses):
    with open_lake(root) as opened:
        alone = opened.unpaired(target="ngc104").rows()
    assert len(alone) == 1
    fourth = [row for row in losses.rows() if row["epoch"] == 4]
    assert {row["chip"] for row in fourth} == {2}
    assert all(row["loss"] is not None for row in fourth)


def test_the_mean_of_both_chips_is_what_pairs_measure(root, losses):
    with open_lake(root) as opened:
        pairs = opened.cte(target="ngc104", estimator="log_ratio").rows()
    checked = 0
    for row in losses.of_both_chips():
        near = sorted(
            (p["mean_log_flux"], p["cte_loss"], p["cte_loss_err"])
            for p in pairs
            if abs(p["mjd"] - row["mjd"]) < 5 and p["flash"] == row["flash"] and p["cte_loss_err"]
            if (p["bin_lo"], p["bin_hi"]) not in {(500.0, 2000.0), (2000.0, 8000.0)}
        )
        flux, loss, error = np.array(near).T
        if flux[0] <= row["mean_log_flux"] <= flux[-1]:
            expected = np.interp(row["mean_log_flux"], flux, loss)
            assert abs(row["loss"] - expected) < 4.5 * np.hypot(row["loss_err"], np.max(error))
            checked += 1
    assert checked > 20


@pytest.mark.slow
def test_a_rolled_set_needs_no_condition_and_gives_one(root):
    with open_lake(root) as opened:
        alone = solve_chips(opened, ChipRequest(Selection(target=("ngc6583",))))
        nominal = solve_chips(opened, ChipRequest(Selection(target=("ngc104",)), rolled="NGC 6583"))
        turned = {
            (row["chip"], row["bin_lo"]): row
            for row in opened.cte(target="ngc6583", estimator="log_ratio").rows()
        }
    assert alone.solution.fixed_by == ()
    assert "determine each chip alone" in alone.sentences()[0]
    assert np.sqrt(np.mean(pulls(alone) ** 2)) < 1.6
    assert nominal.solution.fixed_by == (ROLLED,)
    assert np.sqrt(np.mean(pulls(nominal) ** 2)) < 1.4
    # The pairs of the set measure the same, by other stars at the edges of the bins.
    for row in alone.rows():
        pair = turned[(row["chip"], row["bin_lo"])]
        assert abs(row["loss"] - pair["cte_loss"]) < 5 * np.hypot(row["loss_err"], pair["cte_loss_err"])


@pytest.mark.slow
def test_a_set_that_is_not_rolled_fixes_nothing(root):
    with (
        open_lake(root) as opened,
        pytest.raises(UsageError, match="ngc104 do not determine each chip alone"),
    ):
        solve_chips(opened, ChipRequest(Selection(target=("ngc104",), filetype=("flt",)), rolled="ngc104"))


@pytest.mark.slow
def test_a_rolled_set_of_other_flash_levels_is_refused(root):
    asked = ChipRequest(Selection(target=("ngc104",), filetype=("flt",), flash=(12,)), rolled="NGC 6583")
    with open_lake(root) as opened, pytest.raises(UsageError, match="has no flux bin at a post-flash level"):
        solve_chips(opened, asked)


@pytest.mark.slow
def test_losses_are_kept_for_the_view_once(lake, losses):
    with open_lake(lake) as opened:
        assert opened.chips().rows() == []
        solved = opened.solve_chips(target="47 Tuc", filetype="flt")
        assert solved.table().schema.field("loss").metadata is not None
        assert solved.loss == pytest.approx(losses.loss, abs=1e-12)
        assert keep_chips(opened, solved)
        assert not keep_chips(opened, solved)
        rows = opened.chips(target="ngc104").rows()
        assert len(rows) == len(solved.rows())
        told = opened.sql(
            "SELECT loss, loss_err FROM chips WHERE chip = 2 AND epoch = 3 AND bin_lo = 500"
        ).rows()
    wanted = [r for r in solved.rows() if (r["chip"], r["epoch"], r["bin_lo"]) == (2, 3, 500.0)]
    assert sorted(r["loss"] for r in told) == pytest.approx(sorted(r["loss"] for r in wanted))
    assert verify(stored(lake)).passed


def test_the_losses_kept_last_are_shown_whatever_the_clock_says(lake, losses, monkeypatch):
    with open_lake(lake) as opened:
        for day, name in (("02", "c"), ("01", "b"), ("01", "a")):
            monkeypatch.setenv(clock.NOW_ENV, f"2026-11-{day}T10:00:00")
            assert keep_chips(opened, replace(losses, solution_hash=name))
            assert {row["solution"] for row in opened.chips().rows()} == {name}


def test_the_figure_is_of_the_kept_losses(lake, losses):
    with open_lake(lake) as opened:
        with pytest.raises(NothingToDo, match="`cte-lake chips` solves for them"):
            opened.plot.chips(target="ngc104")
        keep_chips(opened, losses)
        drawing = opened.plot.chips(target="ngc104", bins=((500.0, 1000.0), (1000.0, 2000.0)))
        with pytest.raises(UsageError, match="all proposals and visits together"):
            opened.plot.chips(target="ngc104", proposal=12692)
    titles = [one.get_title(loc="left") for one in drawing.axes if one.get_visible()]
    assert sum("e⁻" in title for title in titles) == 2
    assert "no loss at launch" in drawing.get_label()


@pytest.mark.slow
def test_a_lake_of_before_has_an_empty_view_until_losses_are_kept(lake, losses):
    shutil.rmtree(lake / "chips")
    with open_lake(lake) as opened:
        assert opened.sql("FROM chips").rows() == []
        opened.sql("SHOW TABLES")
        keep_chips(opened, losses)
    with open_lake(lake) as opened:
        assert len(opened.chips().rows()) == len(losses.rows())


@pytest.mark.slow
def test_a_fit_takes_the_chips_difference_from_their_own_losses(root):
    with open_lake(root) as opened:
        fitted = opened.fit(target="ngc104", filetype="flt", flash=0, chips=True)
    assert fitted.selection["chips"] == "from each chip's own losses"
    assert fitted.quality["chips_pairs"] > 20
    # Chip 1 was given 0.9, chip 2 1.1 of the law.
    assert fitted.quality["chips"] == pytest.approx(-0.1, abs=4 * fitted.quality["chips_err"])
    assert fitted.quality["chips_err"] < 0.03


def test_exposures_of_several_kinds_are_refused(root):
    with open_lake(root) as opened:
        with pytest.raises(UsageError, match="of target ngc104, ngc6583; choose one with --target"):
            solve_chips(opened, ChipRequest())
        with pytest.raises(NothingToDo, match="nothing to solve"):
            solve_chips(opened, ChipRequest(Selection(target=("ngc104",), flash=(33,))))


def test_exposures_measured_otherwise_are_left_out_and_said(lake):
    from tests.sql.writing import add_exposure

    stars = {
        "master_id": np.arange(1, 400),
        "flux_r03": np.full(399, 900.0),
        "flux_err_r03": np.full(399, 40.0),
    }
    add_exposure(lake, "ic7899aaq", stars, proposal=14378, settings_hash="f" * 16)
    with open_lake(lake) as opened:
        said = solve_chips(opened, NOMINAL).sentences()
    assert said[-1].startswith("1 exposure left out, measured otherwise")


def test_flags_and_missing_fluxes_are_counted(lake):
    from cte_lake.starflags import SATURATED
    from tests.sql.writing import add_exposure

    count = 40
    stars = {
        "master_id": np.arange(1, count + 1), "y": np.full(count, 100.0), "x": np.full(count, 100.0),
        "flux_r03": np.where(np.arange(count) < 10, np.nan, -3.0), "flux_err_r03": np.full(count, 20.0),
        "flags": np.where(np.arange(count) >= 30, SATURATED.value, 0).astype(np.int32),
    }  # fmt: skip
    add_exposure(lake, "ic7899aaq", stars, proposal=14378)
    with open_lake(lake) as opened:
        rows = opened.chip_stars(imagename="ic7899aaq_flt.fits").rows()
    assert len(rows) == count
    # A flux below zero counts: noise must not choose.
    assert sum(row["usable"] for row in rows) == 20
    assert all(row["noise"] >= 400.0 - 1e-6 for row in rows if row["usable"])


@pytest.mark.slow
def test_any_number_of_workers_gives_the_same_numbers(root, losses, monkeypatch):
    monkeypatch.setattr("cte_lake.correction.chip_stars._GROUP", 2000)
    with open_lake(root, threads=1) as opened:
        here = solve_chips(opened, NOMINAL)
        there = [
            solve_chips(opened, replace(NOMINAL, workers=WorkerSettings(count, None, "2GB", 1)))
            for count in (1, 2)
        ]
    for other in there:
        assert other.loss == pytest.approx(here.loss, abs=1e-12)
        assert other.covariance == pytest.approx(here.covariance, rel=1e-9, abs=1e-16)
    assert np.array_equal(there[0].loss, there[1].loss)


def test_the_command_prints_a_table_and_what_is_open(lake, tmp_path):
    where = ["--lake", str(lake), "--target", "47 Tuc", "--filetype", "flt"]
    result = CliRunner().invoke(app, ["chips", *where, "--covariance", str(tmp_path / "c.npy")])
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[0].split()[:3] == ["chip", "epoch", "MJD"]
    assert max(map(len, lines)) <= 80
    assert "every star keeps its row" in result.stderr
    told = json.loads(CliRunner().invoke(app, ["chips", *where, "--json", "--no-keep"]).stdout)
    matrix = np.load(tmp_path / "c.npy")
    assert [row["loss_err"] for row in told] == pytest.approx(np.sqrt(np.diag(matrix)).tolist())
    with open_lake(lake) as opened:
        assert len(opened.chips().rows()) == len(told)


def test_the_command_refuses_what_it_does_not_know(root):
    options = ["chips", "--lake", str(root), "--target", "ngc104"]
    wrong = CliRunner().invoke(app, [*options, "--zero", "none"])
    assert isinstance(wrong.exception, UsageError)
    nothing = CliRunner().invoke(app, [*options, "--flash", "55"])
    assert isinstance(nothing.exception, NothingToDo)


def test_each_query_is_of_one_folder_and_of_few_exposures():
    from cte_lake.correction.chip_stars import _batches

    rows = [
        {"target": "ngc104", "filetype": "flt", "proposal": 14000 + (k > 250), "flash": 12 * (k % 5 == 0)}
        for k in range(270)
    ]
    batches = list(_batches(rows))
    assert sorted(k for _, members in batches for k in members) == list(range(270))
    for folder, members in batches:
        assert len(members) <= 100
        assert all(rows[k][key] == value for k in members for key, value in folder.items())
    # A small proposal is one query for all its levels of post-flash, a large one a query a level.
    assert [("flash" in folder) for folder, _ in batches] == [True, True, True, False]
