"""What a run is asked to do: folder, selection, steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from cte_lake.config import Settings
from cte_lake.errors import ExitCode, UsageError
from cte_lake.lake.selection import Selection
from cte_lake.lake.stored import StoredLake
from cte_lake.names import suggestion
from cte_lake.pipeline.dask import WorkerSettings
from cte_lake.radii import RADII


@dataclass
class StepReport:
    """What a step did: things made, things that failed and are on record, one line, seconds of wall time."""

    step: str
    done: int
    failed: int
    summary: str
    exit_code: ExitCode = ExitCode.DONE
    seconds: float = 0.0


@dataclass
class RunReport:
    """What a run did, step by step."""

    steps: list[StepReport] = field(default_factory=list)

    @property
    def exit_code(self) -> ExitCode:
        """Nothing to do if all that was asked for by name is absent; else done in part if any step was."""
        codes = {step.exit_code for step in self.steps}
        if ExitCode.DONE_IN_PART in codes:
            return ExitCode.DONE_IN_PART
        return max(codes, default=ExitCode.DONE)

    def as_dict(self) -> dict[str, Any]:
        """Return the report as plain values, for the JSON line."""
        return {
            "steps": [vars(step) | {"exit_code": int(step.exit_code)} for step in self.steps],
            "seconds": sum(step.seconds for step in self.steps),
            "exit_code": int(self.exit_code),
        }


STEPS = ("fetch", "align", "crmask", "ingest", "measure", "fit", "plots", "report")
#: Steps of a run that names none; fetching is asked for, since it needs the network.
DEFAULT_STEPS = STEPS[1:]


@dataclass(frozen=True)
class RunArguments:
    """Arguments of a run; an empty selection takes all, without radii (px) the configured one counts."""

    lake: StoredLake
    folder: Path
    settings: Settings
    selection: Selection = field(default_factory=Selection)
    steps: tuple[str, ...] = DEFAULT_STEPS
    workers: WorkerSettings = field(default_factory=WorkerSettings)
    plots: tuple[str, ...] = ()
    radii: tuple[int, ...] = ()


def checked_steps(names: Sequence[str], plots: bool = False, report: bool = True) -> tuple[str, ...]:
    """Return the steps that are named, in the order in which they are done; all but fetch if none is.

    Parameters
    ----------
    names : sequence of str
        Steps of `STEPS`.
    plots : bool, optional
        Whether figures were asked for by kind, which is a step too.
    report : bool, optional
        False leaves the report out.

    Raises
    ------
    UsageError
        If one is unknown.
    """
    unknown = [name for name in names if name not in STEPS]
    if unknown:
        hint = suggestion(unknown[0], STEPS) or ";"
        raise UsageError(f"there is no step {unknown[0]!r}{hint} there are {', '.join(STEPS)}")
    chosen = {*(names or DEFAULT_STEPS), *(("plots",) if plots else ())} - (set() if report else {"report"})
    return tuple(step for step in STEPS if step in chosen)


def checked_plots(kinds: Sequence[str]) -> tuple[str, ...]:
    """Return kinds of figures of a set, each once.

    Raises
    ------
    UsageError
        If one is unknown, or drawn by name alone.
    """
    from cte_lake.report.figures.collection import checked_kinds

    return checked_kinds(kinds) if kinds else ()


def checked_radii(radii: Sequence[int]) -> tuple[int, ...]:
    """Return aperture radii in their order, each once.

    Raises
    ------
    UsageError
        If the lake has none of one.
    """
    for radius in radii:
        if radius not in RADII:
            raise UsageError(f"--radius {radius}: radii are {', '.join(map(str, RADII))} px")
    return tuple(sorted(set(radii)))


def select_proposals(
    words: Sequence[str], selection: Selection, lake: StoredLake, folder: Path, settings: Settings
) -> Selection:
    """Add what ``--proposal`` says to a selection: numbers, 'all', 'last', or '180'.

    'last' is the highest proposal among the exposures of the folder; '180' the targets observed at two rolls.

    Raises
    ------
    UsageError
        If a word is none of these, or 'last' finds no exposure.
    """
    numbers: list[int] = []
    targets = list(selection.target)
    for word in words:
        if word == "180":
            targets += [name for name, target in settings.config.targets.items() if target.pairing == "180"]
        elif word == "last":
            numbers.append(_last_proposal(lake, folder, settings))
        elif word.isdigit():
            numbers.append(int(word))
        elif word != "all":
            raise UsageError(f"--proposal {word!r} is not known; it is all, last, 180 or a proposal number")
    return replace(selection, proposal=tuple(numbers), target=tuple(dict.fromkeys(targets)))


def _last_proposal(lake: StoredLake, folder: Path, settings: Settings) -> int:
    from cte_lake.pipeline.align.alignment_rows import current_rows
    from cte_lake.pipeline.survey import survey

    known = {row["path"]: row for row in current_rows(lake)}
    found = survey([str(folder)], settings, Selection(), known).exposures
    if not found:
        raise UsageError(f"--proposal last: there is no exposure of a configured target in {folder}")
    return max(exposure.proposal for exposure in found)
