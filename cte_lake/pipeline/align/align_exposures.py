"""Plans and carries out an alignment: what is new or out of date goes to the workers, refusals on record."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from cte_lake.config import Settings
from cte_lake.detector import exposure_length
from cte_lake.digests import digest
from cte_lake.errors import ExitCode, Rejected
from cte_lake.lake.commit import withdraw
from cte_lake.lake.read import MasterFile, current_master, readable_exposures
from cte_lake.pipeline.align.alignment_rows import (
    ALIGNED,
    QUARANTINED,
    SKIPPED,
    alignment_states,
    current_rows,
    without_headerlet,
)
from cte_lake.pipeline.align.visit_offsets import VisitOffset, visit_offsets
from cte_lake.pipeline.carry_out import (
    Preparing,
    PreparingReport,
    Progress,
    Refuse,
    StageArguments,
    prepare,
    put_on_record,
    refusal_of,
)
from cte_lake.pipeline.dask import Done
from cte_lake.pipeline.survey import ExposureFile, survey

#: Raised when the way from frame to solution changes the numbers though no setting did.
ALIGN_ALGORITHM = 1


@dataclass
class AlignPlan(Preparing):
    """What is to be done: `todo` has each exposure to align, its catalog and the key of the result."""

    todo: list[tuple[ExposureFile, MasterFile, str]] = field(default_factory=list)

    @property
    def selected(self) -> int:
        """How many files the selection and the rules left."""
        return len(self.todo) + super().selected


@dataclass
class AlignReport(PreparingReport):
    """What an alignment did: counts, refused files, a record per exposure worked on, visits that were off.

    `withdrawn` counts measured images (FLT and FLC, all modes) of quarantined exposures, which readers no
    longer see.
    """

    aligned: int = 0
    skipped: int = 0
    withdrawn: int = 0
    quarantined: list[dict[str, Any]] = field(default_factory=list)
    exposures: list[dict[str, Any]] = field(default_factory=list)
    visits: list[VisitOffset] = field(default_factory=list)

    @property
    def exit_code(self) -> ExitCode:
        """Done, or done in part where exposures were quarantined or files failed."""
        return ExitCode.DONE_IN_PART if self.rejected or self.quarantined else ExitCode.DONE

    def as_dict(self) -> dict[str, Any]:
        """Return the report as plain values."""
        return super().as_dict() | {"visits": [asdict(visit) for visit in self.visits]}


def make_plan(arguments: StageArguments) -> AlignPlan:
    """Decide what is to be aligned; nothing is written and no pixel is read.

    Raises
    ------
    UsageError
        If a path does not exist or a pattern matches nothing.
    """
    rows = {row["path"]: row for row in current_rows(arguments.lake)}
    found = survey(arguments.paths, arguments.settings, arguments.selection, rows)
    plan = AlignPlan(refused=found.refused, excluded=found.excluded, unselected=found.unselected)
    states = alignment_states(arguments.lake)
    lost = without_headerlet(arguments.lake, states.values())
    masters = {name: current_master(arguments.lake, name) for name in {e.target for e in found.exposures}}
    for exposure in found.exposures:
        master = masters[exposure.target]
        if master is None:
            plan.refused[Path(exposure.path)] = _no_master(exposure.target)
            continue
        key = solution_key(exposure, master, arguments.settings)
        state = states.get(exposure.rootname)
        if state is not None and state.key == key and state.path.name not in lost and not arguments.overwrite:
            plan.up_to_date.append(exposure.rootname)
        else:
            plan.todo.append((exposure, master, key))
    return plan


def align(
    arguments: StageArguments, plan: AlignPlan | None = None, progress: Progress | None = None
) -> AlignReport:
    """Fit the WCS of what is new or out of date among the given files to its master catalog.

    Raises
    ------
    NothingToDo
        If the selection names exposures and none is found.
    UsageError
        If a path does not exist.
    """
    arguments.lake.write_seeds()
    plan, report = plan or make_plan(arguments), AlignReport()
    record, settings_hash = partial(_record, arguments, report), _settings_hash(arguments.settings)
    prepare(arguments, plan, report, settings_hash, _align, _tasks(arguments, plan), record, progress)
    _withdraw_quarantined(arguments, report)
    report.exposures.sort(key=lambda entry: str(entry["rootname"]))
    report.visits = visit_offsets(report.exposures)
    return report


def _align(task: Any) -> Any:
    """Align an exposure; where there is none, what fits it is not loaded, a second of CPU."""
    from cte_lake.pipeline.align.align_task import align_exposure

    return align_exposure(task)


def _tasks(arguments: StageArguments, plan: AlignPlan) -> list[Any]:
    if not plan.todo:
        return []
    from cte_lake.pipeline.align.align_task import AlignTask

    config = arguments.settings.config
    settings_hash = _settings_hash(arguments.settings)
    return [
        AlignTask(
            arguments.lake,
            exposure,
            exposure_length(exposure.exptime, config.chips.short_limit),
            master,
            config.align,
            settings_hash,
            key,
        )
        for exposure, master, key in plan.todo
    ]


def _record(arguments: StageArguments, report: AlignReport, refuse: Refuse, done: Done[Any, Any]) -> None:
    exposure: ExposureFile = done.task.exposure
    if done.result is None:
        refuse(Path(exposure.path), refusal_of(Path(exposure.path), done.error, "align"), exposure)
        return
    outcome = done.result
    numbers = {} if outcome.quality is None else asdict(outcome.quality)
    entry = {name: getattr(outcome, name) for name in ("rootname", "status", "reason", "detail")}
    place = {"proposal": exposure.proposal, "visit": exposure.visit, "mjd": exposure.mjd}
    found = {"search": outcome.search, "catalog_epoch": outcome.catalog_epoch}
    report.exposures.append(entry | place | found | numbers)
    if outcome.status == ALIGNED:
        report.aligned += 1
    elif outcome.status == SKIPPED:
        report.skipped += 1
    elif outcome.status == QUARANTINED:
        report.quarantined.append(entry)
        refusal = Rejected(outcome.reason, outcome.detail, stage="align")
        put_on_record(
            arguments.lake, Path(exposure.path), refusal, _settings_hash(arguments.settings), exposure
        )


def _withdraw_quarantined(arguments: StageArguments, report: AlignReport) -> None:
    """Take out of readers' sight what was measured of exposures whose position is now known to be wrong."""
    if not report.quarantined or not arguments.settings.config.photometry.use_alignment:
        return
    for row in readable_exposures(arguments.lake, [entry["rootname"] for entry in report.quarantined]):
        withdraw(arguments.lake, row)
        report.withdrawn += 1


def _no_master(target: str) -> Rejected:
    return Rejected(
        "no_master",
        f"target {target} has no master catalog in the lake; import one with "
        f"`cte-lake master import FILE --target {target}` or make one with `cte-lake master build`",
        stage="align",
    )


def _settings_hash(settings: Settings) -> str:
    return digest([ALIGN_ALGORITHM, settings.hash("align", "chips")])


def solution_key(exposure: ExposureFile, master: MasterFile, settings: Settings) -> str:
    """Hash of all that a solution follows from: the file, the catalog, the settings."""
    return digest([exposure.fingerprint, master.master_hash, _settings_hash(settings)])


def summary_line(report: AlignReport) -> str:
    """Return the report in one sentence."""
    reasons = Counter(str(entry["reason"]) for entry in [*report.quarantined, *report.rejected])
    parts = [f"{report.aligned} aligned", f"{report.up_to_date} up to date"]
    parts += [f"{report.skipped} skipped (charge injection)"] if report.skipped else []
    parts += [f"{len(report.quarantined)} quarantined"] if report.quarantined else []
    parts += [f"{report.withdrawn} measured images withdrawn"] if report.withdrawn else []
    parts += [f"{len(report.rejected)} rejected"] if report.rejected else []
    return f"align: {', '.join(parts)}{_counted(reasons.items())} in {report.seconds:.1f} s"


def _counted(reasons: Iterable[tuple[str, int]]) -> str:
    entry = ", ".join(f"{n} {reason}" for reason, n in sorted(reasons))
    return f" ({entry})" if entry else ""
