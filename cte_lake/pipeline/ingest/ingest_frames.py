"""Carries an ingest's plan out: refusals on record, exposures to the workers, outcomes counted."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from cte_lake.errors import ExitCode, LakeError, NothingToDo, Rejected
from cte_lake.filenames import path_from_text, path_text
from cte_lake.lake.added_columns import added_columns, header_columns
from cte_lake.lake.commit import withdraw
from cte_lake.lake.read import earlier_exposure
from cte_lake.pipeline import ingest_tally as tally
from cte_lake.pipeline.carry_out import (
    WORKER_FAILURES,
    IngestArguments,
    Progress,
    StageReport,
    carry_out,
    put_on_record,
    refusal_of,
)
from cte_lake.pipeline.dask import Done
from cte_lake.pipeline.ingest.exposure_rows import end_rejects
from cte_lake.pipeline.ingest.items import Action, Item, Previous
from cte_lake.pipeline.ingest.keys import photometry_settings
from cte_lake.pipeline.ingest.plan import Plan, make_plan
from cte_lake.pipeline.ingest_tally import OUTCOMES

if TYPE_CHECKING:
    from cte_lake.pipeline.ingest.ingest_task import MeasureTask

#: Steps whose refusals say nothing of the image: what was measured of it before goes on to count.
_NOTHING_AGAINST_THE_IMAGE = frozenset({"write", "worker"})


@dataclass
class IngestReport(StageReport):
    """What an ingest did.

    Attributes
    ----------
    measured, renewed : int
        Exposures measured; exposures whose photometry was there and whose row was renewed.
    stars : int
        Rows of photometry written.
    withdrawn : int
        Exposures measured before that are now refused or left out by a rule: readers no longer see them.
    counts : dict
        Files an action of the plan.
    sums : dict
        Files an outcome: each file found is in exactly one. See `OUTCOMES`.
    files : int
        Files found.
    superseded : list of dict
        Files of an older calibration than another's that was found or measured: path and detail.
    lacking : str
        What the measured images lack: alignment, cosmic-ray masks; empty for nothing.
    left_alone : str
        How many FITS files of the folders are not FLT or FLC by name; empty for none.
    rounded, coarsest : int, float
        Images measured whose compression rounded pixels without dither, and the coarsest step, electrons.
    unfilled : list of str
        Why an added column has no value in an image.
    """

    measured: int = 0
    renewed: int = 0
    stars: int = 0
    withdrawn: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    sums: dict[str, int] = field(default_factory=dict)
    files: int = 0
    superseded: list[dict[str, str]] = field(default_factory=list)
    lacking: str = ""
    left_alone: str = ""
    rounded: int = 0
    coarsest: float = 0.0
    unfilled: list[str] = field(default_factory=list)

    @property
    def notes(self) -> list[str]:
        """What makes the measured losses less good or fewer than they could be, and what mends it."""
        lines = [line for line in (self.lacking, self.left_alone) if line]
        if self.rounded:
            lines.append(
                f"{self.rounded} images were rounded to steps of up to {self.coarsest:.2f} electrons "
                "without dither: losses of faint stars may move by points; fetch them uncompressed, or "
                "compress them with dither"
            )
        if self.unfilled:
            lines.append(f"{len(self.unfilled)} times an added column was left empty: {self.unfilled[0]}")
        return lines

    @property
    def exit_code(self) -> ExitCode:
        """Done, or done in part where files or added columns failed."""
        return ExitCode.DONE_IN_PART if self.rejected or self.unfilled else ExitCode.DONE


def ingest(
    arguments: IngestArguments, plan: Plan | None = None, progress: Progress | None = None
) -> IngestReport:
    """Measure what is new or out of date among the given files.

    Raises
    ------
    NothingToDo
        If the selection names exposures and no file is one of them.
    UsageError, ConfigError
        If paths or settings do not hold.
    """
    started = perf_counter()
    arguments.lake.write_seeds()
    plan = plan or make_plan(arguments)
    if arguments.selection and all(item.action is Action.NOT_SELECTED for item in plan.items):
        raise NothingToDo(f"none of {len(plan.items)} files is selected by {arguments.selection}")
    report = IngestReport(counts={action.value: n for action, n in plan.counts.items()})
    recorder = _Recorder(arguments, plan, report)
    for item in plan.items:
        if item.action in {Action.REJECTED, Action.EXCLUDED}:
            recorder.refused(item)
    _measure_all(arguments, plan, recorder, progress)
    end_rejects(arguments.lake, dict(_stages(plan, recorder.good)))
    report.files = len(plan.items)
    report.lacking, report.left_alone = str(plan.lacking), plan.names_left_alone
    report.sums = _sums(report)
    report.superseded = [
        {"path": path_text(item.path), "detail": item.why} for item in plan.of(Action.SUPERSEDED)
    ]
    tally.record(arguments.lake, arguments.paths, report.files, report.sums)
    report.seconds = perf_counter() - started
    return report


def _stages(plan: Plan, good: Collection[str]) -> Iterator[tuple[str, str | None]]:
    """Yield each file that was judged, and the step that refused it; None if it was not refused."""
    for item in plan.items:
        path = path_text(item.path)
        if item.action in {Action.REJECTED, Action.EXCLUDED}:
            yield path, item.stage
        elif path in good or item.action in {Action.UP_TO_DATE, Action.DUPLICATE, Action.SUPERSEDED}:
            yield path, None


def _sums(report: IngestReport) -> dict[str, int]:
    """Return the number of files an outcome, and make sure that none is missing or counted twice."""
    done = {
        "measured": report.measured,
        "renewed": report.renewed,
        "excluded": report.excluded,
        "rejected": len(report.rejected),
    }
    sums = {outcome: done.get(outcome, report.counts.get(outcome, 0)) for outcome in OUTCOMES}
    if sum(sums.values()) != report.files:
        raise RuntimeError(f"{report.files} files were found, but the outcomes {sums} are of another number")
    return sums


def _measure_all(
    arguments: IngestArguments, plan: Plan, recorder: _Recorder, progress: Progress | None
) -> None:
    if not plan.ready:
        return
    from cte_lake.pipeline.ingest.ingest_task import measure_or_refuse

    items = {item.imagename: item for item in plan.of(Action.MEASURE)}
    carry_out(
        measure_or_refuse,
        tasks_of(arguments, plan),
        arguments.workers,
        lambda done: recorder.done(items[done.task.exposure.imagename], done),
        progress,
    )


class _Recorder:
    """Writes refusals and counts outcomes."""

    def __init__(self, arguments: IngestArguments, plan: Plan, report: IngestReport) -> None:
        self.arguments = arguments
        self.hash = plan.refusal_hash
        self.report = report
        #: Paths of the files that were measured.
        self.good: set[str] = set()

    def refused(self, item: Item) -> None:
        """Count a refusal and put it on record unless it is there."""
        if item.action is Action.EXCLUDED:
            self.report.excluded += 1
        else:
            entry = {
                "path": path_text(item.path),
                "stage": item.stage,
                "reason": item.reason,
                "detail": item.why,
            }
            self.report.rejected.append(entry)
        if not item.known:
            refusal = Rejected(item.reason, item.why, item.stage)
            rests_on = self.hash + (item.position_state if item.stage == "position" else "")
            put_on_record(self.arguments.lake, item.path, refusal, rests_on, item)
        if item.previous is not None and not item.previous.withdrawn and _is_about_image(item):
            self._withdraw(item.previous)

    def done(self, item: Item, done: Done[Any, Any]) -> None:
        """Count a finished task."""
        if done.error is not None:
            self.refused(item.refuse(_refusal_of(item.path, done.error)))
        elif isinstance(done.result, Rejected):
            self.refused(item.refuse(done.result))
        elif done.result is not None:
            self.good.add(path_text(item.path))
            self.report.measured += done.result.measured
            self.report.renewed += not done.result.measured
            self.report.stars += done.result.n_stars if done.result.measured else 0
            self.report.unfilled += done.result.failed
            if done.result.quantum is not None:
                self.report.rounded += 1
                self.report.coarsest = max(self.report.coarsest, done.result.quantum)

    def _withdraw(self, previous: Previous) -> None:
        lake, mode = self.arguments.lake, self.arguments.settings.config.photometry.mode
        row = earlier_exposure(lake, previous.partition, previous.imagename, mode, previous.phot_key)
        if row is None:
            raise LakeError(
                f"the row of {previous.imagename} went away while it was refused; ingest it again"
            )
        withdraw(lake, row)
        self.report.withdrawn += 1


def _is_about_image(item: Item) -> bool:
    """Return whether a refusal takes back what was measured of the image before: the newest word counts.

    A rule is about the exposure, whichever file it lies in. A failure is about its file: a bad copy takes
    nothing from the good one that was measured, nor does a full disk or a worker that died.
    """
    if item.action is Action.EXCLUDED or item.previous is None:
        return True
    if item.stage in _NOTHING_AGAINST_THE_IMAGE:
        return False
    measured = path_from_text(item.previous.path)
    return measured == item.path or not measured.exists()


def _refusal_of(path: Path, error: BaseException) -> Rejected:
    refusal = refusal_of(path, error, "measure")
    if isinstance(error, LakeError):
        return Rejected(refusal.reason, refusal.detail, stage="write")
    # Not the file's fault, as far as is known: tried in each run.
    if refusal.reason in WORKER_FAILURES:
        return Rejected(refusal.reason, refusal.detail, stage="worker")
    return refusal


def tasks_of(arguments: IngestArguments, plan: Plan) -> list[MeasureTask]:
    """Return one task for each exposure that the plan wants measured.

    Raises
    ------
    ConfigError
        If a function of the configuration cannot be used.
    """
    from cte_lake.pipeline.ingest.ingest_task import MeasureTask
    from cte_lake.pipeline.ingest.write_added import check_functions

    config = arguments.settings.config
    added, headers = added_columns(config), header_columns(config)
    check_functions(arguments.lake, added)
    settings = photometry_settings(config)
    return [
        MeasureTask(
            lake=arguments.lake,
            exposure=candidate.exposure,
            target=candidate.target,
            chip=chip,
            master=candidate.master,
            settings=settings,
            settings_hash=plan.settings_hash,
            rules_hash=plan.rules_hash,
            aperture=float(config.measure.aperture),
            pam_dir=config.photometry.pam_dir,
            edge_margin=config.photometry.edge_margin,
            good_bits=sum(config.photometry.good_bits),
            use_alignment=config.photometry.use_alignment,
            use_crmask=config.photometry.use_crmask,
            admission=config.admission,
            align=config.align,
            previous=candidate.item.previous,
            overwrite=arguments.overwrite,
            added=added,
            headers=headers,
        )
        for candidate, chip in plan.ready.values()
    ]
