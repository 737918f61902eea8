"""drizzlepac in a process and a folder of its own, on plain copies of frames.

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

from astropy.io import fits
from astropy.utils.exceptions import AstropyWarning

from cte_lake.errors import Rejected
from cte_lake.frames.opening import EXTVER_OF_CHIP, open_frame
from cte_lake.lake.scratch import scratch_folder

_SIP_PREFIXES = ("A_", "B_", "AP_", "BP_")


def write_plain_copy(path: Path, copy: Path, cards: Mapping[int, Mapping[str, Any]] | None) -> None:
    """Copy an FLT or FLC as an uncompressed FITS file.

    Parameters
    ----------
    path : Path
        FLT or FLC, compressed or not.
    copy : Path
        Where to write it; must not exist.
    cards : mapping of int to mapping, optional
        WCS cards of each chip that take the place of the file's; lookup tables stay as they are.

    Raises
    ------
    Rejected
        If the file cannot be read.
    """
    with open_frame(path) as hdus:
        plain = fits.HDUList([fits.PrimaryHDU(header=hdus[0].header)])
        for hdu in hdus[1:]:
            compressed = isinstance(hdu, fits.CompImageHDU)
            plain.append(
                fits.ImageHDU(hdu.data, hdu.header, name=hdu.name, ver=hdu.ver) if compressed else hdu
            )
        for chip, extver in EXTVER_OF_CHIP.items():
            if cards is not None:
                _take_over(plain["SCI", extver].header, cards[chip])
        plain.writeto(copy)


def _take_over(header: fits.Header, cards: Mapping[str, Any]) -> None:
    if "A_ORDER" in cards:
        for key in [key for key in header if key.startswith(_SIP_PREFIXES)]:
            del header[key]
    header.update(dict(cards))


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
    """Yield an empty folder that is gone afterwards; those that killed runs left are removed on the way.

    Parameters
    ----------
    base : Path, optional
        Where to make it; default: the system's folder for temporary files (``TMPDIR``).
    """
    with scratch_folder(base, _PREFIX) as folder:
        yield folder


def run_job(job: str, arguments: Mapping[str, Any], folder: Path, stage: str) -> dict[str, Any]:
    """Run one of `cte_lake.pipeline.drizzle_jobs` in a process of its own.

    Parameters
    ----------
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
            "drizzlepac_failed", f"{job} ended with exit code {done.returncode} and said: {last}", stage=stage
        )
    returned: dict[str, Any] = json.loads(result.read_text(encoding="utf-8"))
    return returned


@contextlib.contextmanager
def silenced(*libraries: str) -> Iterator[None]:
    """Within the block, let the named libraries log nothing, print nothing and warn of no header card.

    Their modules set log levels of their own, so only cutting the branch off from the root helps.
    """
    for library in libraries:
        logger = logging.getLogger(library)
        logger.propagate = False
        if not logger.handlers:
            logger.addHandler(logging.NullHandler())
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore", AstropyWarning)
        yield
