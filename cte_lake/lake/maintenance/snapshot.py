"""Snapshot: a consistent copy of a lake, taken while ingests run."""

from __future__ import annotations

import contextlib
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from cte_lake.errors import LakeError
from cte_lake.lake.listing import listing, names_in
from cte_lake.lake.maintenance.inventory import Inventory, is_seed
from cte_lake.lake.paths import FOLDERS, LAKE_FILE
from cte_lake.lake.place import in_store
from cte_lake.lake.schemas import dataset_names
from cte_lake.lake.write import TEMPORARY_SUFFIX
from cte_lake.lake.write import copy as copy_file

#: Folders that are no data: what runs leave behind, and what can be drawn again.
_LEFT_OUT = frozenset({"logs", "reports"})


@dataclass(frozen=True)
class SnapshotPlan:
    """Files of a snapshot, relative to the lake, in the order in which they are taken."""

    files: tuple[str, ...]
    size: int
    exposures: int


def plan_snapshot(root: Path) -> SnapshotPlan:
    """List what a snapshot holds: rows that count and their photometry, products, catalogs, rejects.

    Exposure rows are listed first. What they name was written before them, and vacuum leaves it for a grace
    time, so everything that is named is there.
    """
    inventory = Inventory(root)
    current = inventory.current
    wanted = {row.file for row in current}
    wanted |= {inventory.phot_of(row) for row in current if not row.withdrawn}
    size = 0
    files = []
    for name in dict.fromkeys((*FOLDERS, *dataset_names())):
        if name in _LEFT_OUT:
            continue
        for listed in listing(root, name, suffix=""):
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


def snapshot(root: Path, destination: Path, plan: SnapshotPlan, copy: bool = False) -> None:
    """Take a snapshot: a lake of its own, hard-linked where it lies on the same file system.

    Files of a lake never change, so a link is as good as a copy as long as the disk is whole.

    Parameters
    ----------
    root, destination : Path
        The lake; a folder that is not there yet or empty.
    plan : SnapshotPlan
        What is taken.
    copy : bool
        Copy every file, for another disk's sake.

    Raises
    ------
    LakeError
        If the destination holds something.
    """
    if names_in(destination) or (in_store(destination) is None and destination.is_file()):
        raise LakeError(f"{destination} is there already; name a new folder for the snapshot")
    if in_store(destination) is not None:
        # Nothing can be renamed there; without its settings file, the last, it is no lake.
        for path in (*plan.files, LAKE_FILE):
            take_file(root / path, destination / path, copy=True)
        return
    # Made beside its place: a snapshot that was cut off is none.
    partial = destination.with_name(f".{destination.name}.{os.getpid()}{TEMPORARY_SUFFIX}")
    try:
        for folder in FOLDERS:
            (partial / folder).mkdir(parents=True, exist_ok=True)
        for path in plan.files:
            take_file(root / path, partial / path, copy)
        take_file(root / LAKE_FILE, partial / LAKE_FILE, copy=True)
        partial.replace(destination)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def take_file(source: Path, place: Path, copy: bool = False) -> None:
    """Link a file to its new place, or copy it where links do not reach; in one step either way."""
    if not copy and in_store(source) is None and in_store(place) is None:
        place.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(OSError):
            os.link(source, place)
            return
    copy_file(source, place)
