"""Vacuum: delete what no row that counts, or counted within the grace time, speaks of."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from cte_lake.lake.added_columns import DATASET, Held, held_in_file, own_key
from cte_lake.lake.index import CACHE
from cte_lake.lake.maintenance.inventory import ExposureRow, Inventory, is_seed
from cte_lake.lake.maintenance.quarantine import withdraw_without_photometry
from cte_lake.lake.named_files import is_compacted
from cte_lake.lake.paths import FOLDERS
from cte_lake.lake.read import current_master
from cte_lake.lake.schemas import dataset_names
from cte_lake.lake.scratch import TEMPORARY_SUFFIX, abandoned
from cte_lake.lake.store import Listed
from cte_lake.lake.stored import StoredLake
from cte_lake.lake.versions import Version, listed_versions

#: A write takes seconds; what is older was left by a writer that died.
_OLDEST_WRITE_NS = 3_600 * 10**9
_PRODUCTS = {"alignment": "alignment_hash", "crmasks": "crmask_hash"}


@dataclass(frozen=True)
class Removal:
    """A file that nobody needs, and why; `path` is relative to the lake."""

    path: str
    size: int
    mtime_ns: int
    reason: str


@dataclass(frozen=True)
class VacuumPlan:
    """What `vacuum` will delete, and how many files it would but for their grace time."""

    removals: tuple[Removal, ...]
    waiting: int
    grace_ns: int
    now_ns: int

    @property
    def size(self) -> int:
        """Bytes that are freed."""
        return sum(removal.size for removal in self.removals)


@dataclass
class _Finder:
    """Collects removals; `cutoff_ns` is the end of the grace time."""

    inventory: Inventory
    cutoff_ns: int
    removals: list[Removal] = field(default_factory=list)
    waiting: int = 0

    def offer(self, listed: Listed, since_ns: int, reason: str) -> None:
        # The file's own age counts too: a writer may have just put it there for a row to come.
        if max(since_ns, listed.mtime_ns) < self.cutoff_ns:
            self.removals.append(Removal(listed.path, listed.size, listed.mtime_ns, reason))
        else:
            self.waiting += 1


def plan_vacuum(lake: StoredLake, grace_ns: int, now_ns: int) -> VacuumPlan:
    """Find what can go.

    Parameters
    ----------
    lake : StoredLake
        The lake.
    grace_ns : int
        How long a file must have been superseded, and have been there, before it goes; a reader or writer
        that began before needs no more than its own running time.
    now_ns : int
        The time, ns since 1970. Files from the future stay.
    """
    finder = _Finder(Inventory(lake), now_ns - grace_ns)
    since = finder.inventory.superseded_since()
    _exposures(finder, since)
    _photometry(finder, since)
    _added(finder, since)
    _masters(finder, since)
    for name, column in _PRODUCTS.items():
        _products(finder, name, {getattr(row, column) for row in finder.inventory.current})
    _leftovers(finder, now_ns - max(grace_ns, _OLDEST_WRITE_NS))
    removals = tuple(sorted(finder.removals, key=lambda r: r.path))
    return VacuumPlan(removals, finder.waiting, grace_ns, now_ns)


def _exposures(finder: _Finder, since: dict[ExposureRow, int]) -> None:
    by_file: dict[str, list[ExposureRow]] = {}
    for row in finder.inventory.rows:
        by_file.setdefault(row.file, []).append(row)
    for path, rows in by_file.items():
        listed = finder.inventory.exposure_files.get(path)
        if listed is not None and all(row in since for row in rows):
            finder.offer(listed, max(since[row] for row in rows), "superseded exposure rows")


def _needed(finder: _Finder, since: dict[ExposureRow, int]) -> set[str]:
    """Photometry that a row speaks of which counts, or counted within the grace time."""
    files = finder.inventory.exposure_files
    needed = set()
    for row in finder.inventory.rows:
        young = row.file not in files or files[row.file].mtime_ns >= finder.cutoff_ns
        counts = row not in since and (not row.withdrawn or young)
        if counts or since.get(row, -1) >= finder.cutoff_ns:
            needed.add(row.photometry)
    return needed


def _photometry(finder: _Finder, since: dict[ExposureRow, int]) -> None:
    needed = _needed(finder, since)
    for path, listed in finder.inventory.phot_files.items():
        if path not in needed:
            finder.offer(listed, listed.mtime_ns, "photometry that no exposure row names")


def _added(finder: _Finder, since: dict[ExposureRow, int]) -> None:
    lake, needed = finder.inventory.root, _needed(finder, since)
    keys = {own_key(row.phot_key) for row in finder.inventory.rows if row.photometry in needed}
    files = [
        (each, held_in_file(lake / each.path)) for each in lake.listing(DATASET) if not is_seed(each.path)
    ]
    merged: dict[Held, int] = {}
    for listed, held in files:
        if is_compacted(listed.path):
            merged |= dict.fromkeys(held, listed.mtime_ns)
    for listed, held in files:
        if not any(key in keys for _, key, _ in held):
            finder.offer(listed, listed.mtime_ns, "values of photometry that no exposure row names")
        elif held <= merged.keys() and not is_compacted(listed.path):
            finder.offer(listed, max(merged[each] for each in held), "values that a compacted file holds")


def _masters(finder: _Finder, since: dict[ExposureRow, int]) -> None:
    root = finder.inventory.root
    used = {(row.target, row.master_hash) for row in finder.inventory.rows if row not in since}
    files = list(root.dataset("master").listing())
    times = {listed.path: listed.mtime_ns for listed in files}
    for listed in files:
        path = PurePosixPath(listed.path)
        target = path.parent.name.removeprefix("target=")
        current = current_master(root, target)
        if is_seed(listed.path) or current is None or current.path.name == path.name:
            continue
        if (target, path.name.split(".")[0]) not in used:
            # One that came after the listing supersedes from now on.
            since_ns = times.get(current.path.below(root.place), 2**63 - 1)
            finder.offer(listed, since_ns, "superseded master catalog")


def _products(finder: _Finder, name: str, used: set[str | None]) -> None:
    folder = finder.inventory.root / name
    newest: dict[str, Version] = {}
    versions = list(listed_versions(folder))
    for version in versions:
        newest[version.rootname] = max(version, newest.get(version.rootname, version))
    kept = {v.path.stem for v in versions if newest[v.rootname] is v or v.hash in used}
    rows = {v.path.stem: newest[v.rootname] for v in versions}
    files = list(finder.inventory.root.listing(name, suffix=""))
    times = {PurePosixPath(listed.path).name: listed.mtime_ns for listed in files}
    for listed in files:
        stem = _stem(PurePosixPath(listed.path).name, rows.keys())
        if is_seed(listed.path) or stem in kept or listed.path.endswith(TEMPORARY_SUFFIX):
            continue
        if stem is None:
            finder.offer(listed, listed.mtime_ns, f"product of {name} without its row")
        else:
            finder.offer(listed, times.get(rows[stem].path.name, 2**63 - 1), f"superseded product of {name}")


def _stem(name: str, stems: Collection[str]) -> str | None:
    # A product's files share <rootname>.<key>.<status>-<hash>.r<revision>: four parts between dots.
    stem = ".".join(name.split(".")[:4])
    return stem if stem in stems else None


def _leftovers(finder: _Finder, cutoff_ns: int) -> None:
    for listed in _temporary(finder.inventory.root):
        # Of another machine's processes nobody here knows whether they live.
        if any(map(abandoned, listed.path.split("/"))) or listed.mtime_ns < cutoff_ns:
            finder.removals.append(
                Removal(listed.path, listed.size, listed.mtime_ns, "left by a writer that died")
            )
        else:
            finder.waiting += 1


def _temporary(root: StoredLake) -> Iterator[Listed]:
    """Yield temporary files, and those in temporary folders, wherever a lake's writers make them."""
    for folder in _folders():
        for listed in root.listing(folder, suffix=""):
            if listed.path.endswith(TEMPORARY_SUFFIX) or any(map(abandoned, listed.path.split("/"))):
                yield listed
    for place in root.place.files("."):
        if place.name.endswith(TEMPORARY_SUFFIX) or abandoned(place.name):
            with contextlib.suppress(FileNotFoundError):
                yield Listed(place.name, *place.head())


def _folders() -> tuple[str, ...]:
    return tuple(dict.fromkeys((*FOLDERS, *dataset_names(), CACHE)))


def vacuum(lake: StoredLake, plan: VacuumPlan) -> tuple[int, int]:
    """Delete what the plan names and nobody has touched since; the plan may have waited for an answer.

    Exposure rows go before photometry, so that a kill leaves no row without its photometry.

    Returns
    -------
    tuple of int
        Files and bytes deleted.

    Raises
    ------
    Locked
        If another housekeeping command runs.
    """
    files, size = 0, 0
    with lake.lease("housekeeping"):
        agreed = set(plan.removals)
        still = [r for r in plan_vacuum(lake, plan.grace_ns, plan.now_ns).removals if r in agreed]
        for removal in sorted(still, key=lambda r: (not r.path.startswith("exposures/"), r.path)):
            place = lake / removal.path
            if place.store.delete_unchanged(place.key, removal.mtime_ns):
                files, size = files + 1, size + removal.size
        for folder in _folders():
            # Temporary folders are empty by now.
            lake.place.store.sweep((lake / folder).key)
        if still:
            # In a bucket a writer may take up a file again between the last look at it and its deletion.
            withdraw_without_photometry(lake)
    return files, size
