"""From what a command says to the record of its steps."""

from __future__ import annotations

import json

from cte_lake.errors import ExitCode
from cte_lake.workflow.refresh.command import Taken, planned


def run_of(*parts, code=0, more=()):
    told = {"steps": [dict(zip(("step", "done", "failed", "summary", "exit_code"), part, strict=True)) | {
        "seconds": 1.0} for part in parts]}  # fmt: skip
    return Taken("run data --steps fetch,ingest", code, 2.0, ["ingest: ...", json.dumps(told), *more])


def test_each_step_of_a_run_is_one_of_the_record():
    taken = run_of(
        ("fetch", 0, 0, "fetch: the archive cannot be reached", 3),
        ("align", 0, 0, "align: nothing new", 0),
        ("ingest", 4, 0, "ingest: 4 files, 4 measured", 0),
        code=3,
    )
    assert [(step.name, step.outcome, step.reason) for step in taken.outcomes()] == [
        ("fetch", "failed", "the archive cannot be reached"),
        ("align", "skipped", "nothing new"),
        ("ingest", "done", "4 files, 4 measured"),
    ]
    assert taken.new() == {"fetched": 0, "aligned": 0, "measured": 4}


def test_a_step_by_itself_is_counted_by_its_last_line():
    said = ["ingest: 1,204 measured, 3 renewed, 12 up to date, 1 rejected of 1,220 files in 3.0 s", "note: x"]
    assert Taken("ingest data --workers 0", ExitCode.DONE_IN_PART, 3.0, said).new() == {"measured": 1207}
    assert Taken("align data", 0, 1.0, ["align: 0 aligned, 4 up to date in 1.0 s"]).new() == {"aligned": 0}
    assert Taken("audit", 0, 1.0, ["audit: 4 measured"]).new() == {}


def test_a_run_that_is_killed_after_its_steps_is_a_failed_step():
    taken = run_of(("ingest", 4, 0, "ingest: 4 files", 0), code=-9)
    assert [(step.name, step.outcome) for step in taken.outcomes()] == [("ingest", "done"), ("run", "failed")]


def test_what_a_command_complains_of_is_the_reason():
    said = ["ok  audit", "cte-lake: 1 of 9 audits failed: unique", "        ^ here"]
    (step,) = Taken("audit", ExitCode.AUDIT_FAILED, 1.0, said).outcomes()
    assert (step.outcome, step.reason) == ("failed", "1 of 9 audits failed: unique")
    (step,) = Taken("report", ExitCode.NOTHING_TO_DO, 1.0, ["cte-lake: nothing is measured"]).outcomes()
    assert (step.outcome, step.reason) == ("skipped", "nothing is measured")
    defect = ["Traceback (most recent call last):", "KeyError: 'x'", "cte-lake: this is a defect of cte-lake"]
    (step,) = Taken("fit", ExitCode.DEFECT, 1.0, defect).outcomes()
    assert step.reason == "this is a defect of cte-lake (KeyError: 'x'); please report it with the log"
    box = [
        "Usage: cte-lake verify",
        "╭─ Error ─────╮",
        "│ No such option:   │",
        "│ --shre        │",
        "╰─────────────╯",
        "",
    ]
    (step,) = Taken("verify --shre 1/30", ExitCode.WRONG_USE, 1.0, box).outcomes()
    assert (step.outcome, step.reason) == ("failed", "No such option: --shre")
    (step,) = Taken("verify --share 1/30", -9, 1.0, []).outcomes()
    assert (step.name, step.outcome, step.reason) == ("verify", "failed", "")


def test_the_steps_to_come_are_known_by_name():
    assert planned("run 'a b' --steps fetch,ingest") == ("fetch", "ingest")
    assert planned("report --publish /www") == ("report",)
