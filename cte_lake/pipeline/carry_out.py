"""What carrying out a plan is in every stage: tasks to the workers, errors to refusals on record."""

from __future__ import annotations

import errno
import logging
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any, Protocol, TypeVar

from cte_lake.config import Settings
from cte_lake.errors import CteLakeError, ExitCode, NothingToDo, Rejected
from cte_lake.filenames import path_text
from cte_lake.frames.regular import cannot_open
from cte_lake.lake.selection import Selection
from cte_lake.lake.stored import StoredLake
from cte_lake.pipeline.dask import Done, WorkerSettings, run_tasks

Task = TypeVar("Task")
Result = TypeVar("Result")

#: Called after each task with (done, total); for a progress bar.
Progress = Callable[[int, int], None]
#: Called with path, refusal and image, if known, of a file that is refused.
Refuse = Callable[..., None]


@dataclass(frozen=True)
class StageArguments:
    """What a stage is asked to do with frames: align, mask, measure.

    Attributes
    ----------
    paths : tuple of str
        Files, folders and glob patterns.
    selection : Selection
        Which exposures; an empty one takes all.
    overwrite : bool
        Do again what is up to date.
    """

    lake: StoredLake
    paths: tuple[str, ...]
    settings: Settings
    selection: Selection = field(default_factory=Selection)
    workers: WorkerSettings = field(default_factory=WorkerSettings)
    overwrite: bool = False


@dataclass(frozen=True)
class IngestArguments(StageArguments):
    """Arguments of an ingest; `limit` is the largest number of exposures measured in this run."""

    limit: int | None = None


@dataclass
class Preparing:
    """What a stage that prepares exposures leaves alone; a stage's own plan adds what is to be done.

    Attributes
    ----------
    up_to_date : list of str
        Root names for which nothing has changed: file, catalog, settings.
    refused : dict of Path to Rejected
        Files that cannot be used.
    excluded, unselected : int
        Files left out by a configured rule, and by the selection.
    """

    up_to_date: list[str] = field(default_factory=list)
    refused: dict[Path, Rejected] = field(default_factory=dict)
    excluded: int = 0
    unselected: int = 0

    @property
    def selected(self) -> int:
        """How many exposures and files the selection and the rules left."""
        return len(self.up_to_date) + len(self.refused)

    @property
    def found(self) -> int:
        """How many exposures and files were found, whatever is done with them."""
        return self.selected + self.excluded + self.unselected


@dataclass
class StageReport:
    """What every stage counts: files left out by a rule, a record per refused file, wall time in seconds."""

    excluded: int = 0
    rejected: list[dict[str, Any]] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def exit_code(self) -> ExitCode:
        """Done, or done in part where files failed."""
        return ExitCode.DONE_IN_PART if self.rejected else ExitCode.DONE

    def as_dict(self) -> dict[str, Any]:
        """Return the report as plain values."""
        return vars(self) | {"exit_code": int(self.exit_code)}

    def refuse(
        self, lake: StoredLake, settings_hash: str, path: Path, refusal: Rejected, image: Image | None = None
    ) -> None:
        """Put a refused file on record, in the lake and here; see `put_on_record`."""
        self.rejected.append(put_on_record(lake, path, refusal, settings_hash, image))


@dataclass
class PreparingReport(StageReport):
    """What a stage that prepares exposures counts: also those that were up to date."""

    up_to_date: int = 0


class Image(Protocol):
    """What a refused file is known by, as far as its header was read."""

    @property
    def imagename(self) -> str | None:
        """Root name and file type."""

    @property
    def target(self) -> str | None:
        """Target."""

    @property
    def proposal(self) -> int | None:
        """Proposal number."""


def carry_out(
    function: Callable[[Task], Result],
    tasks: Sequence[Task],
    workers: WorkerSettings,
    record: Callable[[Done[Task, Result]], None],
    progress: Progress | None = None,
) -> None:
    """Run `function` on each task, and call `record` with each outcome when it is there."""
    for number, done in enumerate(run_tasks(function, tasks, workers), start=1):
        record(done)
        if progress is not None:
            progress(number, len(tasks))


def prepare(
    arguments: StageArguments,
    plan: Preparing,
    report: PreparingReport,
    settings_hash: str,
    function: Callable[[Task], Result],
    tasks: Sequence[Task],
    record: Callable[[Refuse, Done[Task, Result]], None],
    progress: Progress | None,
) -> None:
    """Put a plan's refusals on record, and carry its tasks out; see `carry_out`.

    Raises
    ------
    NothingToDo
        If the selection names exposures, and all were left out by it.
    """
    started = perf_counter()
    if arguments.selection and plan.unselected and not plan.selected:
        raise NothingToDo(f"none of {plan.unselected} exposures is selected by {arguments.selection}")
    report.up_to_date, report.excluded = len(plan.up_to_date), plan.excluded
    refuse = partial(report.refuse, arguments.lake, settings_hash)
    for path, refusal in plan.refused.items():
        refuse(path, refusal)
    carry_out(function, tasks, arguments.workers, partial(record, refuse), progress)
    report.seconds = perf_counter() - started


def put_on_record(
    lake: StoredLake, path: Path, refusal: Rejected, settings_hash: str, image: Image | None = None
) -> dict[str, Any]:
    """Write a refused file's row; return its entry in the report."""
    from cte_lake.pipeline.ingest.exposure_rows import write_reject

    write_reject(
        lake,
        path,
        stage=refusal.stage,
        reason=refusal.reason,
        detail=refusal.detail,
        settings_hash=settings_hash,
        imagename=image.imagename if image else None,
        target=image.target if image else None,
        proposal=image.proposal if image else None,
    )
    return {
        "path": path_text(path),
        "stage": refusal.stage,
        "reason": refusal.reason,
        "detail": refusal.detail,
    }


log = logging.getLogger(__name__)

_WORKER_DIED, _NO_MEMORY, _NO_ROOM, _DEFECT = "worker_died", "no_memory", "no_room", "defect"
#: Errors that no reading meets: what could not be written was something else than the frame.
_OF_WRITING = frozenset({errno.ENOSPC, errno.EFBIG, errno.EDQUOT, errno.EROFS})
#: Reasons that say nothing against the file.
WORKER_FAILURES = frozenset({_WORKER_DIED, _NO_MEMORY, _NO_ROOM, _DEFECT})


def refusal_of(path: Path, error: BaseException | None, stage: str) -> Rejected:
    """Turn the error that ended a task into the refusal that goes on record."""
    if isinstance(error, Rejected):
        return error
    if isinstance(error, CteLakeError):
        return Rejected(error.kind, str(error), stage=stage)
    if type(error).__name__ == "KilledWorker":
        return Rejected(
            _WORKER_DIED,
            f"the worker on {path.name} died more than once, perhaps out of memory; "
            "raise workers.memory_limit or use fewer workers",
            stage=stage,
        )
    if error is not None:
        log.debug("".join(traceback.format_exception(error)))
    if isinstance(error, MemoryError):
        return Rejected(_NO_MEMORY, f"not enough memory for {path.name}; use fewer workers", stage=stage)
    if isinstance(error, OSError) and error.errno in _OF_WRITING:
        why = f"no room to work on {path.name}: {error.strerror}; free some space and run the command again"
        return Rejected(_NO_ROOM, why, stage=stage)
    if isinstance(error, OSError):
        return Rejected("unreadable", cannot_open(path, error).detail, stage=stage)
    detail = f"{path.name} failed in a way that cte-lake does not know; this is a defect of cte-lake"
    return Rejected(_DEFECT, detail, stage=stage)
