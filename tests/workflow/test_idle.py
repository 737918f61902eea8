"""Which steps of a night are left out."""

from __future__ import annotations

import logging
import os
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from cte_lake.errors import Rejected
from cte_lake.lake.create import create_lake
from cte_lake.lake.stored import stored
from cte_lake.pipeline.carry_out import put_on_record
from cte_lake.pipeline.night import Night, NightStep
from cte_lake.workflow.refresh import Refresh
from cte_lake.workflow.refresh.idle import idle_steps, parts_of, state_of

AUDIT = "audit --share 1/30"


@pytest.fixture
def lake(tmp_path):
    create_lake(stored(tmp_path / "lake"))
    return stored(tmp_path / "lake")


@pytest.fixture
def run(tmp_path):
    """A run over a folder whose name looks like its steps."""
    frames = tmp_path / "fetch,align,ingest"
    frames.mkdir()
    (frames / "ic7801aaq_flt.fits").touch()
    return f"run {frames} --steps fetch,align,ingest"


def night_of(lake, *commands, outcome="skipped"):
    steps = [
        NightStep(name, outcome, follows_from=state_of(lake, command))
        for command, names in commands
        for name in names
    ]
    return Night("2026-01-01T02:17:00+00:00", steps=tuple(steps))


def after_fetch(run):
    return run.replace("--steps fetch,", "--steps ")


def test_what_a_step_follows_from_is_seen(lake, run, tmp_path):
    rest, frame = after_fetch(run), tmp_path / "fetch,align,ingest/ic7801aaq_flt.fits"

    def states():
        return state_of(lake, rest), state_of(lake, AUDIT)

    before = states()
    assert states() == before
    assert all(before)
    assert before[0] != before[1]
    # Another file in the folder is no frame; a frame that was touched is another.
    (frame.parent / "notes.txt").touch()
    assert states() == before
    os.utime(frame, ns=(1, 1))
    touched = states()
    assert (touched[0] != before[0], touched[1]) == (True, before[1])
    put_on_record(lake, frame, Rejected("unreadable", "it is empty"), "0")
    assert not set(states()) & {*touched}
    refused = states()
    with (tmp_path / "lake/cte_lake.toml").open("a") as file:
        file.write("\n[measure]\naperture = 5\n")
    assert not set(states()) & {*refused}


def test_other_pixel_area_maps_are_seen(lake, run, tmp_path):
    (tmp_path / "maps").mkdir()
    (tmp_path / "maps/UVIS1wfc3_map.fits").touch()
    with (tmp_path / "lake/cte_lake.toml").open("a") as file:
        file.write(f'\n[photometry]\npam_dir = "{tmp_path / "maps"}"\n')
    before, audit = state_of(lake, run), state_of(lake, AUDIT)
    assert before
    (tmp_path / "maps/UVIS1wfc3_map.fits").write_bytes(b"another")
    assert state_of(lake, run) not in {"", before}
    assert state_of(lake, AUDIT) == audit
    (tmp_path / "maps/UVIS1wfc3_map.fits").unlink()
    (tmp_path / "maps").rmdir()
    assert state_of(lake, run) == ""


@pytest.mark.parametrize("name", ["coefficients/a.toml", "reports/losses.parquet", "chips/x.parquet"])
def test_what_a_run_makes_is_made_again_where_it_is_gone(lake, run, tmp_path, name):
    path = tmp_path / "lake" / name
    path.parent.mkdir(exist_ok=True)
    path.touch()
    there = state_of(lake, after_fetch(run))
    path.unlink()
    assert state_of(lake, after_fetch(run)) != there


def test_other_steps_and_lakes_that_cannot_be_read_are_never_left_out(lake, run, tmp_path):
    assert [state_of(lake, step) for step in ("verify --share 1/30", "report", "compact")] == [""] * 3
    assert state_of(lake, "run /nowhere/at/all --steps ingest") == ""
    (tmp_path / "lake/cte_lake.toml").write_text("lake_version = 1\nnonsense = 2\n")
    assert state_of(lake, AUDIT) == ""
    assert idle_steps(AUDIT, "", night_of(lake, (AUDIT, ("audit",)))) == ()


def test_the_rest_of_a_run_is_left_out_when_the_archive_was_asked(lake, run, tmp_path):
    rest = after_fetch(run)
    before = night_of(lake, (rest, ("align", "ingest")))
    asked = parts_of(lake, run, before)
    command, state = next(asked)
    assert (command, state) == (run.replace("--steps fetch,align,ingest", "--steps fetch"), "")
    command, state = next(asked)
    assert (command, list(asked)) == (rest, [])
    left_out = idle_steps(command, state, before)
    assert [(step.name, step.outcome) for step in left_out] == [("align", "skipped"), ("ingest", "skipped")]
    assert {step.reason for step in left_out} == {"nothing changed since the last run"}
    # What the archive had more is measured.
    asked = parts_of(lake, run, before)
    next(asked)
    (tmp_path / "fetch,align,ingest/ic7801abq_flt.fits").touch()
    assert idle_steps(*next(asked), before) == ()


def test_the_archive_is_asked_every_night_and_other_options_are_another_step(lake, run):
    only = f"{run.rpartition(' ')[0]} fetch"
    assert list(parts_of(lake, only, None)) == [(only, state_of(lake, only))]
    assert idle_steps(only, state_of(lake, only), night_of(lake, (only, ("fetch",)))) == ()
    rest = after_fetch(run)
    assert state_of(lake, rest) == state_of(lake, run)
    assert state_of(lake, f"{rest} --set measure.aperture=5") not in {"", state_of(lake, rest)}
    assert state_of(lake, "audit --share 1/7") not in {"", state_of(lake, AUDIT)}


def test_a_step_that_failed_or_is_asked_for_the_first_time_is_due(lake, run):
    rest = after_fetch(run)
    state = state_of(lake, rest)
    well = night_of(lake, (rest, ("align", "ingest")))
    assert idle_steps(rest, state, well)
    failed = replace(well, steps=(well.steps[0], replace(well.steps[1], outcome="failed")))
    fewer = replace(well, steps=well.steps[:1])
    for before in (None, failed, fewer, replace(well, steps=())):
        assert idle_steps(rest, state, before) == ()
        assert list(parts_of(lake, run, before)) == [(run, state_of(lake, run))]


def test_a_night_lists_the_lake_once_until_a_step_is_taken(lake, tmp_path):
    job = Refresh(lake, datetime.now(UTC))
    first = job.files()
    (tmp_path / "lake/coefficients/a.toml").touch()
    assert job.files() is first
    job.take("--version", logging.getLogger("night"), ())
    assert job.files() == lake.state() != first
