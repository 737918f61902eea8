from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from cte_lake import open_lake
from cte_lake.config import load_settings
from cte_lake.errors import ExitCode, Rejected, UsageError
from cte_lake.lake.create import create_lake
from cte_lake.lake.selection import Selection
from cte_lake.lake.stored import StoredLake, stored
from cte_lake.pipeline.carry_out import put_on_record
from cte_lake.pipeline.dask import WorkerSettings
from cte_lake.pipeline.master_import import import_master
from cte_lake.simulate import (
    TARGETS,
    Settings,
    WCSError,
    nominal_program,
    simulate_program,
    with_wcs_errors,
)
from cte_lake.workflow.run import (
    DEFAULT_STEPS,
    RunArguments,
    checked_plots,
    checked_radii,
    checked_steps,
    run,
    select_proposals,
)

WIDTH = 320
SIMULATION = Settings(width=WIDTH, seed=41)
PREPARE = ("align", "crmask", "ingest")
#: Times that a run is killed before it is let run to its end; raise it for a campaign.
KILLS = int(os.environ.get("RUN_KILLS", "1"))


def _program():
    return nominal_program(TARGETS["ngc104"], (57601.3,), repeats=1)


@pytest.fixture(scope="module")
def spoiled(tmp_path_factory):
    """A raw visit: every header wrong by up to 3 px, cosmic rays on every frame."""
    folder = tmp_path_factory.mktemp("raw")
    program = _program()
    errors = {
        p.rootname: WCSError(2.4 - 3 * k, 1.5 * k - 1.9, 0.04 - 0.06 * k)
        for k, p in enumerate(program.exposures)
    }
    return folder, simulate_program(with_wcs_errors(program, errors), folder, SIMULATION)


def _lake(path, simulated):
    create_lake(stored(path))
    settings = load_settings(path, environment={})
    import_master(stored(path), simulated.master, "ngc104", settings.config)
    return path, settings


def _arguments(path, simulated, data, steps=DEFAULT_STEPS):
    lake, settings = _lake(path, simulated)
    return RunArguments(stored(lake), data, settings, steps=steps, workers=WorkerSettings(0))


@pytest.fixture(scope="module")
def finished(spoiled, tmp_path_factory):
    folder, simulated = spoiled
    arguments = _arguments(tmp_path_factory.mktemp("lakes") / "lake", simulated, folder / "data")
    return arguments, run(arguments)


def _losses(lake):
    with open_lake(lake) as opened:
        return opened.sql(
            "SELECT filetype, bin_lo, bin_hi, cte_loss, cte_loss_err FROM cte WHERE estimator = 'mean_flux' "
            "AND cte_loss IS NOT NULL ORDER BY ALL"
        ).pandas()


@pytest.mark.slow
def test_losses_of_raw_frames_are_those_of_aligned_ones(finished, tmp_path):
    aligned = simulate_program(_program(), tmp_path / "aligned", SIMULATION)
    reference = _arguments(tmp_path / "lake", aligned, tmp_path / "aligned/data", ("ingest",))
    run(reference)
    raw, clean = _losses(finished[0].lake), _losses(reference.lake)
    assert len(raw) == len(clean) > 8
    apart = (raw.cte_loss - clean.cte_loss) / np.hypot(raw.cte_loss_err, clean.cte_loss_err)
    assert np.abs(apart).max() < 2
    flt = raw[raw.filetype == "flt"].set_index(["bin_lo", "bin_hi"])
    (pair,) = json.loads(aligned.truth.read_text())
    deviations = [
        (flt.cte_loss[key] - entry["loss"]) / flt.cte_loss_err[key]
        for entry in pair["cte_per_2048"]
        if (key := (entry["lo"], entry["hi"])) in flt.index
    ]
    assert len(deviations) >= 5
    assert np.abs(deviations).max() < 3.5


@pytest.mark.slow
def test_each_step_tells_a_line_and_what_it_did(finished):
    _, report = finished
    told = {step.step: step for step in report.steps}
    assert tuple(told) == DEFAULT_STEPS
    assert (told["align"].done, told["crmask"].done, told["ingest"].done) == (2, 2, 4)
    assert told["plots"].done >= 2
    assert told["report"].done >= 1
    assert report.exit_code == ExitCode.DONE
    assert all("\n" not in step.summary for step in report.steps)


@pytest.mark.slow
def test_second_run_does_nothing_and_takes_seconds(finished):
    arguments, _ = finished
    before = times_of(arguments.lake)
    started = time.process_time()
    report = run(arguments)
    assert time.process_time() - started < 20
    assert [step.done for step in report.steps] == [0] * len(DEFAULT_STEPS)
    assert times_of(arguments.lake) == before


def times_of(lake: StoredLake) -> dict[Path, int]:
    """When each Parquet file of a lake on disk was written."""
    return {path: path.stat().st_mtime_ns for path in Path(str(lake)).rglob("*.parquet")}


@pytest.mark.slow
def test_where_it_runs_changes_nothing_and_a_new_reject_only_the_report(finished, tmp_path):
    arguments, _ = finished
    lake = tmp_path / "lake"
    shutil.copytree(str(arguments.lake), lake, symlinks=True)
    flags = {"workers.count": 7, "fetch.url": "http://127.0.0.1:1"}
    moved = replace(
        arguments,
        lake=stored(lake),
        settings=load_settings(lake, flags, environment={}),
        steps=("measure", "plots", "report"),
    )
    assert [step.done for step in run(moved).steps] == [0, 0, 0]
    put_on_record(moved.lake, tmp_path / "x_flt.fits", Rejected("unreadable", "it is empty"), "0")
    assert [step.done > 0 for step in run(moved).steps] == [False, False, True]
    (lake / "coefficients").mkdir(exist_ok=True)
    (lake / "coefficients" / "damaged.toml").write_text("format =")
    for _ in range(2):
        # The figures are drawn without it once, and both go on naming it.
        fit, plots = run(replace(moved, steps=("fit", "plots"), plots=("overview",))).steps
        assert (fit.exit_code, plots.exit_code) == (ExitCode.DONE_IN_PART, ExitCode.DONE_IN_PART)
        assert "damaged.toml is not TOML" in fit.summary
        assert "damaged.toml is not TOML" in plots.summary
    assert plots.summary.startswith("plots: up to date; ")
    wider = load_settings(lake, {"measure.clip_sigma": 5.0}, environment={})
    assert [step.done > 0 for step in run(replace(moved, settings=wider)).steps] == [True, True, True]


def _content(lake):
    """What a lake holds for readers, but for times and paths of the machine."""
    with open_lake(lake) as opened:
        exposures = opened.sql(
            "SELECT imagename, phot_key, alignment_hash, crmask_hash, n_stars FROM exposures ORDER BY 1"
        ).rows()
        stars = opened.sql("SELECT * FROM phot ORDER BY imagename, master_id").arrow()
        aligned = opened.sql(
            "SELECT rootname, status, solution_hash, n_matched FROM alignment ORDER BY 1"
        ).rows()
    return exposures, aligned, stars


@pytest.mark.slow
def test_killed_at_random_and_run_again_ends_in_the_same_lake(spoiled, finished, tmp_path):
    folder, simulated = spoiled
    lake, _ = _lake(tmp_path / "lake", simulated)
    command = [sys.executable, "-m", "cte_lake.cli.main", "run", str(folder / "data"), "--lake", str(lake),
               "--workers", "0", "--steps", ",".join(PREPARE)]  # fmt: skip
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    environment = os.environ | {"TMPDIR": str(scratch)}
    moments = random.Random(5)
    for _ in range(KILLS):
        child = subprocess.Popen(
            command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        time.sleep(moments.uniform(3, 9))
        child.send_signal(signal.SIGKILL)
        child.wait(120)
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=400)
    assert done.returncode == 0, done.stderr
    ours, theirs = _content(lake), _content(finished[0].lake)
    assert ours[:2] == theirs[:2]
    assert ours[2].equals(theirs[2])
    assert not list(scratch.glob("cte-lake-job-*"))


def test_proposals_are_numbers_and_words(small_visit, tmp_path):
    lake, settings = _lake(tmp_path / "lake", small_visit)
    data = small_visit.frames[0].parent

    def chosen(*words: str) -> Selection:
        return select_proposals(words, Selection(), stored(lake), data, settings)

    assert chosen() == chosen("all") == Selection()
    assert chosen("14378", "13083").proposal == (14378, 13083)
    assert chosen("last").proposal == (14378,)
    assert chosen("180").target == ("ngc6583",)
    with pytest.raises(UsageError, match="'first' is not known"):
        chosen("first")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match="no exposure"):
        select_proposals(["last"], Selection(), stored(lake), tmp_path / "empty", settings)


def test_steps_are_done_in_their_order():
    assert checked_steps([]) == DEFAULT_STEPS
    assert checked_steps(["report", "fetch", "align"]) == ("fetch", "align", "report")
    with pytest.raises(UsageError, match="no step 'drizzle'"):
        checked_steps(["drizzle"])
    assert checked_steps(["measure"], plots=True, report=False) == ("measure", "plots")
    assert checked_steps([], plots=True, report=False) == DEFAULT_STEPS[:-1]


def test_figures_and_radii_are_known_ones_each_once():
    assert checked_plots(["cte-time", "cte-flux", "cte-time"]) == ("cte-time", "cte-flux")
    with pytest.raises(UsageError, match="no figure is called 'cte-tim'; did you mean 'cte-time'"):
        checked_plots(["cte-tim"])
    assert checked_radii([10, 3, 3]) == (3, 10)
    with pytest.raises(UsageError, match="--radius 4: radii are 2, 3, 5"):
        checked_radii([4])


@pytest.mark.slow
def test_losses_and_figures_at_several_radii(finished, tmp_path):
    arguments, _ = finished
    lake = shutil.copytree(str(arguments.lake), tmp_path / "lake", symlinks=True)
    steps = checked_steps(["measure"], plots=True)
    asked = replace(arguments, lake=stored(lake), steps=steps, plots=("cte-flux",), radii=(3, 5))
    measured, plots = run(asked).steps
    drawn = {path.parent.name for path in (lake / "reports" / "plots" / "latest").rglob("cte-flux.png")}
    assert drawn == {"r03", "r05"}
    assert plots.done >= 2
    assert plots.summary.startswith(f"plots: {plots.done} figures in ")
    losses = pq.read_table(lake / "reports" / "losses.parquet")
    assert set(losses["aperture"].to_pylist()) == {3, 5}
    assert measured.summary.startswith(f"measure: {losses.num_rows} losses of ")
    assert [step.done for step in run(asked).steps] == [0, 0]


def test_command_prints_one_json_line(small_visit, tmp_path):
    from cte_lake.cli.main import app

    lake, _ = _lake(tmp_path / "lake", small_visit)
    options = ["run", str(small_visit.frames[0].parent), "--lake", str(lake), "--workers", "0"]
    done = CliRunner().invoke(app, [*options, "--steps", "align", "--proposal", "last"])
    assert done.exit_code == 0
    (line,) = done.stdout.splitlines()
    assert json.loads(line)["steps"][0]["done"] == 2
    none = CliRunner().invoke(app, [*options, "--steps", "align", "--visit", "77"])
    assert none.exit_code == ExitCode.NOTHING_TO_DO
    assert "--visit 77" in json.loads(none.stdout)["steps"][0]["summary"]
