"""Snapshot: a consistent copy of a lake, taken while ingests run."""

from __future__ import annotations

from dataclasses import dataclass

from cte_lake.errors import LakeError
from cte_lake.lake.maintenance.inventory import Inventory, is_seed
from cte_lake.lake.paths import FOLDERS
from cte_lake.lake.schemas import dataset_names
from cte_lake.lake.scratch import TEMPORARY_SUFFIX
from cte_lake.lake.store import Place
from cte_lake.lake.stored import StoredLake

#: Folders that are no data: what runs leave behind, and what can be drawn again.
_LEFT_OUT = frozenset({"logs", "reports"})


@dataclass(frozen=True)
class SnapshotPlan:
    """Files of a snapshot, relative to the lake, in the order in which they are taken."""

    files: tuple[str, ...]
    size: int
    exposures: int


def plan_snapshot(lake: StoredLake) -> SnapshotPlan:
    """List what a snapshot holds: rows that count and their photometry, products, catalogs, rejects.

    Exposure rows are listed first. What they name was written before them, and vacuum leaves it for a grace
    time, so everything that is named is there.
    """
    inventory = Inventory(lake)
    current = inventory.current
    wanted = {row.file for row in current}
    wanted |= {row.photometry for row in current if not row.withdrawn}
    size = 0
    files = []
    for name in dict.fromkeys((*FOLDERS, *dataset_names())):
        if name in _LEFT_OUT:
            continue
        for listed in lake.listing(name, suffix=""):
            chosen = name not in {"exposures", "phot"} or listed.path in wanted or is_seed(listed.path)
            if chosen and not listed.path.endswith(TEMPORARY_SUFFIX):
                files.append(listed.path)
                size += listed.size
    missing = wanted.difference(files)
    if missing:
        raise LakeError(
            f"{min(missing)} is named by an exposure row and not there; `cte-lake verify` lists all"
        )
    return SnapshotPlan(tuple(files), size, sum(not row.withdrawn for row in current))


def snapshot(lake: StoredLake, destination: StoredLake, plan: SnapshotPlan, copy: bool = False) -> None:
    """Take a snapshot: a lake of its own, hard-linked where it lies on the same file system.

    Files of a lake never change, so a link is as good as a copy as long as the disk is whole.

    Parameters
    ----------
    lake, destination : StoredLake
        The lake; a folder that is not there yet or empty.
    copy : bool
        Copy every file, for another disk's sake.

    Raises
    ------
    LakeError
        If the destination holds something.
    """
    place = destination.place
    if place.names() or place.is_file():
        raise LakeError(f"{place} is there already; name a new folder for the snapshot")
    # A snapshot that was cut off is none: it lacks its settings file, the last.
    with place.store.making(place.key) as key:
        made = StoredLake(Place(place.store, key))
        for folder in FOLDERS:
            made.place.store.make_folder((made / folder).key)
        for path in plan.files:
            (lake / path).copy_to(made / path, link=not copy)
        lake.settings_file.copy_to(made.settings_file)
