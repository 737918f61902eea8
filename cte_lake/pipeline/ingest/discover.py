"""From files, folders and patterns to the list of candidate frames."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterable
from pathlib import Path

from cte_lake.errors import UsageError

#: What a folder is searched for; a file that is named is taken whatever it is called.
FRAME_NAME = re.compile(r".*_fl[tc]\.fits(\.gz|\.fz)?", re.IGNORECASE)


def find_frames(paths: Iterable[str]) -> list[Path]:
    """Return the absolute paths of all candidate frames, sorted, none twice.

    Parameters
    ----------
    paths : iterable of str
        Files (taken as they are), folders (searched to any depth for ``*_flt.fits``, ``*_flc.fits`` and
        their ``.gz`` and ``.fz`` forms) and glob patterns, ``**`` included.

    Raises
    ------
    UsageError
        If a path does not exist or a pattern matches nothing.
    """
    found: set[Path] = set()
    for path in paths:
        found |= _expand(path)
    return sorted(found)


def _expand(path: str) -> set[Path]:
    # A file whose own name holds brackets is that file, not a pattern.
    if os.path.lexists(path):
        return _at(Path(path))
    if glob.has_magic(path):
        matches = glob.glob(path, recursive=True)  # noqa: PTH207 - absolute patterns
        if not matches:
            raise UsageError(f"no file matches {path!r}")
        return set().union(*(_at(Path(match)) for match in matches))
    raise UsageError(f"there is no file or folder {path!r}")


def _absolute(path: Path) -> Path:
    """Return an absolute path without '..': a file has one name, wherever it was asked for from."""
    parts = path.absolute().parts
    if ".." not in parts:
        return path.absolute()
    # Only up to the last '..', so that links below it keep the names that people know them by.
    last = len(parts) - parts[::-1].index("..")
    return Path(*parts[:last]).resolve().joinpath(*parts[last:])


def _at(path: Path) -> set[Path]:
    path = _absolute(path)
    if not path.is_dir():
        return {path}
    frames = set()
    for folder, _, names in os.walk(path, followlinks=True):
        frames |= {Path(folder, name) for name in names if FRAME_NAME.fullmatch(name)}
    return frames
