"""What a task that raised means for its file."""

from __future__ import annotations

import logging
import traceback
from pathlib import Path

from cte_lake.errors import CteLakeError, Rejected

log = logging.getLogger(__name__)

_WORKER_DIED, _DEFECT = "worker_died", "defect"
#: Reasons that say nothing against the file.
WORKER_FAILURES = frozenset({_WORKER_DIED, _DEFECT})


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
    return Rejected(_DEFECT, f"{path.name} failed: {type(error).__name__}: {error}", stage=stage)
