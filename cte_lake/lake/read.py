"""Reading the lake's own bookkeeping: current exposures, masters and rejects."""

from __future__ import annotations

import glob
import re
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from cte_lake.errors import LakeError
from cte_lake.lake.evolve import SEED_TARGET, SQL_TYPES, generation, projection, read_seed, seed_path
from cte_lake.lake.index import FILE_COLUMN, exposure_rows, quiet_connection
from cte_lake.lake.listing import files_in, listing
from cte_lake.lake.paths import Partition
from cte_lake.lake.place import readable
from cte_lake.lake.schemas import PARTITION_TYPES, dataset

_MASTER_NAME = re.compile(r"([0-9a-f]+)\.r(\d+)\.parquet")
_NEWEST_FIRST = "ORDER BY revision DESC, phot_key DESC LIMIT 1"


def scan(root: Path, name: str, partition: Partition | None = None, only: Path | None = None) -> str:
    """Return what DuckDB reads a dataset, one partition or one file from: today's columns, hive types given.

    Files of one schema are read by the first one's footer. Only a lake into which several schemas have
    written costs a look into every footer, and a projection where columns were added, renamed or removed.
    """
    keys = dataset(name).partitions
    folders = [partition.folder] if partition is not None else ["*"] * len(keys)
    # A lake's own name may hold '[' or '*'; only below it they are patterns.
    pattern = "/".join([glob.escape(str(root / name)), *folders, "*.parquet"])
    if only is not None:
        pattern = glob.escape(str(only))
    known = read_seed(seed_path(root, name))
    mixed = known is None or generation(known) > 1
    source = f"read_parquet({quoted(pattern)}, {', '.join(read_options(name, mixed))})"
    columns = projection(name, known.names) if known is not None else None
    return source if columns is None else f"(SELECT {columns} FROM {source})"


def quoted(text: str) -> str:
    """Return a SQL string literal."""
    return "'" + text.replace("'", "''") + "'"


def read_options(name: str, union: bool) -> list[str]:
    """Return the options of ``read_parquet`` for a dataset's files."""
    keys = dataset(name).partitions
    options = [f"union_by_name = {str(union).lower()}", f"hive_partitioning = {str(bool(keys)).lower()}"]
    if keys:
        types = ", ".join(f"'{key}': {SQL_TYPES[PARTITION_TYPES[key]]}" for key in keys)
        options.append(f"hive_types = {{{types}}}")
    return options


def current_exposures(root: Path, mode: str, columns: tuple[str, ...] = ("*",)) -> pa.Table:
    """Exposure rows that count, of one photometry mode; withdrawn ones included.

    Returns
    -------
    pyarrow.Table
        One row an image: that of the highest revision.
    """
    query = f"""
        SELECT {", ".join(columns)} FROM rows WHERE mode = ?
        QUALIFY row_number() OVER (PARTITION BY imagename ORDER BY revision DESC, phot_key DESC) = 1
        ORDER BY imagename
    """
    rows = exposure_rows(root)
    return _query(root, query, [mode], rows.drop_columns([FILE_COLUMN]))


def current_exposure(root: Path, imagename: str, mode: str) -> dict[str, Any]:
    """Return the current row of one image.

    Raises
    ------
    LakeError
        If the lake has none.
    """
    query = f"SELECT * FROM rows WHERE mode = ? AND imagename = ? {_NEWEST_FIRST}"
    rows = exposure_rows(root).drop_columns([FILE_COLUMN])
    found = _query(root, query, [mode, imagename], rows).to_pylist()
    if not found:
        raise LakeError(f"{imagename} has no row of mode {mode} in {root}")
    return dict(found[0])


def earlier_exposure(
    root: Path, partition: Partition, imagename: str, mode: str, phot_key: str
) -> dict[str, Any] | None:
    """Return the newest row of an image that names a photometry file, or None; reads one partition only."""
    where = "WHERE mode = ? AND imagename = ? AND phot_key = ?"
    query = f"SELECT * FROM {scan(root, 'exposures', partition)} {where} {_NEWEST_FIRST}"
    if not (root / "exposures" / partition.folder).is_dir():
        return None
    rows = _query(root, query, [mode, imagename, phot_key]).to_pylist()
    return dict(rows[0]) if rows else None


def reject_rows(root: Path) -> pa.Table:
    """All reject rows, those of files measured since included."""
    return _query(root, f"SELECT * FROM {scan(root, 'rejects')}", [])


def _query(root: Path, query: str, parameters: list[object], rows: pa.Table | None = None) -> pa.Table:
    with quiet_connection(root) as connection:
        if rows is not None:
            connection.register("rows", rows)
        return connection.sql(query, params=parameters).to_arrow_table()


@dataclass(frozen=True)
class MasterFile:
    """The current master catalog of a target."""

    target: str
    master_hash: str
    revision: int
    path: Path


def master_targets(root: Path) -> list[str]:
    """Return the targets that have, or had, a master catalog."""
    parents = {PurePath(listed.path).parent.name for listed in listing(root, "master")}
    names = {name.removeprefix("target=") for name in parents if name.startswith("target=")}
    return sorted(names - {SEED_TARGET})


def current_master(root: Path, target: str) -> MasterFile | None:
    """Return a target's current master catalog, or None if it has none."""
    found = []
    for path in files_in(root / "master" / f"target={target}"):
        if (named := _MASTER_NAME.fullmatch(path.name)) is None:
            continue
        master_hash, revision = named.groups()
        found.append(MasterFile(target, master_hash, int(revision), path))
    return max(found, key=lambda master: (master.revision, master.master_hash), default=None)


def read_master(master: MasterFile) -> pa.Table:
    """Read a master catalog; the target is in the path, not in the rows."""
    return pq.read_table(readable(master.path), partitioning=None)
