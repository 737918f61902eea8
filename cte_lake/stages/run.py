"""The whole way in one go: fetch, align, crmask, ingest, measure, plots, report; only what is out of date."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from cte_lake.config import Settings
from cte_lake.errors import ArchiveError, ExitCode, NothingToDo, UsageError
from cte_lake.lake.selection import Selection
from cte_lake.lake.versions import digest
from cte_lake.lake.write import write_bytes
from cte_lake.stages.dask import WorkerSettings

if TYPE_CHECKING:
    from cte_lake.api import Lake

log = logging.getLogger(__name__)

STEPS = ("fetch", "align", "crmask", "ingest", "measure", "plots", "report")
#: Steps of a run that names none; fetching is asked for, since it needs the network.
DEFAULT_STEPS = STEPS[1:]
_FIGURES = ("overview", "cte-time", "cte-flux", "cte-flash", "cte-180", "recovery")
_STATE = "run_state.json"


@dataclass(frozen=True)
class RunArguments:
    """Arguments of a run.

    Attributes
    ----------
    lake : Path
        Root of the lake.
    folder : Path
        Where the frames are, and where fetched ones go.
    settings : Settings
        The configuration.
    selection : Selection
        Which exposures are prepared and measured; an empty one takes all.
    steps : tuple of str
        Of `STEPS`; they are done in that order.
    workers : WorkerSettings
        Where to work.
    """

    lake: Path
    folder: Path
    settings: Settings
    selection: Selection = field(default_factory=Selection)
    steps: tuple[str, ...] = DEFAULT_STEPS
    workers: WorkerSettings = field(default_factory=WorkerSettings)


@dataclass
class StepReport:
    """What a step did.

    Attributes
    ----------
    step : str
        Its name.
    done : int
        Things made: files fetched, exposures aligned, masked, measured, pairs, figures, pages.
    failed : int
        Things that failed and are on record.
    summary : str
        One line.
    exit_code : ExitCode
        As the step's own command gives it.
    seconds : float
        Wall time.
    """

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


def checked_steps(names: Sequence[str]) -> tuple[str, ...]:
    """Return the steps that are named, in the order in which they are done; all but fetch if none is.

    Raises
    ------
    UsageError
        If one is unknown.
    """
    unknown = [name for name in names if name not in STEPS]
    if unknown:
        raise UsageError(f"there is no step {unknown[0]!r}; there are {', '.join(STEPS)}")
    return tuple(step for step in STEPS if step in names) if names else DEFAULT_STEPS


def select_proposals(
    words: Sequence[str], selection: Selection, lake: Path, folder: Path, settings: Settings
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


def _last_proposal(lake: Path, folder: Path, settings: Settings) -> int:
    from cte_lake.stages.align.store import current_rows
    from cte_lake.stages.survey import survey

    known = {row["path"]: row for row in current_rows(lake)}
    found = survey([str(folder)], settings, Selection(), known).exposures
    if not found:
        raise UsageError(f"--proposal last: there is no exposure of a configured target in {folder}")
    return max(exposure.proposal for exposure in found)


def run(arguments: RunArguments, told: Callable[[StepReport], None] | None = None) -> RunReport:
    """Do the steps, each only where something is missing or out of date.

    A step that fails in part does not stop the next; what is kept after a kill is kept, and the next run goes
    on from there.

    Parameters
    ----------
    arguments : RunArguments
        What is asked.
    told : callable, optional
        Called with each step's report when it is done.

    Raises
    ------
    CteLakeError
        If the configuration or an argument is wrong.
    """
    report = RunReport()
    for step in arguments.steps:
        started = perf_counter()
        try:
            done = _DO[step](arguments)
        except (NothingToDo, ArchiveError) as error:
            done = StepReport(step, 0, 0, f"{step}: {error}", error.exit_code)
        done.seconds = perf_counter() - started
        report.steps.append(done)
        if told is not None:
            told(done)
    return report


def _fetch(arguments: RunArguments) -> StepReport:
    from cte_lake.stages.fetch.run import FetchArguments, fetch, summary_line

    proposals = arguments.selection.proposal or tuple(sorted(arguments.settings.config.proposals))
    done = fetch(FetchArguments(proposals, arguments.folder, arguments.settings))
    return StepReport("fetch", len(done.fetched), len(done.failed), summary_line(done), done.exit_code)


def _align(arguments: RunArguments) -> StepReport:
    from cte_lake.stages.align.run import AlignArguments, align, summary_line

    done = align(AlignArguments(**_common(arguments)))
    failed = len(done.quarantined) + len(done.rejected)
    return StepReport("align", done.aligned, failed, summary_line(done), done.exit_code)


def _crmask(arguments: RunArguments) -> StepReport:
    from cte_lake.stages.crmask.run import CrmaskArguments, find_cosmic_rays, summary_line

    done = find_cosmic_rays(CrmaskArguments(**_common(arguments)))
    return StepReport("crmask", len(done.masked), len(done.rejected), summary_line(done), done.exit_code)


def _ingest(arguments: RunArguments) -> StepReport:
    from cte_lake.stages.ingest import IngestArguments, ingest

    done = ingest(IngestArguments(**_common(arguments)))
    up_to_date = done.counts.get("up to date", 0)
    summary = (
        f"ingest: {done.measured} measured, {done.renewed} renewed, {up_to_date} up to date, "
        f"{done.excluded} excluded, {len(done.rejected)} rejected in {done.seconds:.1f} s"
    )
    return StepReport("ingest", done.measured + done.renewed, len(done.rejected), summary, done.exit_code)


def _common(arguments: RunArguments) -> dict[str, Any]:
    return {
        "lake": arguments.lake,
        "paths": (str(arguments.folder),),
        "settings": arguments.settings,
        "selection": arguments.selection,
        "workers": arguments.workers,
    }


def _measure(arguments: RunArguments) -> StepReport:
    with _opened(arguments) as lake:
        state = _state_of(lake, arguments.settings)
        place = arguments.lake / "reports" / "losses.parquet"
        if _is_current(arguments.lake, "measure", state) and place.is_file():
            return StepReport("measure", 0, 0, "measure: up to date")
        table = lake.view("cte").arrow()
        import pyarrow.parquet as pq

        from cte_lake.lake.write import replacing

        with replacing(place) as temporary:
            pq.write_table(table, temporary, compression="zstd")
        pairs = len(set(table.column("pair_id").to_pylist()))
    _mark(arguments.lake, "measure", state)
    return StepReport("measure", pairs, 0, f"measure: {table.num_rows} losses of {pairs} pairs in {place}")


def _plots(arguments: RunArguments) -> StepReport:
    from cte_lake.plots.style import save
    from cte_lake.report.figures import Request, draw

    folder = arguments.lake / "reports" / "plots"
    measure = arguments.settings.config.measure
    mode = arguments.settings.config.photometry.mode
    with _opened(arguments) as lake:
        state = _state_of(lake, arguments.settings)
        if _is_current(arguments.lake, "plots", state) and folder.is_dir():
            return StepReport("plots", 0, 0, "plots: up to date")
        asked = Request(
            aperture=measure.aperture,
            estimator=measure.estimator,
            time_bins=tuple(measure.time_bins),
            names=(mode, mode),
        )
        folder.mkdir(parents=True, exist_ok=True)
        drawn = []
        for kind in _FIGURES:
            try:
                drawing = draw(kind, lake, asked)
            except NothingToDo as nothing:
                log.debug("%s: %s", kind, nothing)
                continue
            save(drawing.figure, folder / f"{kind}.png")
            drawn.append(kind)
    _mark(arguments.lake, "plots", state)
    return StepReport("plots", len(drawn), 0, f"plots: {', '.join(drawn) or 'nothing to draw'} in {folder}")


def _report(arguments: RunArguments) -> StepReport:
    from cte_lake.report.build import make_report

    with _opened(arguments) as lake:
        state = _state_of(lake, arguments.settings)
        if _is_current(arguments.lake, "report", state):
            return StepReport("report", 0, 0, "report: up to date")
        made = make_report(lake, arguments.settings, arguments.settings.config.photometry.mode)
    _mark(arguments.lake, "report", state)
    return StepReport("report", made.pages, 0, f"report: {made.pages} pages in {made.folder}")


_DO: dict[str, Callable[[RunArguments], StepReport]] = {
    "fetch": _fetch,
    "align": _align,
    "crmask": _crmask,
    "ingest": _ingest,
    "measure": _measure,
    "plots": _plots,
    "report": _report,
}


def _opened(arguments: RunArguments) -> Lake:
    from cte_lake import open_lake

    return open_lake(arguments.lake, settings=arguments.settings)


def _state_of(lake: Lake, settings: Settings) -> str:
    """Hash of all that losses, figures and report follow from: which photometry counts, and the settings."""
    rows = lake.sql("SELECT imagename, phot_key FROM exposures ORDER BY ALL").rows()
    sets = sorted(path.name for path in (lake.root / "coefficients").rglob("*") if path.is_file())
    return digest([[list(row.values()) for row in rows], sets, settings.hash()])


def _states(lake: Path) -> dict[str, str]:
    try:
        states = json.loads((lake / "reports" / _STATE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return states if isinstance(states, dict) else {}


def _is_current(lake: Path, step: str, state: str) -> bool:
    return _states(lake).get(step) == state


def _mark(lake: Path, step: str, state: str) -> None:
    content = json.dumps(_states(lake) | {step: state}, indent=1, sort_keys=True)
    write_bytes(lake / "reports" / _STATE, content.encode())
