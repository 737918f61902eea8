"""The unattended job: its steps in order, and after each the record of the night."""

from __future__ import annotations

import contextlib
import json
import logging
import shlex
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cte_lake.lake.place import place_of
from cte_lake.lake.store import Place
from cte_lake.lake.stored import AnyLake, StoredLake, stored
from cte_lake.pipeline.ingest import tally
from cte_lake.pipeline.night import Night, NightStep, keep_night, last_night
from cte_lake.workflow.refresh.command import FINE, GO_ON, Taken, meaning, planned, take
from cte_lake.workflow.refresh.findings import with_alarms, with_missing

MAIL = "refresh.mail"
_STEM = "refresh-"
#: Number of jobs whose logs are kept.
_LOGS_KEPT = 30


@dataclass
class Refresh:
    """A refresh: what was done when, and how it ended."""

    lake: StoredLake
    started: datetime
    steps: list[Taken] = field(default_factory=list)
    night: Night = field(init=False)

    def __post_init__(self) -> None:
        self.night = Night(
            self.started.isoformat(timespec="seconds"), host=socket.gethostname(), lake=str(self.lake)
        )

    @property
    def log(self) -> Place:
        """Path of the log file."""
        return self.lake / "logs" / f"{_STEM}{self.started:%Y%m%dT%H%M%SZ}.log"

    @property
    def exit_code(self) -> int:
        """The first step's code that is a failure, else 0."""
        return next((step.exit_code for step in self.steps if step.exit_code not in FINE), 0)

    def summary(self) -> dict[str, Any]:
        """Return the job in one line."""
        return {
            "job": "refresh",
            "host": self.night.host,
            "lake": self.night.lake,
            "started": self.night.started,
            "seconds": round(sum(step.seconds for step in self.steps), 1),
            "exit_code": self.exit_code,
            "steps": {step.command: step.exit_code for step in self.steps},
        }

    def mail(self) -> str:
        """Return the mail to the person in charge."""
        bad = [step for step in self.steps if step.exit_code not in FINE]
        lines = [
            f"The nightly refresh of {self.lake} on {self.night.host} needs a look.",
            f"Started {self.started:%Y-%m-%d %H:%M} UTC; exit code {self.exit_code} "
            f"({meaning(self.exit_code)}).",
            "",
        ]
        for step in self.steps:
            lines.append(f"  cte-lake {step.command}: {step.exit_code} ({meaning(step.exit_code)})")
        if (files := tally.last(self.lake)) is not None:
            lines += ["", f"Last ingest, {files.at[:16]} UTC, {files.text}"]
        if self.night.missing_text:
            lines += ["", f"Coverage: {self.night.missing_text}", *(f"  {t}" for t in self.night.missing)]
        for step in bad:
            lines += ["", f"Last lines of cte-lake {step.command}:", *(f"  {text}" for text in step.said)]
        lines += ["", f"Full log: {self.log}"]
        return "\n".join(lines) + "\n"


def default_steps(frames: Path, publish: Path | None = None) -> tuple[str, ...]:
    """Return the steps of a refresh: fetch and measure what is new or out of date, check, publish, report.

    Parameters
    ----------
    frames : Path
        Folder of the frames.
    publish : Path, optional
        Folder that a web server shows.
    """
    made = f"report --publish {shlex.quote(str(publish))}" if publish is not None else "report"
    run = f"run {shlex.quote(str(frames))} --steps fetch,align,crmask,ingest"
    return (run, "audit", "verify --share 1/30 --within 30m", made, "status")


def refresh(named: AnyLake, steps: tuple[str, ...]) -> Refresh:
    """Take the steps in order; one that cannot be made up for ends the job.

    Raises
    ------
    Locked
        At once, if a refresh of this lake is running.
    """
    lake = stored(named)
    done = Refresh(lake, datetime.now(UTC))
    with lake.lease("refresh"), _log(done) as log:
        before = last_night(lake)
        for command in steps:
            _begin(done, command)
            log.info("cte-lake %s", command)
            step = take(lake, command, log)
            done.steps.append(step)
            log.info("exit code %d after %.1f s", step.exit_code, step.seconds)
            _record(done, step, before)
            if step.exit_code not in GO_ON:
                break
        done.night = replace(done.night, ended=datetime.now(UTC).isoformat(timespec="seconds"))
        keep_night(lake, done.night)
        log.info("%s", json.dumps(done.summary()))
        (done.lake / "logs" / MAIL).write_bytes(done.mail().encode() if done.exit_code else b"")
    return done


def _begin(done: Refresh, command: str) -> None:
    """Keep on record that a step is under way, for the report that the step may be."""
    if planned(command) == ("report",):
        done.night = with_missing(done.night, done.lake)
    running = tuple(NightStep(name, "running") for name in planned(command))
    keep_night(done.lake, replace(done.night, steps=(*done.night.steps, *running)))


def _record(done: Refresh, step: Taken, before: Night | None) -> None:
    """Add a step that was taken to the record of the night."""
    outcomes = step.outcomes()
    night = replace(
        done.night,
        steps=(*done.night.steps, *outcomes),
        new={**done.night.new, **step.new()},
        exit_code=done.exit_code,
    )
    for outcome in outcomes:
        if outcome.name == "audit":
            night = with_alarms(night, done.lake, before, outcome)
    done.night = night


@contextlib.contextmanager
def _log(done: Refresh) -> Iterator[logging.Logger]:
    """Yield the log, one file a job; those of the last jobs are kept."""
    logs, name = done.log.parent, done.log.name

    def put(here: Path) -> None:
        place_of(here / name).copy_to(done.log)

    with logs.worked_on(lambda here: None, put) as here, _writing(here / name) as log:
        yield log
    for old in sorted(logs.files(_STEM), key=str)[:-_LOGS_KEPT]:
        old.unlink()


@contextlib.contextmanager
def _writing(path: Path) -> Iterator[logging.Logger]:
    handler = logging.FileHandler(path, encoding="utf-8", errors="replace")
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    log = logging.Logger("refresh", logging.INFO)
    log.addHandler(handler)
    try:
        yield log
    finally:
        handler.close()
