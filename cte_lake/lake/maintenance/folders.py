"""Findings of places: folders that no writer makes, and master catalogs in the place of another."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator
from pathlib import PurePosixPath

import pyarrow.parquet as pq

from cte_lake.lake.added_columns import DATASET as ADDED
from cte_lake.lake.append import OWN
from cte_lake.lake.maintenance.inventory import ExposureRow, is_seed
from cte_lake.lake.maintenance.other_files import Finding
from cte_lake.lake.paths import FOLDERS, is_partition, master_name
from cte_lake.lake.schemas import dataset_names
from cte_lake.lake.stored import StoredLake


def folders(lake: StoredLake, paths: Collection[str]) -> Iterator[Finding]:
    """Yield folders that nobody reads, or from whose names DuckDB reads other keys, or at which it fails."""
    for name in sorted(lake.place.names() - set(FOLDERS)):
        own = re.sub(r"[^a-z_]", "", unicodedata.normalize("NFKC", name).casefold())
        if own in FOLDERS and "." not in name:
            yield Finding("name", name, f"is no folder of a lake, and nobody reads it; call it {own}")
    found = {path.rpartition("/")[0] for path in paths}
    for name in sorted((OWN & set(dataset_names())) - {ADDED} - {each.partition("/")[0] for each in found}):
        why = f"has no file, not even the empty one of its schema; `cte-lake init {lake}` makes that again"
        yield Finding("rows", name, why)
    for folder in sorted(found):
        name, _, below = folder.partition("/")
        files = lake.dataset(name)
        seed = files.seed_place.below(lake.place).rpartition("/")[0]
        if folder != seed and not is_partition(below, files.stated.partitions):
            why = "no folder of its dataset is called so; give it its name back, or remove what is not yours"
            yield Finding("name", folder, why)


def catalogs(lake: StoredLake, broken: Collection[str], rows: Iterable[ExposureRow]) -> Iterator[Finding]:
    """Yield copies of master catalogs, which no reader counts, and catalogs in another target's folder."""
    measured: dict[str, set[str]] = {}
    for row in rows:
        measured.setdefault(row.master_hash, set()).add(row.target)
    for listed in lake.dataset("master").listing():
        if listed.path in broken or is_seed(listed.path):
            continue
        path = PurePosixPath(listed.path)
        try:
            # ``read_table`` and ``group_by`` would import pandas.
            table = pq.ParquetFile((lake / listed.path).source()).read(["master_hash", "revision"])
        except FileNotFoundError:
            continue
        names = set(zip(*(column.to_pylist() for column in table.columns), strict=True))
        own = {master_name(*name) for name in names}
        if own != {path.name}:
            why = f"its content is called {' and '.join(sorted(own)) or 'nothing'}; remove it, or name it so"
            yield Finding("name", listed.path, why)
        stated = (table.schema.metadata or {}).get(b"target")
        targets = {stated.decode()} if stated else measured.get(path.name.partition(".")[0], set())
        if targets and path.parent.name not in {f"target={target}" for target in targets}:
            why = f"is the catalog of {' and '.join(sorted(targets))}; put it into that target's folder"
            yield Finding("name", listed.path, why)
