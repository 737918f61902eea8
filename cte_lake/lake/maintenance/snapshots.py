"""Snapshot and restore: a consistent copy of a lake, and what it holds brought back by new revisions.

A snapshot is taken while ingests run. Restoring overwrites nothing of the lake. A restored row is a newer
revision of its exposure, so readers go on, and what was current before the restore stays until vacuum.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from cte_lake.config import load_settings
from cte_lake.errors import LakeError, NothingToDo
from cte_lake.lake.commit import partition_of, withdraw, write_exposure
from cte_lake.lake.create import create_lake
from cte_lake.lake.dataset_files import FILE_COLUMN
from cte_lake.lake.maintenance.inventory import ExposureRow, Inventory, is_seed
from cte_lake.lake.maintenance.readable import fault_of
from cte_lake.lake.paths import FOLDERS, master_file
from cte_lake.lake.read import current_master, exposure_rows, master_targets, read_master
from cte_lake.lake.schemas import dataset_names
from cte_lake.lake.scratch import TEMPORARY_SUFFIX
from cte_lake.lake.seals import changed_files
from cte_lake.lake.store import Place
from cte_lake.lake.stored import StoredLake
from cte_lake.lake.versions import Version, current_of_all, next_version, read_row, write_row
from cte_lake.lake.write import conform, write_table
from cte_lake.names import Names

#: Folders that are no data: what runs leave behind, and what can be drawn again.
_LEFT_OUT = frozenset({"logs", "reports"})
_PRODUCTS = ("alignment", "crmasks")


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

    Files of a lake never change, so a link is as good as a copy as long as the disk is whole. ``copy``
    copies every file, for another disk's sake.

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


@dataclass(frozen=True)
class RestorePlan:
    """What a restore does with each exposure of the snapshot.

    Attributes
    ----------
    back : tuple of ExposureRow
        Rows of the snapshot that become current again.
    same : int
        Exposures that are current as they are in the snapshot.
    withdrawn : tuple of ExposureRow
        Rows of the lake that the snapshot does not have and that are taken out of sight (`exact`).
    targets : tuple of str
        Targets whose master catalog changes back.
    """

    back: tuple[ExposureRow, ...]
    same: int
    withdrawn: tuple[ExposureRow, ...]
    targets: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.back or self.withdrawn or self.targets)


def plan_restore(
    snapshot: StoredLake, lake: StoredLake, targets: Collection[str] = (), exact: bool = False
) -> RestorePlan:
    """Compare a snapshot with a lake.

    ``exact`` withdraws what the snapshot does not have; the lake need not be there.

    Raises
    ------
    LakeError
        If either is no lake of a version that can be read.
    NothingToDo
        If the snapshot has nothing of a target.
    """
    snapshot.check_version()
    saved = Inventory(snapshot)
    held = {row.target for row in saved.current} | set(_master_targets(snapshot))
    wanted = _named(snapshot, held, targets) if targets else held
    rows = [row for row in saved.current if row.target in wanted]
    live = Inventory(lake) if lake.exists() else None
    now = {(row.imagename, row.mode): row for row in live.current} if live else {}
    back = [row for row in rows if not _same(row, now.get((row.imagename, row.mode)), live)]
    kept = {(row.imagename, row.mode) for row in rows}
    gone = [
        row
        for key, row in now.items()
        if exact and key not in kept and not row.withdrawn and (not targets or row.target in wanted)
    ]
    changed = [name for name in sorted(wanted) if _hash(snapshot, name) not in (None, _hash(lake, name))]
    return RestorePlan(tuple(back), len(rows) - len(back), tuple(gone), tuple(changed))


def _named(source: StoredLake, held: Collection[str], targets: Collection[str]) -> set[str]:
    """Return the targets of these spellings, all of which a snapshot must hold."""
    configured = load_settings(source).config.names().targets
    known = Names(dict.fromkeys(held, ()) | dict(configured))
    wanted = {known.target(text) for text in targets}
    if missing := sorted(wanted - set(held)):
        there = ", ".join(sorted(held)) or "no target"
        raise NothingToDo(f"the snapshot {source} has nothing of target {missing[0]}; it has {there}")
    return wanted


def _same(saved: ExposureRow, live: ExposureRow | None, inventory: Inventory | None) -> bool:
    if live is None or inventory is None or saved.withdrawn != live.withdrawn:
        return False
    return saved.phot_key == live.phot_key and (live.withdrawn or live.photometry in inventory.phot_files)


def _master_targets(root: StoredLake) -> Iterable[str]:
    return (name for name in master_targets(root) if current_master(root, name) is not None)


def _hash(root: StoredLake, target: str) -> str | None:
    master = current_master(root, target)
    return master.master_hash if master is not None else None


def restore(snapshot: StoredLake, lake: StoredLake, plan: RestorePlan, copy: bool = False) -> None:
    """Carry a plan out; cut off and started again, it goes on.

    Raises
    ------
    Locked
        If another housekeeping command runs on the lake.
    """
    create_lake(lake, snapshot.settings_file.read_bytes())
    with lake.lease("housekeeping"):
        lake.write_seeds()
        for target in plan.targets:
            _restore_master(snapshot, lake, target)
        for name in _PRODUCTS:
            _restore_products(snapshot, lake, name, {row.rootname for row in plan.back}, copy)
        _restore_rows(snapshot, lake, plan, copy)


def _restore_master(source: StoredLake, root: StoredLake, target: str) -> None:
    saved, live = current_master(source, target), current_master(root, target)
    if saved is None:
        return
    revision = live.revision + 1 if live is not None else saved.revision
    table = read_master(saved)
    at = table.column_names.index("revision")
    table = table.set_column(at, "revision", pa.repeat(pa.scalar(revision, pa.int32()), table.num_rows))
    write_table(
        root / master_file(target, saved.master_hash, revision), conform(table, "master"), {"target": target}
    )


def _restore_products(
    source: StoredLake, root: StoredLake, name: str, rootnames: set[str], copy: bool
) -> None:
    saved, live = current_of_all(source / name), current_of_all(root / name)
    for rootname in sorted(rootnames & saved.keys()):
        old, now = saved[rootname], live.get(rootname)
        if now is None or (now.key, now.hash, now.status) != (old.key, old.hash, old.status):
            _adopt(old, root / name, name, copy)


def _adopt(old: Version, folder: Place, name: str, copy: bool) -> None:
    """Make a product of the snapshot the current one: its files first, its row last."""
    new = next_version(folder, old.rootname, old.key, old.status, old.hash)
    old_stem, new_stem = old.path.name.removesuffix(".parquet"), new.path.name.removesuffix(".parquet")
    if damaged := changed_files(old.path):
        # Not under a fresh checksum.
        raise LakeError(
            f"{old.beside(damaged[0])} of the snapshot is not what was written; "
            "restore another snapshot, or remove the product's files from it"
        )
    for path in old.path.parent.files(f"{old_stem}."):
        if path != old.path:
            place = folder / path.name.replace(old_stem, new_stem, 1)
            if not place.exists():
                path.copy_to(place, link=not copy)
    row = {
        column: value.replace(old_stem, new_stem, 1) if isinstance(value, str) else value
        for column, value in read_row(old).items()
    }
    write_row(new, name, row)


def _restore_rows(source: StoredLake, root: StoredLake, plan: RestorePlan, copy: bool) -> None:
    live = Inventory(root)
    now = {(row.imagename, row.mode): row for row in live.current}
    records = _records(source, plan.back)
    for row in plan.back:
        if not row.withdrawn:
            _restore_photometry(source, root, row.photometry, copy)
        current = now.get((row.imagename, row.mode))
        record = records[row] | {"revision": row.revision if current is None else current.revision + 1}
        write_exposure(root, partition_of(record), record)
    for row, record in _records(root, plan.withdrawn).items():
        withdraw(root, {**record, "revision": row.revision})


def _restore_photometry(source: StoredLake, root: StoredLake, path: str, copy: bool) -> None:
    place = root / path
    if place.exists() and fault_of(place, quick=True) is not None:
        place.unlink()
    if not place.exists():
        (source / path).copy_to(place, link=not copy)
    # A vacuum that has planned to delete it leaves a file alone whose time has changed.
    place.touch()


def _records(root: StoredLake, rows: tuple[ExposureRow, ...]) -> dict[ExposureRow, dict[str, Any]]:
    """Return the whole rows, by their short form."""
    if not rows:
        return {}
    wanted = {(row.imagename, row.mode, row.revision, row.phot_key): row for row in rows}
    found = {}
    for record in exposure_rows(root).drop_columns([FILE_COLUMN]).to_pylist():
        row = wanted.get((record["imagename"], record["mode"], record["revision"], record["phot_key"]))
        if row is not None:
            found[row] = record
    return found
