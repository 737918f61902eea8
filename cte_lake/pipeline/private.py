"""drizzlepac in a process and a folder of its own.

It edits its inputs, litters its working directory, keeps module-wide state and loses jobs in threads. So each
job gets copies, a private folder that goes away with it, and a fresh process whose memory comes back.
"""

from __future__ import annotations

import contextlib
import io
import json
import logging
import os
import subprocess
import sys
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from cte_lake.errors import Rejected
from cte_lake.lake.scratch import scratch_folder

_PREFIX = "cte-lake-job-"
_LOG = "job.log"
_ARGUMENTS = "job.json"
_RESULT = "result.json"
_ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MPLBACKEND": "Agg",
    # glibc gives the memory of each large array back to the system and takes it anew: a third of the time of
    # drizzlepac's arithmetic on full frames is the system's. Kept in the process it is half as much.
    "MALLOC_MMAP_MAX_": "0",
    "MALLOC_TRIM_THRESHOLD_": str(1 << 32),
    "MALLOC_TOP_PAD_": str(64 << 20),
}


@contextlib.contextmanager
def private_folder(base: Path | None = None) -> Iterator[Path]:
    """Yield an empty folder that is gone afterwards; those that killed runs left are removed on the way."""
    with scratch_folder(base, _PREFIX) as folder:
        yield folder


def run_job(job: str, arguments: Mapping[str, Any], folder: Path, stage: str) -> dict[str, Any]:
    """Run one of `cte_lake.pipeline.drizzle_jobs` in a process of its own.

    The arguments are JSON-able; file names are relative to the folder, which is its working directory.

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
            "drizzlepac_failed", f"{job} ended with exit code {done.returncode} and said: {last}", stage=stage
        )
    returned: dict[str, Any] = json.loads(result.read_text(encoding="utf-8"))
    return returned


@contextlib.contextmanager
def silenced(*libraries: str) -> Iterator[None]:
    """Within the block, let the named libraries log nothing, print nothing and warn of no header card.

    Their modules set log levels of their own, so only cutting the branch off from the root helps.
    """
    # Imported where it is used: a night, which knows of workers, goes without it.
    from astropy.utils.exceptions import AstropyWarning

    for library in libraries:
        logger = logging.getLogger(library)
        logger.propagate = False
        if not logger.handlers:
            logger.addHandler(logging.NullHandler())
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore", AstropyWarning)
        yield
