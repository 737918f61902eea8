"""Where a lake lies: a folder of a file system, or below a prefix of a bucket in an object store (``s3://``).

All that takes a lake takes its root as a `Path`. The root of a lake in a bucket is a
`cte_lake.lake.store.StorePath`: it has the methods of a `Path` that lakes use, and no ``__fspath__``, so that
what can work on a disk alone refuses it instead of making a folder called ``s3:``. `lake_place` is the one
border where it is declared to be a `Path`, `in_store` the one way back.
"""

from __future__ import annotations

import io
import os
import re
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any, cast

from cte_lake.errors import UsageError

if TYPE_CHECKING:
    from cte_lake.lake.store import StorePath

_ADDRESS = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]+)://(?P<rest>.*)", re.DOTALL)
#: Characters that mean something else in a pattern or an address.
_SPECIAL = frozenset("*?[]#%\\\0")


def lake_place(named: str | os.PathLike[str]) -> Path:
    """Return the place that a user named: an absolute path, or what is behind ``s3://BUCKET/PREFIX``.

    Raises
    ------
    UsageError
        If the address is of another kind of store or no whole one, or the packages for it are not there.
    """
    if in_store(cast(Path, named)) is not None:
        return cast(Path, named)
    found = _ADDRESS.fullmatch(str(named))
    if found is None:
        return Path(named).expanduser().absolute()
    if found["scheme"] != "s3":
        raise UsageError(
            f"{named}: a lake is a folder or s3://BUCKET/PREFIX; {found['scheme']}:// is not known"
        )
    parts = [part for part in found["rest"].split("/") if part]
    if len(parts) < 2 or {".", ".."} & set(parts) or _SPECIAL & set(found["rest"]):
        raise UsageError(f"{named!r} is no address of a lake; write s3://BUCKET/PREFIX")
    try:
        from cte_lake.lake.store import StorePath
    except ModuleNotFoundError as error:
        raise UsageError(f"{named}: {error}; `pip install 'cte-lake[s3]'` brings what it needs") from error
    return cast(Path, StorePath(parts[0], "/".join(parts[1:])))


def in_store(path: Path) -> StorePath | None:
    """Return a place as one of an object store, None if it is one of a file system."""
    return None if isinstance(path, str | PurePath) else cast("StorePath", path)


def below(root: Path, path: Path) -> str:
    """Return a file's path relative to the lake."""
    return str(path)[len(str(root)) + 1 :]


def readable(path: Path, whole: bool = True) -> Any:
    """Return what pyarrow and others read a file from: its path, or for an object a file-like.

    Parameters
    ----------
    path : Path
        The file.
    whole : bool
        Fetch an object by one request; else those pieces that are read.
    """
    if in_store(path) is None:
        return path
    return io.BytesIO(path.read_bytes()) if whole else path.open("rb")
