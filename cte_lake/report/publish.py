"""Putting a finished report in its place in one step, also of a lake whose store is not of this machine."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import json
import os
import re
import shutil
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from cte_lake.errors import UsageError
from cte_lake.lake.place import place_of
from cte_lake.lake.scratch import OLD_SUFFIX, sweep, temporary_beside
from cte_lake.lake.store import Place

LATEST = "latest"
#: The file that marks a folder as a report.
MARK = "report.json"
_AT_FDCWD = -100
_RENAME_EXCHANGE = 2


_NAME = re.compile(r"\d{8}T\d{6}Z")
#: Stores know no links: `latest` is a page that leads on, and a copy of the report's data.
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>CTE monitor</title>
<meta http-equiv="refresh" content="0; url=../{name}/index.html"></head>
<body><a href="../{name}/index.html">The latest report</a></body></html>
"""


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


def name_of(moment: datetime) -> str:
    """Return the name of a report's folder."""
    return f"{moment:%Y%m%dT%H%M%SZ}"


def prune(reports: Place, keep: int, made: str) -> None:
    """Remove all but the newest reports; `latest`, the report just made, and what else lies there stay."""
    names = sorted(name for name in reports.names() if _NAME.fullmatch(name) and name != made)
    for name in names[: max(0, len(names) + 1 - keep)]:
        reports.store.delete_folder((reports / name).key)


def reports_here(reports: Place) -> contextlib.AbstractContextManager[Path]:
    """Yield a lake's ``reports`` on this machine.

    For a lake in an object store that is a temporary folder with the last report, of which the next one takes
    over what is as it was; what `latest` points at when the block ends well is put into the store, the pages
    first and `latest` last.
    """
    return reports.worked_on(lambda here: _fetch_last(reports, here), lambda here: _put_away(reports, here))


def _put_away(reports: Place, here: Path) -> None:
    name = copy_latest(here, reports)
    (reports / LATEST / MARK).write_bytes((here / name / MARK).read_bytes())
    (reports / LATEST / "index.html").write_bytes(_PAGE.format(name=name).encode())


def copy_latest(here: Path, store: Place) -> str:
    """Copy the folder of this machine that ``latest`` points at into a store; return its name."""
    name = (here / LATEST).readlink().name
    for path in sorted((here / name).rglob("*")):
        if path.is_file():
            place_of(path).copy_to(store / name / path.relative_to(here / name))
    return name


def _fetch_last(reports: Place, here: Path) -> None:
    try:
        data = (reports / LATEST / MARK).read_bytes()
        name = name_of(datetime.fromisoformat(json.loads(data)["made"]))
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        # None, or of another version: as without a last report, all is drawn.
        return
    for listed in (reports / name).listing():
        (reports / name / listed.path).copy_to(place_of(here / name / listed.path))
    (here / name).mkdir(exist_ok=True)
    point_latest(here / name)
