"""Where things lie in a lake. No other module builds a path from names."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cte_lake.errors import LakeError
from cte_lake.lake.place import lake_place

#: The lake's settings file; the mark by which a lake is found.
LAKE_FILE = "cte_lake.toml"
LAKE_ENV = "CTE_LAKE_LAKE"
FOLDERS = (
    "master",
    "exposures",
    "phot",
    "rejects",
    "alignment",
    "crmasks",
    "coefficients",
    "reports",
    "logs",
)

#: Names that may become part of a path; anything else is refused, whatever a header says.
_SAFE = {
    "target": re.compile(r"[a-z0-9_][a-z0-9_-]{0,63}"),
    "filetype": re.compile(r"[a-z]{1,8}"),
    "rootname": re.compile(r"[a-z0-9]{9}"),
    "mode": re.compile(r"[a-z][a-z0-9]{0,31}"),
    "key": re.compile(r"[0-9a-f]{8,64}"),
}


@dataclass(frozen=True, order=True)
class Partition:
    """A leaf folder of ``exposures`` and ``phot``."""

    target: str
    proposal: int
    flash: int
    filetype: str

    @property
    def folder(self) -> str:
        """The hive path, ``target=ngc104/proposal=14378/flash=0/filetype=flt``."""
        target, filetype = checked("target", self.target), checked("filetype", self.filetype)
        return f"target={target}/proposal={int(self.proposal)}/flash={int(self.flash)}/filetype={filetype}"


def checked(kind: str, name: str) -> str:
    """Return a name that is safe in a path.

    Raises
    ------
    LakeError
        If the name is not of its kind's form.
    """
    if not _SAFE[kind].fullmatch(name):
        raise LakeError(f"{kind} {name!r} cannot be part of a path in the lake")
    return name


def exposure_file(partition: Partition, rootname: str, mode: str, phot_key: str, revision: int) -> str:
    """Path of an exposure row's file, relative to the lake."""
    stem = f"{checked('rootname', rootname)}_{partition.filetype}"
    name = f"{stem}.{checked('mode', mode)}.{checked('key', phot_key)}.r{revision:04d}.parquet"
    return f"exposures/{partition.folder}/{name}"


def phot_file(partition: Partition, rootname: str, phot_key: str) -> str:
    """Path of an exposure's photometry, relative to the lake."""
    stem = f"{checked('rootname', rootname)}_{partition.filetype}"
    return f"phot/{partition.folder}/{stem}.{checked('key', phot_key)}.parquet"


def master_file(target: str, master_hash: str, revision: int) -> str:
    """Path of a master catalog, relative to the lake."""
    return f"master/target={checked('target', target)}/{checked('key', master_hash)}.r{revision:04d}.parquet"


def reject_file(path: str, stage: str) -> str:
    """Path of a reject row, relative to the lake: one per refused file and step."""
    name = f"{stage}\0{path}".encode("utf-8", "surrogateescape")
    return f"rejects/{hashlib.blake2b(name, digest_size=12).hexdigest()}.parquet"


def find_lake(
    flag: str | os.PathLike[str] | None = None,
    environment: Mapping[str, str] | None = None,
    start: Path | None = None,
) -> Path:
    """Find the lake: ``--lake``, else ``CTE_LAKE_LAKE``, else the nearest ``cte_lake.toml`` upward.

    Raises
    ------
    LakeError
        If nothing was found, or what was named is no lake.
    """
    environment = os.environ if environment is None else environment
    named = flag or environment.get(LAKE_ENV)
    if named:
        folder = lake_place(named)
        if not (folder / LAKE_FILE).is_file():
            what = "has no cte_lake.toml" if folder.is_dir() else "does not exist"
            raise LakeError(f"{folder} is no lake: it {what}; make one with `cte-lake init {named}`")
        return folder
    start = (start or Path.cwd()).absolute()
    for folder in (start, *start.parents):
        if (folder / LAKE_FILE).is_file():
            return folder
    raise LakeError(
        f"no lake found from {start} upward; name one with --lake or {LAKE_ENV}, "
        "or make one with `cte-lake init LAKE`"
    )
