"""Runs one command of cte-lake as a step of the refresh, and returns its outcome."""

from __future__ import annotations

import contextlib
import functools
import json
import logging
import re
import shlex
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from time import perf_counter
from typing import Any

from cte_lake.errors import ExitCode
from cte_lake.lake.stored import StoredLake
from cte_lake.pipeline.children import signals_wait
from cte_lake.pipeline.night import NightStep, Outcome

#: Nothing new is no failure of a job that runs every night.
FINE = frozenset({ExitCode.DONE, ExitCode.NOTHING_TO_DO})
#: After these the next steps are still worth while: the lake is whole, and what was found is to be published.
GO_ON = FINE | {ExitCode.DONE_IN_PART, ExitCode.AUDIT_FAILED}
#: Lines of a command that are kept for the mail.
_TAIL = 15
_COMPLAINT = "cte-lake: "
_BOX = " \t\r\n│╭╮╰╯─"
#: Numbers in the line that sums a step up; what was renewed counts as measured, as in a run.
_CAME = re.compile(r"\b(\d[\d,]*) (?:fetched|aligned|masked|measured|renewed)\b")
#: What the steps of a run make, by the name that the record counts it under.
COUNTED = {"fetch": "fetched", "align": "aligned", "crmask": "masked", "ingest": "measured", "fit": "fitted"}


@dataclass
class Taken:
    """A command that was run: how it ended, how long it took, the last lines it said."""

    command: str
    exit_code: int
    seconds: float
    said: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The command without its options."""
        return shlex.split(self.command)[0]

    @property
    def reason(self) -> str:
        """What the command complained of, else the line that sums it up, else its last line."""
        lines = list(_without_box(self.said))
        if self.exit_code == ExitCode.DEFECT and len(lines) > 1 and lines[-1].startswith(_COMPLAINT):
            return f"this is a defect of cte-lake ({lines[-2]}); please report it with the log"
        for prefix in (_COMPLAINT, f"{self.name}: ", ""):
            for line in reversed(lines):
                if line.startswith(prefix):
                    return line.removeprefix(prefix)
        return ""

    def parts(self) -> list[Mapping[str, Any]]:
        """Return what a ``run`` says in JSON of each of its steps; nothing of other commands."""
        for line in reversed(self.said):
            if line.startswith("{"):
                try:
                    answer = json.loads(line)
                except ValueError:
                    continue
                steps = answer.get("steps")
                return [step for step in steps if isinstance(step, dict)] if isinstance(steps, list) else []
        return []

    def outcomes(self) -> list[NightStep]:
        """Return the record of the step; a run's is one of each of its steps."""
        steps = list(self._of_run())
        if steps and (self.exit_code in GO_ON or any(step.outcome == "failed" for step in steps)):
            return steps
        outcome = _outcome(self.exit_code, idle=False)
        reason = "" if outcome == "done" else self.reason
        return [*steps, NightStep(self.name, outcome, reason, round(self.seconds, 1), self.exit_code)]

    def _of_run(self) -> Iterator[NightStep]:
        for part in self.parts():
            code, summary = int(part["exit_code"]), str(part["summary"])
            outcome = _outcome(code, idle=not part["done"] and not part["failed"])
            reason = summary.removeprefix(f"{part['step']}: ")
            yield NightStep(str(part["step"]), outcome, reason, round(float(part["seconds"]), 1), code)

    def new(self) -> dict[str, int]:
        """Return how much came in, by what it is; of a step that is no part of a run, from its last line."""
        if parts := self.parts():
            return {COUNTED[part["step"]]: int(part["done"]) for part in parts if part["step"] in COUNTED}
        summed_up = [line for line in self.said if line.startswith(f"{self.name}: ")][-1:]
        numbers = [int(found.replace(",", "")) for line in summed_up for found in _CAME.findall(line)]
        return {COUNTED[self.name]: sum(numbers)} if numbers and self.name in COUNTED else {}


def _without_box(said: Iterable[str]) -> Iterator[str]:
    """Yield lines that are not empty; those in a box, as wrong options are said, as one."""
    for boxed, lines in groupby(said, lambda line: line.lstrip().startswith("│")):
        texts = [text for line in lines if (text := line.strip(_BOX))]
        yield from [" ".join(texts)] if boxed else texts


def _outcome(code: int, idle: bool) -> Outcome:
    if code not in FINE:
        return "failed"
    return "skipped" if idle or code == ExitCode.NOTHING_TO_DO else "done"


def planned(command: str) -> tuple[str, ...]:
    """Return the names of the steps that a command will be in the record."""
    words = shlex.split(command)
    if words[0] == "run" and "--steps" in words[:-1]:
        return tuple(words[words.index("--steps") + 1].split(","))
    return (words[0],)


def take(lake: StoredLake, command: str, log: logging.Logger, held: tuple[int, ...] = ()) -> Taken:
    """Run a command of cte-lake on the lake in a process of its own, its words in the log.

    Whatever stops the job stops the command, and waits for it. Should the job be killed, the command goes on
    holding the lock whose descriptors are `held`: the next job learns of it until it ends.
    """
    started = perf_counter()
    name, *arguments = shlex.split(command)
    line = [sys.executable, "-m", "cte_lake", name, *arguments, "--lake", str(lake)]
    said: list[str] = []
    with contextlib.ExitStack() as end:
        with signals_wait():
            process = subprocess.Popen(
                line, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                text=True, errors="replace", pass_fds=held,
            )  # fmt: skip
            end.enter_context(process)
            end.push(functools.partial(_stop, process))
        for text in process.stdout or ():
            log.info("| %s", text.rstrip())
            said = [*said, text.rstrip()][-_TAIL:]
    return Taken(command, process.returncode, perf_counter() - started, said)


def _stop(process: subprocess.Popen[str], kind: type[BaseException] | None, *_: object) -> None:
    """End a command, and wait for that, where something stops the job."""
    if kind is not None:
        process.terminate()
        process.communicate()
