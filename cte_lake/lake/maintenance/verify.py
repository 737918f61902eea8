"""Verify that every file is whole, lies where its content belongs, and is what the exposure rows name."""

from __future__ import annotations

import os
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

import pyarrow as pa

from cte_lake.errors import CteLakeError, LakeError
from cte_lake.filenames import path_from_text
from cte_lake.lake.contents import Content, contents_of, phot_hash
from cte_lake.lake.maintenance.inventory import DAY_NS, ExposureRow, Inventory, is_seed, rows_of
from cte_lake.lake.maintenance.newest import went_back
from cte_lake.lake.maintenance.nightly import Footers, Turns
from cte_lake.lake.maintenance.other_files import Finding, catalogs, folders, products, texts
from cte_lake.lake.maintenance.readable import Fault, fault_of, is_recorded
from cte_lake.lake.named_files import is_compacted
from cte_lake.lake.paths import exposure_file
from cte_lake.lake.read import current_exposures
from cte_lake.lake.schemas import dataset, dataset_names
from cte_lake.lake.scratch import TEMPORARY_SUFFIX
from cte_lake.lake.stored import StoredLake

#: An ingest writes the row moments after the photometry; one that was killed is run again the next night.
_ROWLESS_NS = 7 * DAY_NS


@dataclass(frozen=True)
class Verification:
    """What was looked at (files, those read in full, current exposures, their photometry rows) and found."""

    files: int
    in_full: int
    exposures: int
    stars: int
    findings: tuple[Finding, ...]

    @property
    def passed(self) -> bool:
        """Whether nothing harmful was found."""
        return not any(finding.harm for finding in self.findings)


def verify(
    lake: StoredLake, quick: bool = False, share: float = 1.0, seconds: float = float("inf")
) -> Verification:
    """Check a lake; reads every byte, or of some files, or with `quick` of all, the footers alone.

    Checks: ``readable`` (each Parquet file opens; in full, pages match their checksums and rows their hash),
    ``bytes`` (they are those of the last reading in full), ``unread`` (this reader could not read a file,
    which proves nothing against it), ``rows`` (each row's
    photometry is there and what the row names), ``name`` (a file's name and place are those of its content),
    ``copy`` (photometry that no row names and another file holds), ``product`` (headerlets and masks are
    there and what was written), ``text`` (coefficient sets are what was written), ``settings`` (can be read,
    and were not changed without being written), ``unverified`` (no checksum was recorded: no harm), ``lost``
    (photometry for a week without any row of its image; an image whose newest row is gone), ``orphan`` and
    ``leftover`` (what vacuum will take: no harm).

    Parameters
    ----------
    lake : StoredLake
        The lake.
    quick : bool
        Read no file in full.
    share : float
        Share of the files that are read in full, those first that were not for longest. Below 1, of these
        the bytes alone where they are those against which nothing was found before, and of the others'
        footers those alone that are not known to be good, by name, size and time.
    seconds : float
        Time after which no further file is read in full.
    """
    there = {found.path: found for name in dataset_names() for found in lake.listing(name, suffix="")}
    listed = {path: found for path, found in there.items() if path.endswith(".parquet")}
    paths = listed.keys()
    in_full = set()
    anew: dict[str, list[str]] = {}
    findings: list[Finding] = []
    turns = Turns(lake, () if quick else paths, share, seconds)
    footers = Footers(lake, listed, share < 1 and not quick)
    for path in () if quick else turns:
        in_full.add(path)
        if share == 1 or path in footers.unread or not turns.as_it_was(path):
            anew[path] = []
            findings += _in_full(lake, path, turns, footers, anew[path])
    for path in sorted(footers.unread - in_full):
        findings += _as_findings(path, _fault_of(lake, path, footers, quick=True))
    broken = {finding.path for finding in findings}
    footers.keep(broken)
    findings += [*folders(lake, paths), *products(lake, in_full), *texts(lake), *_leftovers(there)]
    if any(path.startswith("exposures/") for path in broken):
        turns.keep()
        why = "not checked while exposure files cannot be read; --quarantine sets broken ones aside"
        return Verification(len(paths), len(in_full), 0, 0, (*findings, Finding("rows", "exposures", why)))
    try:
        inventory = Inventory(lake)
        findings += catalogs(lake, broken, inventory.rows)
        rows = _Rows(inventory, broken, anew, footers)
        findings += rows.findings()
        counted = [row for row in inventory.current if not row.withdrawn]
        findings += () if quick else went_back(inventory)
    except CteLakeError as error:
        turns.keep()
        findings.append(Finding("rows", "exposures", str(error)))
        return Verification(len(paths), len(in_full), 0, 0, tuple(findings))
    turns.keep(_sound(anew.keys(), rows.compared, findings))
    stars = sum(row.n_stars for row in counted)
    return Verification(len(paths), len(in_full), len(counted), stars, tuple(findings))


def _sound(read: Set[str], compared: set[str], findings: Iterable[Finding]) -> set[str]:
    """Return the files that were read and against which nothing was found: the same bytes will do tomorrow.

    Of photometry these are files whose rows are those of the record in their footer, with which exposure rows
    are compared every time.
    """
    sound = {path for path in read if path in compared or not path.startswith("phot/")}
    return sound.difference(finding.path for finding in findings)


def _in_full(
    lake: StoredLake, path: str, turns: Turns, footers: Footers, hashes: list[str]
) -> Iterator[Finding]:
    """Yield what is wrong with a file; of photometry add the hash of each image's rows, as they are."""
    checksums: list[str] = []

    def seen(found: str, groups: list[pa.Table]) -> None:
        checksums.append(found)
        if path.startswith("phot/"):
            # A row group an image, unless there is one image.
            images = groups if len(footers.held.get(path, ())) > 1 else [pa.concat_tables(groups)]
            hashes.extend(map(phot_hash, images))

    yield from _as_findings(path, _fault_of(lake, path, footers, seen=seen))

    def recorded() -> bool:
        return is_seed(path) or is_recorded(lake / path)

    for found in checksums:
        if (when := turns.changed_since(path, found, recorded)) is not None:
            at = datetime.fromtimestamp(when, UTC).isoformat(timespec="minutes")[:16]
            why = f"has other bytes than on {at} UTC, and cte-lake did not write it; copy it from a snapshot"
            yield Finding("bytes", path, why)


def _fault_of(lake: StoredLake, path: str, footers: Footers, **how: Any) -> Fault | None:
    stated = dataset(PurePosixPath(path).parts[0])
    # Without these a file is none of its dataset.
    columns = set(stated.key) - set(stated.partitions)
    return fault_of(lake / path, columns=columns, said=partial(footers.read, path), **how)


def _as_findings(path: str, fault: Fault | None) -> Iterator[Finding]:
    if fault is not None:
        yield Finding("readable" if fault.proven else "unread", path, fault.detail)


class _Rows:
    """Holds exposure rows and photometry files against each other."""

    def __init__(
        self, inventory: Inventory, broken: set[str], in_full: Mapping[str, list[str]], footers: Footers
    ) -> None:
        self._inventory = inventory
        self._footers = footers
        self._broken = broken
        self._in_full = in_full
        self._naming = defaultdict(list)
        for row in inventory.rows:
            self._naming[row.photometry].append(row)
        self._current = {row.photometry for row in inventory.current if not row.withdrawn}
        self._holders: dict[tuple[str, str], str] = {}
        #: Photometry files whose rows bear the hashes that their footers record.
        self.compared: set[str] = set()

    def findings(self) -> Iterator[Finding]:
        """Yield what is wrong with rows, then with files."""
        exposures = self._inventory.root.dataset("exposures")
        for row in rows_of(exposures.misplaced(self._inventory.exposure_files.values())):
            why = f"lies in another partition than its content: {PurePosixPath(row.phot_file or '').parent}"
            yield Finding("name", row.file, why)
        for row in self._inventory.rows:
            if not is_compacted(row.file):
                yield from _name(row)
        contents = {path: self._contents(path) for path in sorted(self._inventory.phot_files)}
        for path in self._naming.keys() & contents.keys():
            self._holders |= {(each.imagename, each.phot_key): path for each in contents[path]}
        for row in self._inventory.current:
            if not row.withdrawn and row.photometry not in self._broken:
                yield from self._row(row, contents.get(row.photometry))
        known = {row.imagename for row in self._inventory.rows}
        for path, held in contents.items():
            if path not in self._broken:
                yield from self._file(path, held, known)

    def _contents(self, path: str) -> list[Content]:
        if path in self._broken:
            return []
        if (held := self._footers.held.get(path)) is not None:
            return held
        try:
            return contents_of(self._inventory.root / path)
        except LakeError:
            # Gone meanwhile, or holding nothing that could be counted.
            return []

    def _row(self, row: ExposureRow, held: list[Content] | None) -> Iterator[Finding]:
        path = row.photometry
        if held is None and not (self._inventory.root / path).is_file():
            yield Finding("rows", path, f"is not there; {row.file} names it; ingest its frame again")
            return
        mine = [
            each for each in held or () if (each.imagename, each.phot_key) == (row.imagename, row.phot_key)
        ]
        found = sum(each.rows for each in mine)
        if found != row.n_stars:
            detail = f"number of rows ({found}) does not match n_stars of {row.imagename} ({row.n_stars})"
            yield Finding("rows", path, detail)
        elif row.phot_hash is not None and mine and mine[0].hash not in (None, row.phot_hash):
            yield Finding("rows", path, f"was replaced: it holds other photometry of {row.imagename}")
        elif any(each.replaced for each in mine):
            yield Finding("rows", path, f"was replaced: its rows are not those recorded of {row.imagename}")

    def _file(self, path: str, held: list[Content], known: set[str]) -> Iterator[Finding]:
        folder = path.rpartition("/")[0].removeprefix("phot/")
        foreign = [each for each in held if each.folder not in (None, folder)]
        if foreign:
            yield Finding("name", path, f"its content belongs in phot/{foreign[0].folder}")
        elif path in self._current:
            if path in self._in_full:
                yield from self._hashes(path, held)
        elif path not in self._naming and (harm := self._copy(path, held)) is not None:
            yield harm
        else:
            yield self._orphan(path, held, known)

    def _copy(self, path: str, held: list[Content]) -> Finding | None:
        """Tell a copy, or a file under a name that is not its own, which no reader counts."""
        if is_compacted(path):
            return None
        name = PurePosixPath(path).name
        for each in held:
            own = f"{each.imagename.removesuffix('.fits')}.{each.phot_key}.parquet"
            other = self._holders.get((each.imagename, each.phot_key))
            if other is not None:
                return Finding("copy", path, f"holds {each.imagename} again, which {other} holds; remove it")
            if name != own:
                return Finding("name", path, f"its content is called {own}; give it that name or remove it")
        return None

    def _hashes(self, path: str, held: list[Content]) -> Iterator[Finding]:
        stated = {
            (row.imagename, row.phot_key): row.phot_hash
            for row in self._naming[path]
            if row.phot_hash is not None
        }
        found = self._in_full[path] if stated else []
        if found and found == [each.hash for each in held]:
            self.compared.add(path)
        for each, content in zip(held, found, strict=False):
            if stated.get((each.imagename, each.phot_key), content) != content:
                yield Finding(
                    "rows", path, f"was changed: its rows are not those measured of {each.imagename}"
                )

    def _orphan(self, path: str, held: list[Content], known: set[str]) -> Finding:
        """Tell photometry that was replaced, or is about to get its row, from that whose row was lost."""
        images = {each.imagename for each in held} - known
        age_ns = time.time_ns() - self._inventory.phot_files[path].mtime_ns
        if not images or age_ns < _ROWLESS_NS:
            return Finding("orphan", path, "no current exposure row names it; vacuum takes it", harm=False)
        names, days = ", ".join(sorted(images)), age_ns // DAY_NS
        why = (
            f"{names} has had no exposure row for {days} days; ingest its frame again, or let vacuum take it"
        )
        return Finding("lost", path, why)


def _name(row: ExposureRow) -> Iterator[Finding]:
    try:
        place = exposure_file(row.partition, row.rootname, row.mode, row.phot_key, row.revision)
    except LakeError as error:
        yield Finding("name", row.file, str(error))
        return
    if place != row.file.replace(os.sep, "/"):
        yield Finding("name", row.file, f"its content belongs at {place}")


def _leftovers(paths: Iterable[str]) -> Iterator[Finding]:
    for path in paths:
        if path.endswith(TEMPORARY_SUFFIX):
            yield Finding("leftover", path, "left by a writer, or being written", harm=False)


def changed_inputs(lake: StoredLake, mode: str, checksum: Callable[[Path], str]) -> Iterator[Finding]:
    """Yield frames that are no longer what was measured; a frame that is gone does no harm.

    Parameters
    ----------
    lake : StoredLake
        The lake.
    mode : str
        Photometry mode.
    checksum : callable
        Returns a file's checksum as ingest records it.
    """
    columns = ("path", "checksum", "withdrawn")
    for row in current_exposures(lake, mode, columns).to_pylist():
        path = path_from_text(row["path"])
        if row["withdrawn"]:
            continue
        if not path.is_file():
            yield Finding("input", row["path"], "is no longer there", harm=False)
        elif checksum(path) != row["checksum"]:
            yield Finding("input", row["path"], "is not the file that was measured; ingest it again")
