"""Verify that every file is whole and every exposure row finds its photometry."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import pyarrow as pa
import pyarrow.parquet as pq

from cte_lake.errors import CteLakeError, LakeError, StoreUnavailable
from cte_lake.filenames import path_from_text
from cte_lake.lake.disk import TEMPORARY_SUFFIX
from cte_lake.lake.maintenance.inventory import (
    COMPACTED,
    DAY_NS,
    ExposureRow,
    Inventory,
    compacted_members,
)
from cte_lake.lake.paths import exposure_file
from cte_lake.lake.read import current_exposures
from cte_lake.lake.schemas import dataset_names
from cte_lake.lake.store import Place
from cte_lake.lake.stored import AnyLake, StoredLake, stored
from cte_lake.lake.versions import listed_versions

#: An ingest writes the row moments after the photometry; one that was killed is run again the next night.
_ROWLESS_NS = 7 * DAY_NS
_COMPANION = {"alignment": ".hlet.fits", "crmasks": ".fits"}
_STATUS_WITH_COMPANION = frozenset({"aligned", "masked"})


@dataclass(frozen=True)
class Finding:
    """Something that is not as it must be; `harm` is False for what is merely left over."""

    check: str
    path: str
    detail: str
    harm: bool = True


@dataclass(frozen=True)
class Verification:
    """What was looked at and what was found.

    Attributes
    ----------
    files, exposures, stars : int
        Parquet files opened, current exposure rows checked, photometry rows that they name.
    findings : tuple of Finding
    """

    files: int
    exposures: int
    stars: int
    findings: tuple[Finding, ...]

    @property
    def passed(self) -> bool:
        """Whether nothing harmful was found."""
        return not any(finding.harm for finding in self.findings)


def verify(named: AnyLake, quick: bool = False) -> Verification:
    """Check a lake; reads every byte, or with `quick` the footers alone.

    Checks: ``readable`` (each Parquet file opens and its pages match their checksums), ``rows`` (each row's
    photometry is there, and holds as many stars as the row says), ``name`` (a file's name and place are those
    of its content), ``product`` (headerlets and masks are there), ``lost`` (photometry for a week without any
    row of its image), ``orphan`` and ``leftover`` (no harm: what vacuum will take).
    """
    root, files, broken = stored(named), 0, []
    for name in dataset_names():
        for listed in root.listing(name):
            files += 1
            fault = unreadable(root / listed.path, quick)
            if fault is not None:
                broken.append(Finding("readable", listed.path, fault))
    findings = [*broken, *_products(root), *_leftovers(root)]
    if any(finding.path.startswith("exposures/") for finding in broken):
        explanation = "not checked while exposure files are broken; put them aside with --quarantine"
        return Verification(files, 0, 0, (*findings, Finding("rows", "exposures", explanation)))
    try:
        inventory = Inventory(root)
        findings += _rows(inventory, {finding.path for finding in broken})
        counted = [row for row in inventory.current if not row.withdrawn]
    except CteLakeError as error:
        return Verification(files, 0, 0, (*findings, Finding("rows", "exposures", str(error))))
    stars = sum(row.n_stars for row in counted)
    return Verification(files, len(counted), stars, tuple(findings))


def unreadable(path: Place, quick: bool = False) -> str | None:
    """Say what keeps a Parquet file from being read, or None if it is whole."""
    try:
        with pq.ParquetFile(path.source(whole=not quick), page_checksum_verification=True) as file:
            if not quick:
                for group in range(file.num_row_groups):
                    file.read_row_group(group, use_threads=False)
    except FileNotFoundError:
        # A vacuum took it meanwhile.
        return None
    except StoreUnavailable:
        raise
    except (OSError, pa.ArrowException) as error:
        return str(error).splitlines()[0]
    return None


def _rows(inventory: Inventory, broken: set[str]) -> Iterator[Finding]:
    counts: dict[str, dict[tuple[str, str], int]] = {}
    named = set()
    for row in inventory.rows:
        if not PurePosixPath(row.file).name.startswith(COMPACTED):
            yield from _name(row)
    for row in inventory.current:
        path = inventory.phot_of(row)
        named.add(path)
        if row.withdrawn or path in broken:
            continue
        if path not in inventory.phot_files and not (inventory.root / path).is_file():
            yield Finding("rows", path, f"is not there; {row.file} names it")
            continue
        if path not in counts:
            counts[path] = _counts(inventory, path)
        found = counts[path].get(row.member, 0)
        if found != row.n_stars:
            detail = f"number of rows ({found}) does not match n_stars of {row.imagename} ({row.n_stars})"
            yield Finding("rows", path, detail)
    known = {row.imagename for row in inventory.rows}
    for path in sorted(inventory.phot_files.keys() - named - broken):
        yield _orphan(inventory, path, known)


def _orphan(inventory: Inventory, path: str, known: set[str]) -> Finding:
    """Tell photometry that was replaced, or is about to get its row, from that whose row was lost."""
    images = {imagename for imagename, _ in inventory.members(path)} - known
    age_ns = time.time_ns() - inventory.phot_files[path].mtime_ns
    if not images or age_ns < _ROWLESS_NS:
        return Finding("orphan", path, "no current exposure row names it; vacuum takes it", harm=False)
    names, days = ", ".join(sorted(images)), age_ns // DAY_NS
    why = f"{names} has had no exposure row for {days} days; ingest its frame again, or let vacuum take it"
    return Finding("lost", path, why)


def _counts(inventory: Inventory, path: str) -> dict[tuple[str, str], int]:
    if PurePosixPath(path).name.startswith(COMPACTED):
        return dict(compacted_members(inventory.root / path))
    (member,) = inventory.members(path)
    return {member: int(pq.read_metadata((inventory.root / path).source(whole=False)).num_rows)}


def _name(row: ExposureRow) -> Iterator[Finding]:
    try:
        place = exposure_file(row.partition, row.rootname, row.mode, row.phot_key, row.revision)
    except LakeError as error:
        yield Finding("name", row.file, str(error))
        return
    if place != row.file.replace(os.sep, "/"):
        yield Finding("name", row.file, f"its content belongs at {place}")


def _products(root: StoredLake) -> Iterator[Finding]:
    for name, suffix in _COMPANION.items():
        versions = list(listed_versions(root / name))
        # Listed after the rows: a row's files are written before it.
        there = {path.name for path in (root / name).files()}
        for version in versions:
            if version.status in _STATUS_WITH_COMPANION and version.beside(suffix).name not in there:
                path = f"{name}/{version.beside(suffix).name}"
                yield Finding("product", path, f"is not there; run `cte-lake {_command(name)} --overwrite`")


def _command(name: str) -> str:
    return {"alignment": "align", "crmasks": "crmask"}[name]


def _leftovers(root: StoredLake) -> Iterator[Finding]:
    for name in dataset_names():
        for listed in root.listing(name, suffix=TEMPORARY_SUFFIX):
            yield Finding("leftover", listed.path, "left by a writer, or being written", harm=False)


def changed_inputs(named: AnyLake, mode: str, checksum: Callable[[Path], str]) -> Iterator[Finding]:
    """Yield frames that are no longer what was measured; a frame that is gone does no harm.

    Parameters
    ----------
    named : StoredLake or path
        The lake.
    mode : str
        Photometry mode.
    checksum : callable
        Returns a file's checksum as ingest records it.
    """
    columns = ("path", "checksum", "withdrawn")
    for row in current_exposures(named, mode, columns).to_pylist():
        path = path_from_text(row["path"])
        if row["withdrawn"]:
            continue
        if not path.is_file():
            yield Finding("input", row["path"], "is no longer there", harm=False)
        elif checksum(path) != row["checksum"]:
            yield Finding("input", row["path"], "is not the file that was measured; ingest it again")
