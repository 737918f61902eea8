"""Master merge: a catalog file joins the target's catalog, whose stars keep their numbers."""

from __future__ import annotations

from pathlib import Path

from cte_lake.config import Config
from cte_lake.errors import NothingToDo
from cte_lake.lake.read import current_master
from cte_lake.lake.stored import StoredLake
from cte_lake.masters.merge import Merged, merge
from cte_lake.masters.read import read_master
from cte_lake.pipeline.master_import import ImportedMaster, lake_catalog, store_master


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
