"""What a task that raised means for its file."""

from __future__ import annotations

import logging
import traceback
from pathlib import Path

from cte_lake.errors import CteLakeError, Rejected
from cte_lake.frames.regular import cannot_open

log = logging.getLogger(__name__)

_WORKER_DIED, _NO_MEMORY, _DEFECT = "worker_died", "no_memory", "defect"
#: Reasons that say nothing against the file.
WORKER_FAILURES = frozenset({_WORKER_DIED, _NO_MEMORY, _DEFECT})


def refusal_of(path: Path, error: BaseException | None, stage: str) -> Rejected:
    """Turn the error that ended a task into the refusal that goes on record.

    Parameters
    ----------
    path : Path
        The file (or one of the files) the task was about.
    error : BaseException or None
        What it raised.
    stage : str
        The step.
    """
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
    if isinstance(error, OSError):
        return Rejected("unreadable", cannot_open(path, error).detail, stage=stage)
    detail = f"{path.name} failed in a way that cte-lake does not know; this is a defect of cte-lake"
    return Rejected(_DEFECT, detail, stage=stage)
