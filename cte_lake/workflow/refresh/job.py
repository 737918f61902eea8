"""The unattended job: its steps in order, and after each the record of the night."""

from __future__ import annotations

import contextlib
import json
import logging
import shlex
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from cte_lake import clock
from cte_lake.config import load_settings
from cte_lake.config.sections import Refresh as RefreshSettings
from cte_lake.errors import ConfigError, ExitCode, LakeError, UsageError
from cte_lake.lake.place import place_of
from cte_lake.lake.store import Listed, Place
from cte_lake.lake.stored import StoredLake
from cte_lake.pipeline.night import HOUSEKEEPING, NIGHT, Night, NightStep, Trouble, keep_night, last_night
from cte_lake.workflow.refresh.command import FINE, GO_ON, Taken, planned, take
from cte_lake.workflow.refresh.findings import Said, lake_says, with_alarms, with_findings
from cte_lake.workflow.refresh.idle import AUDIT, idle_steps, parts_of, state_of
from cte_lake.workflow.refresh.letter import Letter, letter, with_mailed
from cte_lake.workflow.run.arguments import STEPS

MAIL = "refresh.mail"
_STEM = "refresh-"
#: Number of jobs whose logs are kept.
_LOGS_KEPT = 30
#: Where the configuration cannot be read the steps say so; the mail needs these two all the same.
_MAIL_NEWS, _REMIND_DAYS = True, 7.0


_OFF = {
    "fetch": "switched off: --no-fetch or refresh.fetch = false",
    "fit": "switched off: refresh.fit = false",
}


@dataclass(frozen=True)
class RefreshArguments:
    """What a refresh is to do: commands with options, steps that are switched off and why, its record."""

    lake: StoredLake
    steps: tuple[str, ...]
    skipped: tuple[tuple[str, str], ...] = ()
    job: str = HOUSEKEEPING


@dataclass
class Refresh:
    """A refresh: what was done when, and how it ended."""

    lake: StoredLake
    started: datetime
    steps: list[Taken] = field(default_factory=list)
    letter: Letter = field(default_factory=Letter)
    #: What the lake said before the report, which changes nothing of that.
    said: Said | None = None
    night: Night = field(init=False)
    _files: list[list[Listed]] | None = None

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

    def files(self) -> list[list[Listed]]:
        """Return the lake's files (`StoredLake.state`), listed once between steps that are taken."""
        if self._files is None:
            self._files = self.lake.state()
        return self._files

    def take(self, command: str, log: logging.Logger, held: tuple[int, ...]) -> Taken:
        """Take a step, after which the lake's files are others."""
        self._files = None
        return take(self.lake, command, log, held)

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
            "new": dict(self.night.new),
            "missing": self.night.missing_text,
            "alarms": len(self.night.alarms),
            "troubles": len(self.night.troubles),
            "mail": self.letter.why,
        }


def night_of(
    lake: StoredLake, frames: Path | None = None, publish: Path | None = None, fetch: bool | None = None
) -> RefreshArguments:
    """Return what a night does: fetch and measure what is new or out of date, check, report, publish.

    Parameters
    ----------
    lake : StoredLake
        The lake.
    frames : Path, optional
        Folder of the frames.
    publish : Path, optional
        Folder that a web server serves.
    fetch : bool, optional
        Whether the archive is asked. What is left out stands in the lake's configuration.

    Raises
    ------
    UsageError
        If no folder of frames is named and none is configured.
    """
    settings = _settings(lake)
    if settings is not None:
        frames = frames or (Path(settings.frames) if settings.frames else None)
        publish = publish or (Path(settings.publish) if settings.publish else None)
    if frames is None:
        raise UsageError(
            "name the folder of the frames with --frames, or set refresh.frames; or name a --step"
        )
    fetch = (settings is None or settings.fetch) if fetch is None else fetch
    on = {"fetch": fetch, "fit": settings is None or settings.fit}
    made = f"report --publish {shlex.quote(str(publish))}" if publish is not None else "report"
    steps = [step for step in STEPS if step != "report" and on.get(step, True)]
    run = f"run {shlex.quote(str(frames.absolute()))} --steps {','.join(steps)}"
    off = tuple((step, _OFF[step]) for step in on if not on[step])
    return RefreshArguments(
        lake, (run, "audit --share 1/30", "verify --share 1/30 --within 30m", made), off, NIGHT
    )


def refresh(asked: RefreshArguments) -> Refresh:
    """Take the steps in order; one that cannot be made up for ends the job.

    Raises
    ------
    Locked
        At once, if a refresh of this lake is running.
    """
    lake = asked.lake
    done = Refresh(lake, clock.now())
    done.night = replace(
        done.night, steps=tuple(NightStep(name, "skipped", reason) for name, reason in asked.skipped)
    )
    with lake.lease("refresh") as held, _log(done) as log:
        before = last_night(lake, asked.job)
        for command, state in _parts(asked, before, done.files):
            idle = idle_steps(command, state, before)
            if idle:
                log.info("cte-lake %s: left out, %s", command, idle[0].reason)
                step = Taken(command, ExitCode.DONE, 0.0)
            else:
                _begin(done, asked, command, before)
                log.info("cte-lake %s", command)
                step = done.take(command, log, held)
                log.info("exit code %d after %.1f s", step.exit_code, step.seconds)
            done.steps.append(step)
            _record(done, step, before, idle, state)
            if step.exit_code not in GO_ON:
                break
        _end(done, asked, before)
        log.info("%s", json.dumps(done.summary()))
    return done


def _begin(done: Refresh, asked: RefreshArguments, command: str, before: Night | None) -> None:
    """Keep on record that a step is under way, for the report that the step may be."""
    if planned(command) == ("report",):
        done.said = lake_says(done.night, done.lake, before)
        done.night = with_findings(done.night, done.lake, before, done.said)
    running = tuple(NightStep(name, "running") for name in planned(command))
    keep_night(done.lake, replace(done.night, steps=(*done.night.steps, *running)), asked.job)


def _parts(
    asked: RefreshArguments, before: Night | None, files: Callable[[], object]
) -> Iterator[tuple[str, str]]:
    """Yield commands and what they follow from; a job of the user's own steps leaves none out."""
    for command in asked.steps:
        yield from parts_of(asked.lake, command, before, files) if asked.job == NIGHT else [(command, "")]


def _record(
    done: Refresh, step: Taken, before: Night | None, idle: tuple[NightStep, ...], state: str
) -> None:
    """Add a step that was taken or left out to the record of the night."""
    # What changed meanwhile, by the step or beside it, is looked at again.
    kept = state if state and not idle and state == state_of(done.lake, step.command, done.files) else ""
    outcomes = idle or tuple(replace(outcome, follows_from=kept) for outcome in step.outcomes())
    night = replace(
        done.night,
        steps=(*done.night.steps, *outcomes),
        new={**done.night.new, **step.new()},
        exit_code=done.exit_code,
    )
    for outcome in outcomes:
        if outcome.name == AUDIT:
            night = with_alarms(night, done.lake, before, outcome)
    done.night = night


def _end(done: Refresh, asked: RefreshArguments, before: Night | None) -> None:
    """Write the mail, and keep the record as it stands at the end."""
    ended = clock.now().isoformat(timespec="seconds")
    of_report = done.said if done.steps and done.steps[-1].name == "report" else None
    said = of_report or lake_says(done.night, done.lake, before)
    night = replace(with_findings(done.night, done.lake, before, said), ended=ended)
    settings = _settings(done.lake)
    if not keep_night(done.lake, night, asked.job):
        text = "the record of the night cannot be written: look at the disk of the lake and its permissions"
        night = replace(night, troubles=(*night.troubles, Trouble("record", text, night.started)))
    news, days = (
        (_MAIL_NEWS, _REMIND_DAYS) if settings is None else (settings.mail_news, settings.remind_days)
    )
    # Of a job of the user's own steps its troubles alone are mailed.
    done.letter = letter(night, before, news and asked.job == NIGHT, days, str(done.log))
    done.night = with_mailed(night, before, done.letter)
    keep_night(done.lake, done.night, asked.job)
    with contextlib.suppress(OSError, LakeError):
        (done.lake / "logs" / MAIL).write_bytes(done.letter.body.encode())


def _settings(lake: StoredLake) -> RefreshSettings | None:
    try:
        return load_settings(lake).config.refresh
    except (ConfigError, LakeError):
        return None


@contextlib.contextmanager
def _log(done: Refresh) -> Iterator[logging.Logger]:
    """Yield the log, one file a job; those of the last jobs are kept."""
    logs, name = done.log.parent, done.log.name

    def put(here: Path) -> None:
        # The mail is written by then; a log that cannot be kept takes nothing from the night.
        with contextlib.suppress(OSError, LakeError):
            place_of(here / name).copy_to(done.log)

    with logs.worked_on(lambda here: None, put) as here, _writing(here / name) as log:
        yield log
    with contextlib.suppress(OSError, LakeError):
        for old in sorted(logs.files(_STEM), key=str)[:-_LOGS_KEPT]:
            old.unlink()


class _LogFile(logging.FileHandler):
    """A log that goes on without what a full disk does not take; the steps say what is wrong with it."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the name is logging's
        """Say nothing: standard error is the mail."""

    def close(self) -> None:
        """Close the file; what is still to be written is lost."""
        with contextlib.suppress(OSError):
            super().close()


@contextlib.contextmanager
def _writing(path: Path) -> Iterator[logging.Logger]:
    handler = _LogFile(path, encoding="utf-8", errors="replace")
    # As all other times of the night are, and the log's name is.
    lines = logging.Formatter("%(asctime)s UTC %(message)s", "%Y-%m-%d %H:%M:%S")
    lines.converter = time.gmtime
    handler.setFormatter(lines)
    log = logging.Logger("refresh", logging.INFO)
    log.addHandler(handler)
    try:
        yield log
    finally:
        handler.close()
