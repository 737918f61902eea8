"""The unattended job: one command a step, one lock, one log, one line of JSON, one mail when it fails.

Run by cron or systemd as ``cte-lake refresh``.
"""

from __future__ import annotations

import contextlib
import json
import logging
import shlex
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import Any

from cte_lake.errors import CteLakeError, ExitCode
from cte_lake.lake.place import place_of
from cte_lake.lake.store import Place
from cte_lake.lake.stored import AnyLake, StoredLake, stored
from cte_lake.pipeline.ingest import tally

MAIL = "refresh.mail"
_STEM = "refresh-"
#: Number of jobs whose logs are kept.
_LOGS_KEPT = 30
#: After these the next steps are still worth while: the lake is whole, and what was found is to be published.
_GO_ON = frozenset({ExitCode.DONE, ExitCode.DONE_IN_PART, ExitCode.NOTHING_TO_DO, ExitCode.AUDIT_FAILED})
#: Nothing new is no failure of a job that runs every night.
_FINE = frozenset({ExitCode.DONE, ExitCode.NOTHING_TO_DO})
_TAIL = 15


@dataclass
class Step:
    """A step that was taken: its command, how it ended, how long it took, the last lines it said."""

    command: str
    exit_code: int
    seconds: float
    said: list[str] = field(default_factory=list)


@dataclass
class Refresh:
    """A refresh: what was done when, and how it ended."""

    lake: StoredLake
    started: datetime
    steps: list[Step] = field(default_factory=list)

    @property
    def log(self) -> Place:
        """Path of the log file."""
        return self.lake / "logs" / f"{_STEM}{self.started:%Y%m%dT%H%M%SZ}.log"

    @property
    def exit_code(self) -> int:
        """The first step's code that is a failure, else 0."""
        return next((step.exit_code for step in self.steps if step.exit_code not in _FINE), 0)

    def summary(self) -> dict[str, Any]:
        """Return the job in one line."""
        return {
            "job": "refresh",
            "host": socket.gethostname(),
            "lake": str(self.lake),
            "started": self.started.isoformat(timespec="seconds"),
            "seconds": round(sum(step.seconds for step in self.steps), 1),
            "exit_code": self.exit_code,
            "steps": {step.command: step.exit_code for step in self.steps},
        }

    def mail(self) -> str:
        """Return the mail to the person in charge."""
        bad = [step for step in self.steps if step.exit_code not in _FINE]
        lines = [
            f"The nightly refresh of {self.lake} on {socket.gethostname()} needs a look.",
            f"Started {self.started:%Y-%m-%d %H:%M} UTC; exit code {self.exit_code} "
            f"({_meaning(self.exit_code)}).",
            "",
        ]
        for step in self.steps:
            lines.append(f"  cte-lake {step.command}: {step.exit_code} ({_meaning(step.exit_code)})")
        if (files := tally.last(self.lake)) is not None:
            lines += ["", f"Last ingest, {files.at[:16]} UTC, {files.text}"]
        lines += _missing(self.lake)
        for step in bad:
            lines += ["", f"Last lines of cte-lake {step.command}:", *(f"  {text}" for text in step.said)]
        lines += ["", f"Full log: {self.log}"]
        return "\n".join(lines) + "\n"


def _missing(lake: StoredLake) -> list[str]:
    """Return what the lake lacks; nothing if it cannot be read, which the steps have said then."""
    from cte_lake.api import open_lake
    from cte_lake.report.coverage import coverage_told, lines

    try:
        with open_lake(lake) as opened:
            told = coverage_told(opened)
    except CteLakeError:
        return []
    return ["", f"Coverage: {told['text']}", *(f"  {line}" for line in lines(told))]


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


def _meaning(code: int) -> str:
    try:
        return ExitCode(code).name.lower().replace("_", " ")
    except ValueError:
        return f"killed by signal {-code}" if code < 0 else "unknown"


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
        for command in steps:
            log.info("cte-lake %s", command)
            step = _take(lake, command, log)
            done.steps.append(step)
            log.info("exit code %d after %.1f s", step.exit_code, step.seconds)
            if step.exit_code not in _GO_ON:
                break
        log.info("%s", json.dumps(done.summary()))
        (done.lake / "logs" / MAIL).write_bytes(done.mail().encode() if done.exit_code else b"")
    return done


def _take(lake: StoredLake, command: str, log: logging.Logger) -> Step:
    started = perf_counter()
    name, *arguments = shlex.split(command)
    line = [sys.executable, "-m", "cte_lake", name, *arguments, "--lake", str(lake)]
    said: list[str] = []
    with subprocess.Popen(
        line, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
        text=True, errors="replace",
    ) as process:  # fmt: skip
        for text in process.stdout or ():
            log.info("| %s", text.rstrip())
            said = [*said, text.rstrip()][-_TAIL:]
    return Step(command, process.returncode, perf_counter() - started, said)


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
