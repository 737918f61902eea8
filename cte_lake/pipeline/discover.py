"""From files, folders and patterns to the list of candidate frames."""

from __future__ import annotations

import fnmatch
import glob
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from functools import cache
from pathlib import Path

from cte_lake.errors import UsageError

#: What a folder is searched for; a file that is named is taken whatever it is called.
FRAME_NAME = re.compile(r".*_fl[tc]\.fits(\.gz|\.fz)?", re.IGNORECASE | re.DOTALL)

#: What else of a folder might be a frame; it is left alone, and told.
FITS_NAME = re.compile(r".*\.fits?(\.(gz|fz|bz2|xz|zip|z))?", re.IGNORECASE | re.DOTALL)

#: Device and inode: what a file or folder is known by, however many names lead to it.
_Identity = tuple[int, int]


class _Kind(Enum):
    """What an entry below a folder is; a sealed folder is one that cannot be listed."""

    FILE = "file"
    FOLDER = "folder"
    SEALED = "sealed"


@dataclass(frozen=True)
class Found:
    """Absolute paths of candidate frames, and of a folder's FITS files that are not called FLT or FLC."""

    frames: list[Path]
    left_alone: list[Path]


def find_frames(paths: Iterable[str]) -> list[Path]:
    """Return the absolute paths of all candidate frames; see `find_fits`."""
    return find_fits(paths).frames


def find_fits(paths: Iterable[str]) -> Found:
    """Return all candidate frames, and what was left alone for its name; sorted, each file once.

    A file that several names lead to (links, hard links, a folder given twice) is listed by one of them,
    its own before a link's. Whatever is no regular file, and a folder that cannot be listed, is listed as it
    is: opening it reports what is wrong.

    Parameters
    ----------
    paths : iterable of str
        Files (taken as they are), folders (searched to any depth, through links, for ``*_flt.fits``,
        ``*_flc.fits`` and their ``.gz`` and ``.fz`` forms) and glob patterns, ``**`` included.

    Raises
    ------
    UsageError
        If a path does not exist or a pattern matches nothing.
    """
    found: set[Path] = set()
    others: set[Path] = set()
    for path in paths:
        for top in _expand(path):
            taken, left = _at(top)
            found |= taken
            others |= left
    return Found(_once_each(found), _once_each(others - found))


def _once_each(paths: Iterable[Path]) -> list[Path]:
    """Keep one name a file: the first by name of those that are no link, else the first."""
    real = cache(os.path.realpath)  # not Path.resolve: that raises on links in a loop

    def linked(path: Path) -> bool:
        return path.is_symlink() or real(path.parent) != os.fspath(path.parent)

    kept: dict[_Identity | Path, Path] = {}
    # By their parts: paths compare themselves in Python.
    for path in sorted(paths, key=lambda path: (linked(path), path.parts)):
        kept.setdefault(_identity(path) or path, path)
    return sorted(kept.values(), key=lambda path: path.parts)


def _identity(path: Path) -> _Identity | None:
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_dev, stat.st_ino


def _expand(path: str) -> list[Path]:
    # A file whose own name holds brackets is that file, not a pattern.
    if os.path.lexists(path):
        return [Path(path)]
    if glob.has_magic(path):
        matches = list(_matches(path))
        if not matches:
            raise UsageError(f"no file matches {path!r}")
        return matches
    raise UsageError(f"there is no file or folder {path!r}")


def _matches(pattern: str) -> Iterator[Path]:
    """Yield what a pattern matches; below ``**`` each folder once, where glob would go round in links."""
    parts = Path(pattern).parts
    if "**" not in parts:
        yield from map(Path, glob.glob(pattern))  # noqa: PTH207 - absolute patterns
        return
    depth = parts.index("**")
    head, tail = str(Path(*parts[:depth])), parts[depth:]
    for top in glob.glob(head) if glob.has_magic(head) else [head]:  # noqa: PTH207 - absolute patterns
        if _fits((), tail):
            yield Path(top)
        for path, _ in _tree(Path(top)):
            if _fits(path.relative_to(top).parts, tail):
                yield path


def _fits(parts: tuple[str, ...], pattern: tuple[str, ...]) -> bool:
    """Match names of a path against a pattern's; ``**`` stands for any number of folders."""
    if not pattern:
        return not parts
    if pattern[0] == "**":
        return _fits(parts, pattern[1:]) or bool(parts and _fits(parts[1:], pattern))
    return bool(parts) and fnmatch.fnmatchcase(parts[0], pattern[0]) and _fits(parts[1:], pattern[1:])


def _absolute(path: Path) -> Path:
    """Return an absolute path without '..': a file has one name, wherever it was asked for from."""
    parts = path.absolute().parts
    if ".." not in parts:
        return path.absolute()
    # Only up to the last '..', so that links below it keep the names that people know them by.
    last = len(parts) - parts[::-1].index("..")
    return Path(os.path.realpath(Path(*parts[:last]))).joinpath(*parts[last:])


def _at(path: Path) -> tuple[set[Path], set[Path]]:
    """Return what is taken of a file or folder, and the FITS files that are left alone for their names."""
    path = _absolute(path)
    if not path.is_dir():
        return {path}, set()
    taken, left = set(), set()
    for found, kind in _tree(path):
        if kind is _Kind.SEALED or (kind is _Kind.FILE and FRAME_NAME.fullmatch(found.name)):
            taken.add(found)
        elif kind is _Kind.FILE and FITS_NAME.fullmatch(found.name):
            left.add(found)
    return taken, left


def _tree(top: Path) -> Iterator[tuple[Path, _Kind]]:
    """Go through all that is below a folder, each folder once: first what lies there, then what is linked."""
    seen: set[_Identity | None] = set()
    waiting = [top]
    linked: list[Path] = []
    while waiting or linked:
        folder = waiting.pop() if waiting else linked.pop(0)
        identity = _identity(folder)
        if identity in seen:
            continue
        seen.add(identity)
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError:
            yield folder, _Kind.SEALED
            continue
        for entry in entries:
            path = Path(entry.path)
            if not _is_folder(entry):
                yield path, _Kind.FILE
                continue
            yield path, _Kind.FOLDER
            (linked if entry.is_symlink() else waiting).append(path)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # links in a loop, a place that may not be entered
        return False
