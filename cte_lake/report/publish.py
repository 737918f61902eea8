"""Putting a finished report in its place in one step, so that nobody ever reads half of one."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from cte_lake.errors import UsageError
from cte_lake.lake.scratch import OLD_SUFFIX, sweep, temporary_beside

LATEST = "latest"
#: The file that marks a folder as a report.
MARK = "report.json"
_AT_FDCWD = -100
_RENAME_EXCHANGE = 2


@contextlib.contextmanager
def new_folder(place: Path) -> Iterator[Path]:
    """Yield a folder beside `place` that takes its name when the block ends well, and vanishes otherwise.

    Raises
    ------
    UsageError
        If `place` is there and is no report.
    """
    check_place(place)
    place.parent.mkdir(parents=True, exist_ok=True)
    sweep(place.parent)
    work = temporary_beside(place)
    try:
        work.mkdir()
        yield work
        _put(work, place)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def check_place(place: Path) -> None:
    """Refuse a place that holds something else than a report.

    Raises
    ------
    UsageError
        If `place` is a file, or a folder with other content.
    """
    if place.is_symlink() or (place.exists() and not place.is_dir()):
        raise UsageError(f"{place} is not a folder; name a new folder, or one that holds a report")
    if place.is_dir() and not (place / MARK).is_file() and any(place.iterdir()):
        raise UsageError(f"{place} holds something else than a report; name a new or empty folder")


def _put(work: Path, place: Path) -> None:
    if not place.exists():
        work.rename(place)
        return
    if _exchange(work, place):
        return
    old = temporary_beside(place, OLD_SUFFIX)
    place.rename(old)
    work.rename(place)
    shutil.rmtree(old)


def _exchange(first: Path, second: Path) -> bool:
    """Swap two folders in one step; False where the system or file system cannot."""
    try:
        swap = ctypes.CDLL(None, use_errno=True).renameat2
    except (AttributeError, OSError):
        return False
    if swap(_AT_FDCWD, os.fsencode(first), _AT_FDCWD, os.fsencode(second), _RENAME_EXCHANGE) == 0:
        return True
    code = ctypes.get_errno()
    if code in (errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP):
        return False
    raise OSError(code, os.strerror(code), str(second))


def point_latest(folder: Path) -> None:
    """Make ``latest`` beside a report point at it, replacing the older link in one step."""
    link = folder.with_name(LATEST)
    work = temporary_beside(link)
    work.symlink_to(folder.name, target_is_directory=True)
    try:
        work.replace(link)
    finally:
        work.unlink(missing_ok=True)


def copy_report(source: Path, place: Path) -> None:
    """Publish a copy of a report at `place`, replacing an older one in one step."""
    with new_folder(place) as work:
        shutil.copytree(source, work, dirs_exist_ok=True)
