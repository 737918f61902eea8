"""Whose fault an error is: the surroundings (disk, memory, permissions), the input, or cte-lake."""

from __future__ import annotations

import errno
import os
import resource
from collections.abc import Iterator

from cte_lake.errors import UsageError

#: What the system says, in words, and what to do about it.
_SYSTEM = {
    errno.ENOSPC: "the disk is full: free space, or write elsewhere",
    errno.EDQUOT: "your disk quota is used up: free space, or write elsewhere",
    errno.EFBIG: "the file system or `ulimit -f` does not allow so large a file",
    errno.EACCES: "permission is denied: change the permissions, or use another folder or account",
    errno.EPERM: "the system does not permit it: use another folder or account",
    errno.EROFS: "the file system is read-only: write elsewhere",
    errno.EMFILE: "too many files are open: raise the limit with `ulimit -n 4096`",
    errno.ENFILE: "too many files are open on this machine: try again later",
    errno.ENOMEM: "there is not enough memory: use fewer workers (--workers), or a machine with more",
    errno.EIO: "the disk or the network file system failed to read or write: check it, then try again",
    errno.ESTALE: "the network file system lost the file: check the mount, then try again",
    errno.ENOTCONN: "the network file system is not connected: check the mount, then try again",
    errno.ECONNREFUSED: "nothing answers at the network address: check that the service runs",
    errno.ECONNRESET: "the network connection broke: try again",
    errno.ETIMEDOUT: "the network did not answer in time: try again",
    errno.EHOSTUNREACH: "the host cannot be reached: check the network",
    errno.ENETUNREACH: "the network cannot be reached: check it",
    errno.EAGAIN: "the system is out of processes or memory: raise `ulimit -u`, or use fewer workers",
    errno.ENAMETOOLONG: "the file name is too long for the file system: choose a shorter one",
    errno.ENOTDIR: "a part of the path is a file, not a folder: check the path",
    errno.EISDIR: "this is a folder and a file is needed: name a file",
    errno.ENOENT: "a file or folder does not exist or cannot be made there: check the name",
    errno.EEXIST: "it exists already: choose another name",
    errno.ELOOP: "symbolic links lead in a circle: name the file itself",
}
#: What libraries say of the same without an error number.
_PHRASES = {
    "no space left on device": errno.ENOSPC,
    "permission denied": errno.EACCES,
    "cannot open file": errno.ENOENT,
    "read-only file system": errno.EROFS,
    "too many open files": errno.EMFILE,
    "cannot allocate memory": errno.ENOMEM,
    "out of memory": errno.ENOMEM,
    "bad_alloc": errno.ENOMEM,
    "bad allocation": errno.ENOMEM,
    "allocation failure": errno.ENOMEM,
    "failed to map segment": errno.ENOMEM,
    "can't start new thread": errno.EAGAIN,
    "resource temporarily unavailable": errno.EAGAIN,
    "input/output error": errno.EIO,
}


#: Module: the extra of the installation that brings it.
_EXTRAS = {
    "cryptography": "measure",
    "dask": "measure",
    "distributed": "measure",
    "numba": "measure",
    "photutils": "measure",
    "scipy": "measure",
    "astroscrappy": "prepare",
    "drizzlepac": "prepare",
    "stsci": "prepare",
    "stwcs": "prepare",
    "tweakwcs": "prepare",
    "astroquery": "archive",
    "pandas": "pandas",
    "pyiceberg": "iceberg",
    "sqlalchemy": "iceberg",
    "fsspec": "s3",
    "s3fs": "s3",
}


#: Address space that libraries reserve, in GB, and what each core's threads add; most is never used.
_ROOM_GB, _ROOM_OF_CORE_GB = 3.5, 0.25


def refuse_little_room() -> None:
    """Refuse to begin where DuckDB, OpenBLAS or the loader would end the process without a word.

    Raises
    ------
    UsageError
        If `ulimit -v`, or a batch system by it, leaves less address space than they reserve.
    """
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    needed = _ROOM_GB + _ROOM_OF_CORE_GB * (os.cpu_count() or 1)
    if limit not in {resource.RLIM_INFINITY, -1} and limit < needed * 1e9:
        raise UsageError(
            f"a process may reserve {limit / 1e9:.1f} GB of memory (`ulimit -v`) and needs {needed:.1f}, of "
            "which most is never used: raise the limit, or ask the batch system for more"
        )


def surroundings(error: BaseException) -> str | None:
    """Return in one sentence what of the surroundings an error comes from; None if from none of them.

    Its causes are looked at too.
    """
    for each in _chain(error):
        if isinstance(each, ModuleNotFoundError) and (extra := _EXTRAS.get((each.name or "").split(".")[0])):
            return (
                f"this needs {each.name}, which is not installed; it is part of an extra: "
                f"pip install 'cte-lake[{extra}]'"
            )
        if isinstance(each, MemoryError):
            return f"{_SYSTEM[errno.ENOMEM]}"
        if isinstance(each, OSError) and each.errno in _SYSTEM:
            return _sentence(each.errno, each.filename)
        text = str(each).lower()
        for phrase, number in _PHRASES.items():
            if phrase in text:
                return _sentence(number, None)
    return None


def _sentence(number: int, filename: object) -> str:
    if number == errno.ENOENT and filename is None and not _has_current_folder():
        return "the current folder is gone: change to another one (cd), and run the command again"
    what = _SYSTEM[number]
    if not isinstance(filename, str | bytes | os.PathLike):
        return what
    name = os.fsdecode(filename)
    return f"{name if name.isprintable() else ascii(name)}: {what}"


def _has_current_folder() -> bool:
    try:
        return bool(os.getcwd())  # noqa: PTH109 - asked for its error
    except FileNotFoundError:
        return False


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        each = waiting.pop(0)
        if each is None or id(each) in seen:
            continue
        seen.add(id(each))
        yield each
        waiting += [each.__cause__, each.__context__]
        if isinstance(each, BaseExceptionGroup):
            waiting += each.exceptions
