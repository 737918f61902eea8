from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from astropy.io import fits
from typer.testing import CliRunner

from cte_lake import open_lake
from cte_lake.cli.main import app
from cte_lake.config import load_settings
from cte_lake.errors import ExitCode, NothingToDo, Rejected
from cte_lake.frames.fitsfile import read_chip
from cte_lake.lake.create import create_lake
from cte_lake.lake.read import current_master, read_master, reject_rows
from cte_lake.lake.selection import Selection
from cte_lake.lake.stored import stored
from cte_lake.pipeline.align.align_exposures import align, make_plan, summary_line
from cte_lake.pipeline.align.alignment_rows import (
    alignment_for,
    alignment_states,
    current_rows,
)
from cte_lake.pipeline.align.crosscheck import cross_check
from cte_lake.pipeline.align.export import draw_diagnostics, read_matches, write_aligned
from cte_lake.pipeline.align.fit import fit_wcs
from cte_lake.pipeline.align.gate import check
from cte_lake.pipeline.align.quality import Quality
from cte_lake.pipeline.carry_out import StageArguments
from cte_lake.pipeline.dask import WorkerSettings
from cte_lake.pipeline.ingest import IngestArguments, ingest
from cte_lake.pipeline.master_import import import_master
from cte_lake.pipeline.private import silenced
from cte_lake.simulate import (
    TARGETS,
    Settings,
    WCSError,
    nominal_program,
    simulate_program,
    with_anomalies,
    with_wcs_errors,
)
from tests.pipeline.headerlets import headerlet_path

WIDTH = 512
ERRORS = {
    "ic7801aaq": WCSError(2.1, -1.9, 0.05),
    "ic7801abq": WCSError(-0.15, 0.12, -0.03),
}


@pytest.fixture(scope="module")
def visit(tmp_path_factory):
    """A pair with WCS errors, and of a second visit an empty frame and one of another field."""
    folder = tmp_path_factory.mktemp("visit")
    program = nominal_program(TARGETS["ngc104"], (57601.3, 57641.3))
    program = with_anomalies(
        with_wcs_errors(program, ERRORS), {"ic7802aaq": "empty", "ic7802abq": "wrong_field"}
    )
    simulated = simulate_program(program, folder, Settings(width=WIDTH, seed=21), star_truth=True)
    return folder, simulated


@pytest.fixture(scope="module")
def aligned(visit, tmp_path_factory):
    folder, simulated = visit
    lake = tmp_path_factory.mktemp("lakes") / "lake"
    create_lake(stored(lake))
    import_master(stored(lake), simulated.master, "ngc104", load_settings(lake, environment={}).config)
    arguments = StageArguments(
        stored(lake), (str(folder / "data"),), load_settings(lake, environment={}), workers=WorkerSettings(0)
    )
    before = {path: path.read_bytes() for path in (folder / "data").iterdir()}
    report = align(arguments)
    assert {path: path.read_bytes() for path in (folder / "data").iterdir()} == before
    return arguments, report


def _miss(arguments, folder: Path, rootname: str, filetype: str, cards) -> float:
    """Median distance, px, of the stars from where a WCS puts them; the larger of both chips."""
    table = read_master(current_master(arguments.lake, "ngc104"))
    columns = [table.column(name).to_pylist() for name in ("master_id", "ra", "dec")]
    place = {star: (ra, dec) for star, ra, dec in zip(*columns, strict=True)}
    truth = pq.read_table(folder / f"stars/{rootname}.parquet").to_pylist()
    misses = []
    for chip in (2, 1):
        wcs = read_chip(
            folder / f"data/{rootname}_{filetype}.fits", chip, None if cards is None else cards[chip]
        ).wcs
        here = [star for star in truth if star["chip"] == chip and star["master_id"] in place]
        x, y = wcs.all_world2pix(np.array([place[star["master_id"]] for star in here]), 0).T
        dx, dy = x - [star["x"] for star in here], y - [star["y"] for star in here]
        misses.append(float(np.hypot(np.median(dx), np.median(dy))))
    return max(misses)


@pytest.mark.parametrize("filetype", ["flc", "flt"])
@pytest.mark.parametrize("rootname", list(ERRORS))
def test_aligned_wcs_puts_the_stars_where_they_are(visit, aligned, rootname, filetype):
    folder, _ = visit
    arguments, _ = aligned
    assert _miss(arguments, folder, rootname, filetype, None) > 0.1
    solution = alignment_for(arguments.lake, rootname)
    assert _miss(arguments, folder, rootname, filetype, solution.cards) < 0.03


def test_numbers_of_the_fit_are_on_record(aligned):
    arguments, report = aligned
    rows = {row["rootname"]: row for row in current_rows(arguments.lake)}
    assert set(rows) == {"ic7801aaq", "ic7801abq", "ic7802aaq", "ic7802abq"}
    row = rows["ic7801aaq"]
    assert row["status"] == "aligned"
    assert row["filetype"] == "flc"
    assert row["rotation"] == pytest.approx(-0.05, abs=0.002)
    assert row["shift_x"] == pytest.approx(-2.1, abs=0.1)
    assert row["shift_y"] == pytest.approx(1.9, abs=0.1)
    assert row["scale"] == pytest.approx(1, abs=1e-4)
    assert 0.03 < row["rms_x"] < 0.15
    assert row["n_matched"] > 200
    assert row["headerlet"] == headerlet_path(arguments.lake, "ic7801aaq").name
    assert report.aligned == 2


def test_empty_frame_and_wrong_field_are_quarantined_with_a_reason(aligned):
    arguments, report = aligned
    assert {told["rootname"] for told in report.quarantined} == {"ic7802aaq", "ic7802abq"}
    assert report.exit_code == ExitCode.DONE_IN_PART
    assert alignment_for(arguments.lake, "ic7802abq").status == "quarantined"
    rejects = {row["imagename"]: row for row in reject_rows(arguments.lake).to_pylist()}
    assert rejects["ic7802abq_flc.fits"]["stage"] == "align"
    assert rejects["ic7802abq_flc.fits"]["reason"] == "unmatched"
    assert "2 quarantined" in summary_line(report)


def test_ingest_says_not_aligned_and_leaves_the_reason_of_the_gate_on_record(aligned, tmp_path):
    arguments, _ = aligned
    lake = tmp_path / "lake"
    shutil.copytree(str(arguments.lake), lake)
    second = Selection(visit=("02",))
    report = ingest(
        IngestArguments(stored(lake), arguments.paths, arguments.settings, second, workers=WorkerSettings(0))
    )
    assert report.measured == 0
    assert {told["reason"] for told in report.rejected} == {"not_aligned"}
    with open_lake(lake) as opened:
        rows = opened.sql("SELECT imagename, stage, reason, detail FROM rejects ORDER BY ALL").rows()
    reasons = {(row["imagename"], row["stage"]): row for row in rows}
    assert set(reasons) == {
        ("ic7802aaq_flc.fits", "align"), ("ic7802aaq_flc.fits", "match"), ("ic7802aaq_flt.fits", "match"),
        ("ic7802abq_flc.fits", "align"), ("ic7802abq_flc.fits", "match"), ("ic7802abq_flt.fits", "match"),
    }  # fmt: skip
    why = reasons["ic7802abq_flc.fits", "align"]
    assert why["reason"] == "unmatched"
    for filetype in ("flc", "flt"):
        refusal = reasons[f"ic7802abq_{filetype}.fits", "match"]
        assert refusal["reason"] == "not_aligned"
        assert f"unmatched: {why['detail']}" in refusal["detail"]
    done = CliRunner().invoke(app, ["status", "--lake", str(lake), "--json"])
    state = json.loads(done.stdout)["state"]
    assert (state["rejected"], state["quarantined"]) == (4, 2)


def test_second_run_has_nothing_to_do_and_opens_no_file(aligned, monkeypatch):
    arguments, _ = aligned

    def forbidden(*_: object) -> None:
        raise AssertionError("a header was read again")

    monkeypatch.setattr("cte_lake.pipeline.survey.read_exposure", forbidden)
    plan = make_plan(arguments)
    assert plan.todo == []
    assert len(plan.up_to_date) == 4
    assert align(arguments, plan).aligned == 0


@pytest.mark.slow
def test_changed_setting_or_overwrite_aligns_again_and_ends_in_the_same_solution(aligned):
    arguments, _ = aligned
    before = alignment_states(arguments.lake)["ic7801abq"]
    selection = Selection(visit=("01",))
    changed = load_settings(arguments.lake, {"align.max_sources": 1400}, environment={})
    assert len(make_plan(replace(arguments, settings=changed)).todo) == 4
    report = align(replace(arguments, overwrite=True, selection=selection))
    assert report.aligned == 2
    assert alignment_states(arguments.lake)["ic7801abq"] == before


def test_selection_that_names_nothing_is_said(aligned):
    arguments, _ = aligned
    with pytest.raises(NothingToDo, match="--visit 77"):
        align(replace(arguments, selection=Selection(visit=("77",))))


def test_copies_with_the_wcs_applied_are_frames_that_agree(visit, aligned, tmp_path):
    arguments, _ = aligned
    written = write_aligned(replace(arguments, selection=Selection(visit=("01",))), tmp_path / "out")
    names = {f"{root}_{kind}.fits" for root in ERRORS for kind in ("flt", "flc")}
    assert {path.name for path in written} == names
    assert {path.name for path in (tmp_path / "out").iterdir()} == names
    solution = alignment_for(arguments.lake, "ic7801aaq")
    header = fits.getheader(tmp_path / "out/ic7801aaq_flt.fits", ("SCI", 2))
    for name, value in solution.cards[1].items():
        if isinstance(value, float):
            assert header[name] == pytest.approx(value, rel=1e-12), name
    assert header["WCSNAME"] == f"CTELAKE-{solution.hash[:8]}"
    original = fits.getdata(visit[0] / "data/ic7801aaq_flt.fits", ("SCI", 2))
    np.testing.assert_array_equal(fits.getdata(tmp_path / "out/ic7801aaq_flt.fits", ("SCI", 2)), original)


def test_headerlet_is_one_that_stwcs_applies(visit, aligned, tmp_path):
    from stwcs.wcsutil.headerlet import Headerlet

    arguments, _ = aligned
    copy = tmp_path / "ic7801aaq_flt.fits"
    shutil.copy(visit[0] / "data" / copy.name, copy)
    kept = str(headerlet_path(arguments.lake, "ic7801aaq"))
    with (
        silenced("stwcs"),
        fits.open(copy, mode="update") as hdus,
        Headerlet.fromfile(kept) as headerlet,
    ):
        headerlet.apply_as_primary(hdus, attach=False, archive=False)
    cards = alignment_for(arguments.lake, "ic7801aaq").cards[2]
    header = fits.getheader(copy, ("SCI", 1))
    for name in ("CRVAL1", "CRVAL2", "CD1_1", "CD1_2", "CD2_1", "CD2_2", "A_2_0"):
        assert header[name] == pytest.approx(cards[name], rel=1e-12), name


@pytest.mark.slow
def test_diagnostics_show_the_matches(aligned, tmp_path):
    arguments, _ = aligned
    drawn = draw_diagnostics(replace(arguments, selection=Selection(visit=("01",))), tmp_path)
    assert [path.name for path in drawn] == [f"{root}_alignment.png" for root in sorted(ERRORS)]
    matches, votes = read_matches(alignment_states(arguments.lake)["ic7801aaq"])
    row = next(row for row in current_rows(arguments.lake) if row["rootname"] == "ic7801aaq")
    assert matches["used"].sum() == row["n_matched"]
    assert matches["dx"][matches["used"]].std() == pytest.approx(row["rms_x"], rel=0.05)
    assert votes.shape[0] == votes.shape[1] == 49


def test_file_without_catalog_and_broken_file_do_not_stop_the_others(visit, tmp_path):
    folder, simulated = visit
    data = tmp_path / "data"
    data.mkdir()
    shutil.copy(folder / "data/ic7801aaq_flc.fits", data)
    (data / "ic7801abq_flc.fits").write_bytes((folder / "data/ic7801abq_flc.fits").read_bytes()[:1_000_000])
    other = data / "ic7801baq_flc.fits"
    shutil.copy(folder / "data/ic7801abq_flc.fits", other)
    with fits.open(other, mode="update") as hdus:
        hdus[0].header["TARGNAME"] = "NGC6791"
        hdus[0].header["ROOTNAME"] = "ic7801baq"
    lake = tmp_path / "lake"
    create_lake(stored(lake))
    settings = load_settings(lake, environment={})
    import_master(stored(lake), simulated.master, "ngc104", settings.config)
    report = align(StageArguments(stored(lake), (str(data),), settings, workers=WorkerSettings(0)))
    assert report.aligned == 1
    assert {told["reason"] for told in report.rejected} == {"truncated", "no_master"}


@pytest.mark.slow
def test_charge_injected_frame_without_a_match_is_skipped_with_that_word(visit, tmp_path):
    folder, simulated = visit
    for name, rootname, root in (("empty", "ic7802aaq", "i12a01aaq"), ("stars", "ic7801aaq", "i12a01abq")):
        path = tmp_path / "data" / f"{root}_flc.fits"
        path.parent.mkdir(exist_ok=True)
        shutil.copy(folder / f"data/{rootname}_flc.fits", path)
        with fits.open(path, mode="update") as hdus:
            hdus[0].header["CHINJECT"] = "CONT"
            hdus[0].header["ROOTNAME"] = root
            hdus[0].header["HISTORY"] = name
    lake = tmp_path / "lake"
    create_lake(stored(lake))
    settings = load_settings(lake, environment={})
    import_master(stored(lake), simulated.master, "ngc104", settings.config)
    report = align(
        StageArguments(stored(lake), (str(tmp_path / "data"),), settings, workers=WorkerSettings(0))
    )
    assert (report.aligned, report.skipped, report.quarantined) == (1, 1, [])
    assert report.exit_code == ExitCode.DONE
    assert alignment_for(stored(lake), "i12a01aaq").status == "skipped"
    assert "skipped" in alignment_for(stored(lake), "i12a01aaq").detail


def test_command_tells_a_plan_and_does_nothing(visit, aligned):
    arguments, _ = aligned
    options = ["align", str(visit[0] / "data"), "--lake", str(arguments.lake), "--dry-run", "--json"]
    done = CliRunner().invoke(app, [*options, "--overwrite"])
    assert done.exit_code == 0
    assert [row["action"] for row in json.loads(done.stdout)] == ["align"] * 4


GOOD = Quality(
    n_sources=400,
    n_expected=200,
    n_matched=380,
    match_fraction=0.95,
    chance_fraction=0.01,
    rms_x=0.08,
    rms_y=0.08,
    shift_x=1.0,
    shift_y=-2.0,
    rotation=0.03,
    scale=1.00001,
    elongation=1.02,
    unevenness=0.03,
)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"n_expected": 0}, "outside_master"),
        ({"match_fraction": 0.2}, "unmatched"),
        ({"match_fraction": 0.35, "chance_fraction": 0.2}, "chance_matches"),
        ({"n_expected": 10, "match_fraction": 0.4, "chance_fraction": 0.05}, "chance_matches"),
        ({"n_matched": 12}, "few_matches"),
        ({"rms_y": 0.4}, "rms_too_large"),
        ({"shift_x": 81.0}, "shift_too_large"),
        ({"rotation": -0.6}, "rotation_too_large"),
        ({"scale": 0.99}, "scale_off"),
        ({"elongation": 1.9}, "smeared"),
        # As a drift of 4 px makes it, which all other numbers let pass.
        ({"elongation": 1.36, "rms_x": 0.2}, "smeared"),
        ({"unevenness": 0.5}, "uneven"),
    ],
)
def test_gate_refuses_with_the_reason(change, reason):
    gate = load_settings(None, environment={}).config.align.gate
    check(GOOD, gate)
    with pytest.raises(Rejected) as refusal:
        check(replace(GOOD, **change), gate)
    assert (refusal.value.reason, refusal.value.stage) == (reason, "align")


@pytest.mark.slow
def test_dense_field_with_forty_false_matches_is_refused(visit, aligned):
    """The case that TweakReg passes: stars everywhere, none of them the frame's."""
    from cte_lake.frames.opening import open_frame
    from cte_lake.pipeline.align.align_task import find_sources, search_settings
    from cte_lake.pipeline.align.fit import open_wcs
    from cte_lake.pipeline.align.quality import judge
    from cte_lake.pipeline.survey import survey

    arguments, _ = aligned
    config = arguments.settings.config.align
    exposure = survey(arguments.paths, arguments.settings, Selection(visit=("01",))).exposures[0]
    sources = find_sources(exposure, "l", config)
    rng = np.random.default_rng(8)
    with open_frame(Path(exposure.path)) as hdus:
        wcs = open_wcs(hdus, exposure.rootname)
        corners = np.vstack([wcs[chip].calc_footprint() for chip in wcs])
        low, high = corners.min(axis=0) - 0.003, corners.max(axis=0) + 0.003
        ra, dec = rng.uniform(low, high, (400_000, 2)).T
        search = search_settings(config)
        fitted, _ = fit_wcs(wcs, sources, ra, dec, search)
        quality, _ = judge(wcs, fitted, sources, ra, dec, search)
    assert quality.n_matched >= 40
    with pytest.raises(Rejected) as refusal:
        check(quality, config.gate)
    assert refusal.value.reason in {"unmatched", "chance_matches"}


@pytest.mark.slow
def test_tweakreg_comes_to_the_same_solution(visit, aligned):
    arguments, _ = aligned
    path = f"{visit[0]}/data/ic7801aaq_flc.fits"
    (row,) = cross_check(replace(arguments, paths=(path,)))
    assert row["problem"] == ""
    assert row["agrees"]
    assert row["difference_px"] < 0.05
    with pytest.raises(NothingToDo, match="aligned in the lake"):
        cross_check(replace(arguments, selection=Selection(visit=("02",))))
