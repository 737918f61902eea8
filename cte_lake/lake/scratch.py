"""Temporary files and folders whose names say whose they are, so that those of killed processes can go."""

from __future__ import annotations

import contextlib
import functools
import os
import re
import secrets
import shutil
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

from cte_lake.digests import digest

TEMPORARY_SUFFIX = ".tmp"
#: Suffix of what is about to be replaced.
OLD_SUFFIX = ".old"
#: What a library puts beside a temporary file, such as a database's journal, has the file's name and more.
_NAMED = re.compile(r"\..*\.(?P<host>[0-9a-f]{8})-(?P<pid>\d+)-[0-9a-f]{8}(\.tmp|\.old)(\..*)?", re.DOTALL)


@functools.cache
def _host() -> str:
    # Containers may share the name of their host, but none sees the others' processes.
    namespace = ""
    with contextlib.suppress(OSError):
        namespace = str(Path("/proc/self/ns/pid").readlink())
    machine = f"{socket.gethostname()} {namespace}"
    # Short: names of files have an end.
    return digest(os.fsencode(machine), 4)


def temporary_beside(path: Path, suffix: str = TEMPORARY_SUFFIX) -> Path:
    """Return a new hidden name beside a path that says which process of which machine it belongs to."""
    return path.with_name(f".{path.name}.{_host()}-{os.getpid()}-{secrets.token_hex(4)}{suffix}")


def sweep(folder: Path) -> int:
    """Remove what processes of this machine that are gone left in a folder, and return how many it was.

    Only names that `temporary_beside` makes are looked at; those of other machines stay.
    """
    removed = 0
    with contextlib.suppress(FileNotFoundError, NotADirectoryError, PermissionError):
        for path in folder.iterdir():
            if abandoned(path.name):
                _remove(path)
                removed += 1
    return removed


def abandoned(name: str) -> bool:
    """Whether a name is that of a temporary file or folder whose process, of this machine, is gone."""
    named = _NAMED.fullmatch(name) if name.startswith(".") else None
    return named is not None and named["host"] == _host() and not alive(int(named["pid"]))


@functools.cache
def sweep_once(folder: Path) -> int:
    """Sweep a folder when this process first writes into it."""
    return sweep(folder)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        # Another sweep may have come first, and what is not ours stays.
        with contextlib.suppress(OSError):
            path.unlink()


@contextlib.contextmanager
def scratch_folder(base: Path | None = None, prefix: str = "cte-lake-scratch-") -> Iterator[Path]:
    """Yield an empty folder that is gone afterwards; those that killed processes left are removed on the way.

    Parameters
    ----------
    base : Path, optional
        Where to make it; default: the system's folder for temporary files (``TMPDIR``).
    prefix : str
        How its name begins; folders of the same beginning are looked at.
    """
    parent = Path(tempfile.gettempdir() if base is None else base)
    # Processes of several machines may share the folder; only of our own do we know which live.
    own = f"{prefix}{_host()}-"
    for folder in parent.glob(f"{own}*"):
        owner = folder.name.removeprefix(own).partition("-")[0]
        if owner.isdigit() and not alive(int(owner)):
            shutil.rmtree(folder, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=f"{own}{os.getpid()}-", dir=parent))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def alive(pid: int) -> bool:
    """Whether a process of this machine runs."""
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True
