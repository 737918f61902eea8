"""drizzlepac in a process and a folder of its own.

It edits its inputs, litters its working directory, keeps module-wide state and loses jobs in threads. So each
job gets copies, a private folder that goes away with it, and a fresh process whose memory comes back.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from cte_lake.errors import Rejected

_PREFIX = "cte-lake-job-"
_LOG = "job.log"
_ARGUMENTS = "job.json"
_RESULT = "result.json"
_ENVIRONMENT = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MPLBACKEND": "Agg"}


@contextlib.contextmanager
def private_folder(base: Path | None = None) -> Iterator[Path]:
    """Yield an empty folder that is gone afterwards; those that killed runs left are removed on the way.

    Parameters
    ----------
    base : Path, optional
        Where to make it; default: the system's folder for temporary files (``TMPDIR``).
    """
    parent = Path(tempfile.gettempdir() if base is None else base)
    _sweep(parent)
    folder = Path(tempfile.mkdtemp(prefix=f"{_own_prefix()}{os.getpid()}-", dir=parent))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _own_prefix() -> str:
    # Workers of several machines may share the folder; only of our own do we know which processes live.
    return f"{_PREFIX}{socket.gethostname()}-"


def _sweep(parent: Path) -> None:
    for folder in parent.glob(f"{_own_prefix()}*"):
        owner = folder.name.removeprefix(_own_prefix()).partition("-")[0]
        if owner.isdigit() and not _alive(int(owner)):
            shutil.rmtree(folder, ignore_errors=True)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def run_job(job: str, arguments: Mapping[str, Any], folder: Path, stage: str) -> dict[str, Any]:
    """Run one of `cte_lake.pipeline.drizzle_jobs` in a process of its own.

    Parameters
    ----------
    job : str
        Its name.
    arguments : mapping
        JSON-able keyword arguments; file names are relative to `folder`.
    folder : Path
        Working directory with the copies to work on.
    stage : str
        The step, for the refusal.

    Returns
    -------
    dict
        What the job returned, and ``seconds``, ``import_seconds`` and ``peak_mb`` of its process.

    Raises
    ------
    Rejected
        'drizzlepac_failed', with the last line that it printed.
    """
    (folder / _ARGUMENTS).write_text(json.dumps({"job": job, "arguments": dict(arguments)}), encoding="utf-8")
    command = [sys.executable, "-m", "cte_lake.pipeline.drizzle_jobs", _ARGUMENTS, _RESULT]
    with (folder / _LOG).open("wb") as log:
        done = subprocess.run(
            command, cwd=folder, stdout=log, stderr=log, env=os.environ | _ENVIRONMENT, check=False
        )
    result = folder / _RESULT
    if done.returncode != 0 or not result.is_file():
        said = (folder / _LOG).read_text(encoding="utf-8", errors="replace").strip().splitlines()
        last = said[-1] if said else "nothing"
        raise Rejected(
            "drizzlepac_failed",
            f"{job} ended with exit code {done.returncode} and said: {last}",
            stage=stage,
        )
    returned: dict[str, Any] = json.loads(result.read_text(encoding="utf-8"))
    return returned
