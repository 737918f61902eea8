"""What the commands share that make a plan for frames and carry it out: align, crmask, ingest."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Protocol, TypeVar

import typer

from cte_lake.cli.app import say
from cte_lake.cli.options import (
    DryRunOption,
    JsonOption,
    LakeOption,
    ProgressOption,
    SetOption,
    WorkersOptions,
    overwriting,
    settings_of,
)
from cte_lake.errors import NothingToDo

if TYPE_CHECKING:
    from cte_lake.lake.selection import Selection
    from cte_lake.pipeline.carry_out import Progress, StageArguments, StageReport


class Plan(Protocol):
    """What is to be done with frames."""

    @property
    def found(self) -> int:
        """How many files were found."""


Arguments = TypeVar("Arguments", bound="StageArguments")
AnyPlan = TypeVar("AnyPlan", bound=Plan)
Report = TypeVar("Report", bound="StageReport")


@dataclass(frozen=True)
class StageOptions(WorkersOptions):
    """Where and how a plan is carried out."""

    lake: LakeOption = None
    overwrite: Annotated[bool, overwriting("Process again what is up to date.")] = False
    dry_run: DryRunOption = False
    as_json: JsonOption = False
    progress: ProgressOption = True
    assignments: SetOption = None

    def arguments(self, paths: Sequence[str], selection: Selection, **flags: Any) -> StageArguments:
        """Return what the stage is asked to do; flags that are given go on top of the lake's settings."""
        from cte_lake.lake.stored import find_lake
        from cte_lake.pipeline.carry_out import StageArguments

        lake = find_lake(self.lake)
        settings = settings_of(lake, self.assignments, workers__count=self.workers, **flags)
        return StageArguments(
            lake, given_paths(paths), settings, selection, self.of(settings), self.overwrite
        )

    def carry_out(
        self,
        name: str,
        arguments: Arguments,
        plan: AnyPlan,
        print_plan: Callable[[AnyPlan, bool], None],
        stage: Callable[[Arguments, AnyPlan, Progress | None], Report],
    ) -> Report:
        """Carry a plan out, name the refused files, and return the report; print it as JSON where asked for.

        Raises
        ------
        NothingToDo
            If the paths lead to no frame.
        typer.Exit
            After printing the plan, for a dry run.
        """
        from cte_lake.cli.terminal import progress_bar

        if not plan.found:
            raise NothingToDo(
                f"no FLT or FLC file was found in {', '.join(arguments.paths)}; in a folder those are found "
                "whose names end with _flt.fits or _flc.fits, or these and .gz or .fz"
            )
        if self.dry_run:
            print_plan(plan, self.as_json)
            raise typer.Exit
        with progress_bar(name, self.progress) as report_progress:
            report = stage(arguments, plan, report_progress)
        if self.as_json:
            typer.echo(json.dumps(report.as_dict()))
        for refused in report.rejected:
            say(f"rejected {refused['path']}: {refused['detail']}")
        return report


def print_rows(rows: Sequence[dict[str, Any]], summary: str, as_json: bool) -> None:
    """Print a plan as JSON, or one line per row (action, name, why) and a summary."""
    if as_json:
        typer.echo(json.dumps(rows, indent=2))
        return
    for row in rows:
        name, why = next(value for value in row.values() if value), row["why"]
        typer.echo(f"{row['action']:<12} {name}{f': {why}' if why else ''}")
    say(f"plan: {summary}; nothing was done")


def given_paths(words: Sequence[str]) -> tuple[str, ...]:
    """Return the paths of a command; ``-`` stands for those on standard input, one per line."""
    if "-" not in words:
        return tuple(words)
    listed = [line.rstrip("\n") for line in sys.stdin]
    paths = [word for word in words if word != "-"] + [line for line in listed if line.strip()]
    if not paths:
        raise NothingToDo("standard input holds no path; give one per line")
    return tuple(paths)
