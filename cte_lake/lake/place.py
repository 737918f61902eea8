"""From what a user named to a place: the one module that chooses a store."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TypeAlias

from cte_lake.errors import UsageError
from cte_lake.lake.disk import DiskStore
from cte_lake.lake.store import Place

_ADDRESS = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]+)://(?P<rest>.*)", re.DOTALL)
#: Characters that mean something else in a pattern or an address of a bucket.
_SPECIAL = frozenset("*?[]#%\\\0")


#: What names a place: a place, a path, or an address such as ``s3://BUCKET/PREFIX``.
Named: TypeAlias = "Place | str | os.PathLike[str]"


def place_of(named: Named) -> Place:
    """Return the place that is named: an absolute path, or what is behind ``s3://BUCKET/PREFIX``.

    Raises
    ------
    UsageError
        If the address is of another kind of store or no whole one, or the packages for it are not there.
    """
    if isinstance(named, Place):
        return named
    found = _ADDRESS.fullmatch(str(named))
    if found is None:
        return Place(DiskStore(), str(Path(named).expanduser().absolute()))
    if found["scheme"] != "s3":
        raise UsageError(
            f"{named}: a lake is a folder or s3://BUCKET/PREFIX; {found['scheme']}:// is not known"
        )
    parts = [part for part in found["rest"].split("/") if part]
    if len(parts) < 2 or {".", ".."} & set(parts) or _SPECIAL & set(found["rest"]):
        raise UsageError(f"{named!r} is not the address of a lake; write s3://BUCKET/PREFIX")
    try:
        from cte_lake.lake.bucket import BucketStore
    except ModuleNotFoundError as error:
        raise UsageError(f"{named}: {error}; `pip install 'cte-lake[s3]'` brings what it needs") from error
    return Place(BucketStore(parts[0]), "/".join(parts[1:]))
