"""What files there are: with size and time in one pass, on a disk and in a bucket."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from cte_lake.lake.place import in_store


class Listed(NamedTuple):
    """A file as the listing shows it; `path` is relative to the lake."""

    path: str
    size: int
    mtime_ns: int


def listing(root: Path, name: str, suffix: str = ".parquet") -> Iterator[Listed]:
    """Yield the files of a dataset, to any depth; files that go away meanwhile are passed over.

    Of a bucket that is a listing of a thousand objects a request, and none for an object alone.
    """
    if (place := in_store(root)) is not None:
        for path, size, mtime_ns in place.objects(f"{name}/"):
            if path.endswith(suffix):
                yield Listed(path, size, mtime_ns)
        return
    # Paths as text: pathlib and os.path would take most of the time of ten thousand files.
    pending = [name]
    while pending:
        folder = pending.pop()
        with contextlib.suppress(FileNotFoundError), os.scandir(f"{root}/{folder}") as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    pending.append(f"{folder}/{entry.name}")
                elif entry.name.endswith(suffix):
                    with contextlib.suppress(FileNotFoundError):
                        stat = entry.stat()
                        yield Listed(f"{folder}/{entry.name}", stat.st_size, stat.st_mtime_ns)


def names_in(folder: Path) -> set[str]:
    """Return the names of the files and folders in a folder; none where it is not there."""
    if (place := in_store(folder)) is not None:
        return {path.partition("/")[0] for path, *_ in place.objects()}
    return {entry.name for entry in folder.iterdir()} if folder.is_dir() else set()


def files_in(folder: Path, prefix: str = "") -> Iterator[Path]:
    """Yield the files in a folder, not those below it, whose names begin with `prefix`; unordered."""
    if (place := in_store(folder)) is not None:
        yield from (folder / path for path, *_ in place.objects(prefix) if "/" not in path)
        return
    with contextlib.suppress(FileNotFoundError, NotADirectoryError), os.scandir(folder) as entries:
        yield from (Path(entry.path) for entry in entries if entry.name.startswith(prefix))
