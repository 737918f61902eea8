"""Where things lie in a lake. No other module builds a path from names."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from cte_lake.digests import digest
from cte_lake.errors import LakeError

FOLDERS = (
    "master",
    "exposures",
    "phot",
    "phot_added",
    "rejects",
    "alignment",
    "crmasks",
    "chips",
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
    "added": re.compile(r"[a-z][a-z0-9_]{0,39}-[0-9a-f]{8,64}"),
}
#: What `str` makes of a whole number.
_NUMBER = re.compile(r"0|-?[1-9][0-9]*")


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


def is_partition(folder: str, keys: Sequence[str]) -> bool:
    """Whether a dataset's folder is called as the lake calls it, ``key=value`` of each partition key."""
    parts = [part.partition("=") for part in folder.split("/") if part]
    return [key for key, _, _ in parts] == list(keys) and all(
        _SAFE.get(key, _NUMBER).fullmatch(value) for key, _, value in parts
    )


def exposure_file(partition: Partition, rootname: str, mode: str, phot_key: str, revision: int) -> str:
    """Path of an exposure row's file, relative to the lake."""
    stem = f"{checked('rootname', rootname)}_{partition.filetype}"
    name = f"{stem}.{checked('mode', mode)}.{checked('key', phot_key)}.r{revision:04d}.parquet"
    return f"exposures/{partition.folder}/{name}"


def phot_file(partition: Partition, rootname: str, phot_key: str) -> str:
    """Path of an exposure's photometry, relative to the lake."""
    stem = f"{checked('rootname', rootname)}_{partition.filetype}"
    return f"phot/{partition.folder}/{stem}.{checked('key', phot_key)}.parquet"


def added_file(partition: Partition, rootname: str, phot_key: str, stem: str) -> str:
    """Path of the values of an added column beside an exposure's photometry, relative to the lake."""
    image = f"{checked('rootname', rootname)}_{partition.filetype}"
    name = f"{image}.{checked('key', phot_key)}.{checked('added', stem)}.parquet"
    return f"phot_added/{partition.folder}/{name}"


def master_file(target: str, master_hash: str, revision: int) -> str:
    """Path of a master catalog, relative to the lake."""
    return f"master/target={checked('target', target)}/{master_name(checked('key', master_hash), revision)}"


def master_name(master_hash: str, revision: int) -> str:
    """Name of a master catalog's file."""
    return f"{master_hash}.r{revision:04d}.parquet"


def reject_file(path: str, stage: str) -> str:
    """Path of a reject row, relative to the lake: one per refused file and step."""
    name = f"{stage}\0{path}".encode("utf-8", "surrogateescape")
    return f"rejects/{digest(name, 12)}.parquet"
