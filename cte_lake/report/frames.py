"""Frames of the pairs' pages: drawn once, by processes of their own, and taken over from the last report."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cte_lake.digests import digest
from cte_lake.errors import Rejected
from cte_lake.filenames import path_from_text
from cte_lake.pipeline.children import deaf_children, end_with_parent, signals_wait
from cte_lake.report.gather import Row
from cte_lake.report.thumbnails import Format, best_format, halved, picture

Cells = dict[str, Any]
FOLDER = "frames"
#: Number of the newest images whose pictures are kept at twice the size.
SHARP = 48
#: Fewer new frames than this are drawn in this process: starting others takes longer.
FEW = 24
_LATE = "Not drawn yet, for want of time; the next report goes on with it."
_DIED = "Not drawn: the process that drew it died; the next report tries again."


@dataclass(frozen=True)
class _Job:
    """A picture to draw, until `end` (monotonic clock, which all processes share)."""

    path: Path
    chip: int
    checksum: str
    target: Path
    form: Format
    end: float


@contextmanager
def drawing_frames(
    exposures: Sequence[Row],
    folder: Path,
    last: Mapping[str, Any] | None,
    last_folder: Path,
    seconds: float,
    workers: int = 0,
) -> Iterator[Callable[[], dict[str, Cells]]]:
    """Write a picture of every exposure into `folder`, newest first, while the time lasts and the block runs.

    Parameters
    ----------
    exposures : sequence of mapping
        Rows of ``exposures``.
    folder : Path
        Where pictures go; made here.
    last, last_folder : mapping or None, Path
        The last report's data and its folder of pictures; a picture of the same file is taken from there.
    seconds : float
        Time after which no further frame is read.
    workers : int, optional
        Processes that draw; 0 draws in this one before the block runs.

    Yields
    ------
    callable
        Waits for the pictures; returns by image name file, checksum, width, height, step and whether it is
        sharp (of twice the size), or why there is no picture and which state of the file gave none.
    """
    folder.mkdir()
    end = time.monotonic() + seconds
    known: Mapping[str, Any] = (last or {}).get("frames", {})
    found: dict[str, Cells] = {}
    jobs: dict[str, _Job] = {}
    newest = sorted(exposures, key=lambda row: (-row["mjd"], row["imagename"]))
    for number, row in enumerate(newest):
        name, form, path = row["imagename"], best_format(number < SHARP), path_from_text(row["path"])
        old = known.get(name, {})
        file = last_folder / str(old.get("file"))
        there = old.get("checksum") == row["checksum"] and file.suffix == form.suffix and file.is_file()
        # A small picture is made sharp as long as its frame is there.
        if there and (old.get("sharp") or number >= SHARP or not path.is_file()):
            found[name] = _taken(file, folder / old["file"], old, number < SHARP)
        elif old.get("tried") == _state(path):
            found[name] = old
        else:
            target = folder / f"{str(name).removesuffix('.fits')}{form.suffix}"
            jobs[name] = _Job(path, row["chip"], row["checksum"], target, form, end)
    if workers == 0 or len(jobs) < FEW:
        found |= {name: _draw(job) for name, job in jobs.items()}
        yield lambda: found
        return
    # A fork would copy the threads' locks of whatever this process runs beside.
    spawned = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, mp_context=spawned, initializer=end_with_parent)
    try:
        with signals_wait(), deaf_children():
            pending = {name: pool.submit(_draw, job) for name, job in jobs.items()}
        yield lambda: found | {name: _outcome(one) for name, one in pending.items()}
    finally:
        pool.shutdown(cancel_futures=True)


def all_drawn(exposures: Sequence[Row], known: Mapping[str, Cells]) -> bool:
    """Whether `drawing_frames` would draw nothing of exposures, newest first, whose pictures lie there."""
    for number, row in enumerate(exposures):
        path, old = path_from_text(row["path"]), known.get(row["imagename"], {})
        if "file" in old:
            if number < SHARP and not old["sharp"] and path.is_file():
                return False
        elif old.get("tried") != _state(path):
            return False
    return True


def _taken(file: Path, place: Path, old: Cells, sharp: bool) -> Cells:
    if old.get("sharp") and not sharp:
        place.write_bytes(halved(file.read_bytes()))
        small = {"width": -(-old["width"] // 2), "height": -(-old["height"] // 2), "step": 2 * old["step"]}
        return old | small | {"sharp": False}
    take_over(file, place)
    return old


def take_over(file: Path, place: Path) -> None:
    """Put a file of the last report into this one; none is ever written again, so reports may share it."""
    try:
        os.link(file, place)
    except OSError:
        shutil.copyfile(file, place)


def _state(path: Path) -> str:
    """Digest of name, size and times of a file: one that gave no picture is not tried again as it is."""
    try:
        stat = path.stat()
    except OSError:
        return digest([str(path)])
    return digest([str(path), stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns])


def _outcome(pending: Future[Cells]) -> Cells:
    try:
        return pending.result()
    except BrokenProcessPool:
        return {"missing": _DIED}


def _draw(job: _Job) -> Cells:
    if time.monotonic() > job.end:
        return {"missing": _LATE}
    try:
        drawn = picture(job.path, job.chip, job.form.long_side)
    except Rejected as error:
        return {"missing": f"No picture: {error}.", "tried": _state(job.path)}
    job.target.write_bytes(drawn.encoded(job.form))
    height, width = drawn.pixels.shape
    return {
        "file": job.target.name,
        "checksum": job.checksum,
        "width": width,
        "height": height,
        "step": drawn.step,
        "sharp": job.form == best_format(sharp=True),
    }


def frame_cells(row: Row, drawn: Cells, stars: Mapping[str, Any] | None) -> Cells:
    """Content of one frame on a pair's page; circles are drawn by the page over the picture."""
    cells: Cells = {
        "imagename": row["imagename"],
        "chip": row["chip"],
        "readout": "towards the top" if row["chip"] == 1 else "towards the bottom",
        "file": drawn.get("file"),
        "note": drawn.get("missing", ""),
        "width": drawn.get("width"),
        "height": drawn.get("height"),
        "sharp": drawn.get("sharp", False),
        "stars": "",
        "alt": f"Chip {row['chip']} of {row['imagename']} with its brightest matched stars",
    }
    if cells["file"] is None:
        return cells
    step, height = drawn["step"], drawn["height"]
    places = [] if stars is None else list(zip(stars["x"], stars["y"], strict=True))
    # One line through all stars, of which only its corners are seen: a tenth of the bytes of as many circles.
    cells["stars"] = " ".join(f"{(x + 0.5) / step:.1f},{height - (y + 0.5) / step:.1f}" for x, y in places)
    cells["radius"] = round(max(drawn["width"], height) / 110, 1)
    cells["stroke"] = round(max(drawn["width"], height) / 420, 2)
    cells["note"] = f"The {len(places)} brightest of {row['n_stars']:,} matched stars are circled."
    return cells
