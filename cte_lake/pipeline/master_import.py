"""Master import: a catalog file becomes a target's current master catalog in the lake."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from cte_lake import __version__
from cte_lake.config import Config
from cte_lake.errors import NothingToDo
from cte_lake.lake.paths import master_file
from cte_lake.lake.read import MasterFile, current_master
from cte_lake.lake.read import read_master as read_lake_master
from cte_lake.lake.schemas import dataset
from cte_lake.lake.stored import StoredLake
from cte_lake.lake.write import conform, write_table
from cte_lake.masters.read import read_master
from cte_lake.masters.table import MasterTable, content_hash

if TYPE_CHECKING:
    from cte_lake.masters.merge import Merged

_J2000_MJD, _DAYS_A_YEAR, _LATEST_YEAR = 51544.5, 365.25, 2200.0


@dataclass(frozen=True)
class ImportedMaster:
    """What an import did.

    Attributes
    ----------
    target, master_hash : str
    n_stars : int
    revision : int
        Number of the catalog among those the target had.
    new : bool
        False where the target has this very catalog already.
    left_out : tuple of str
        Columns of the file that the lake's master catalog has no place for.
    """

    target: str
    master_hash: str
    n_stars: int
    revision: int
    new: bool
    left_out: tuple[str, ...]


def import_master(
    lake: StoredLake, path: Path, target: str, config: Config, epoch: float | None = None
) -> ImportedMaster:
    """Read a catalog and make it the target's current one; the same content again does nothing.

    The epoch of the positions is an MJD or Julian year; by default the file's column ``epoch`` or
    ``ref_epoch``.

    Raises
    ------
    ConfigError
        If the target is not configured.
    CatalogError
        If the file is refused; the message names the line or row.
    """
    name = config.target_named(target)
    catalog = _dated(read_master(path), epoch)
    return store_master(lake, catalog, name, origin=str(path.absolute()))


def _dated(catalog: MasterTable, epoch: float | None) -> MasterTable:
    """Put the epoch of the positions into the column ``epoch`` of a catalog, as MJD."""
    extra = dict(catalog.extra)
    stated = extra.pop("ref_epoch", None)
    stated = extra.pop("epoch", stated)
    if epoch is not None:
        stated = np.full(len(catalog), epoch)
    if stated is not None:
        # No observation of HST lies before MJD 47,000, and no Julian year above 2,200 is meant.
        is_year = np.abs(stated) < _LATEST_YEAR
        extra["epoch"] = np.where(is_year, _J2000_MJD + (stated - 2000.0) * _DAYS_A_YEAR, stated)
    return replace(catalog, extra=extra)


def store_master(
    lake: StoredLake,
    catalog: MasterTable,
    target: str,
    origin: str | Sequence[str],
    filters: Sequence[str | None] | None = None,
) -> ImportedMaster:
    """Write a catalog as the target's current one unless it is that already.

    Origins and filters (in which each star was first found) may be one for all stars, or each its own.
    """
    lake.write_seeds()
    found = content_hash(catalog)
    current = current_master(lake, target)
    kept = set(dataset("master").schema().names)
    left_out = tuple(name for name in catalog.extra if name not in kept)
    if current is not None and current.master_hash == found:
        return ImportedMaster(target, found, len(catalog), current.revision, False, left_out)
    revision = 1 if current is None else current.revision + 1
    n = len(catalog)
    columns = {
        "master_id": catalog.id,
        "x": catalog.x,
        "y": catalog.y,
        "ra": catalog.ra,
        "dec": catalog.dec,
        "master_hash": pa.repeat(found, n),
        "revision": pa.repeat(revision, n),
        "origin": pa.repeat(origin, n) if isinstance(origin, str) else list(origin),
    } | {name: values for name, values in catalog.extra.items() if name in kept}
    if filters is not None:
        columns["filter"] = pa.array(filters, pa.string())
    table = conform(pa.table(columns), "master")
    notes = {"software": f"cte-lake {__version__}", "target": target}
    write_table(lake / master_file(target, found, revision), table, notes)
    return ImportedMaster(target, found, n, revision, True, left_out)


def lake_catalog(master: MasterFile) -> tuple[MasterTable, list[str | None], list[str]]:
    """Return a catalog of the lake as it was given: stars, the filter and the origin of each."""
    table = read_lake_master(master)
    columns = {name: table.column(name).to_pylist() for name in table.column_names}
    extra = {name: np.array(columns[name], float) for name in ("flux", "depth", "epoch") if name in columns}
    x, y, ra, dec = (np.array(columns[name], float) for name in ("x", "y", "ra", "dec"))
    stars = MasterTable(np.array(columns["master_id"], np.int64), x, y, ra, dec, extra)
    n = len(stars)
    return stars, columns.get("filter", [None] * n), columns["origin"]


def merge_master(
    lake: StoredLake, path: Path, target: str, config: Config, filter_: str | None = None
) -> tuple[ImportedMaster, Merged]:
    """Add the stars of a catalog file that the target's catalog lacks, under new numbers.

    Raises
    ------
    ConfigError
        If the target is not configured.
    NothingToDo
        If the target has no catalog to merge into.
    CatalogError
        If the file is refused or no star is common.
    """
    from cte_lake.masters.merge import merge

    target = config.target_named(target)
    present = current_master(lake, target)
    if present is None:
        raise NothingToDo(
            f"target {target} has no master catalog to merge into; "
            f"use `cte-lake master import {path} --target {target}`"
        )
    older, filters, origins = lake_catalog(present)
    merged = merge(older, read_master(path), config.master_build.merge_radius)
    n_added = int(merged.added.sum())
    done = store_master(
        lake,
        merged.table,
        target,
        [*origins, *[str(path.absolute())] * n_added],
        [*filters, *[filter_] * n_added],
    )
    return done, merged
