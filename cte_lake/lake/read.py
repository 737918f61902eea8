"""Reading the lake's own bookkeeping: current exposures, masters and rejects."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from cte_lake.errors import LakeError
from cte_lake.lake.paths import Partition
from cte_lake.lake.schemas import PARTITION_TYPES, dataset

_NEWEST_FIRST = "ORDER BY revision DESC, phot_key DESC LIMIT 1"
_SQL_TYPES = {"string": "VARCHAR", "int32": "INTEGER"}


def scan(root: Path, name: str, partition: Partition | None = None) -> str:
    """Return the DuckDB table function that reads a dataset of a lake, or one partition, hive types given."""
    keys = dataset(name).partitions
    folders = partition.folder if partition is not None else "/".join("*" for _ in keys)
    pattern = str(root / name / folders / "*.parquet").replace("'", "''")
    options = ["union_by_name = true"]
    if keys:
        types = ", ".join(f"'{key}': {_SQL_TYPES[PARTITION_TYPES[key]]}" for key in keys)
        options.append(f"hive_partitioning = true, hive_types = {{{types}}}")
    else:
        options.append("hive_partitioning = false")
    return f"read_parquet('{pattern}', {', '.join(options)})"


def current_exposures(root: Path, mode: str, columns: tuple[str, ...] = ("*",)) -> pa.Table:
    """Exposure rows that count, of one photometry mode; withdrawn ones included.

    Returns
    -------
    pyarrow.Table
        One row an image: that of the highest revision.
    """
    query = f"""
        SELECT {", ".join(columns)} FROM {scan(root, "exposures")} WHERE mode = ?
        QUALIFY row_number() OVER (PARTITION BY imagename ORDER BY revision DESC, phot_key DESC) = 1
        ORDER BY imagename
    """
    return _query(query, [mode])


def current_exposure(root: Path, imagename: str, mode: str) -> dict[str, Any]:
    """Return the current row of one image.

    Raises
    ------
    LakeError
        If the lake has none.
    """
    query = f"SELECT * FROM {scan(root, 'exposures')} WHERE mode = ? AND imagename = ? {_NEWEST_FIRST}"
    rows = _query(query, [mode, imagename]).to_pylist()
    if not rows:
        raise LakeError(f"{imagename} has no row of mode {mode} in {root}")
    return dict(rows[0])


def earlier_exposure(
    root: Path, partition: Partition, imagename: str, mode: str, phot_key: str
) -> dict[str, Any] | None:
    """Return the newest row of an image that names a photometry file, or None; reads one partition only."""
    where = "WHERE mode = ? AND imagename = ? AND phot_key = ?"
    query = f"SELECT * FROM {scan(root, 'exposures', partition)} {where} {_NEWEST_FIRST}"
    if not (root / "exposures" / partition.folder).is_dir():
        return None
    rows = _query(query, [mode, imagename, phot_key]).to_pylist()
    return dict(rows[0]) if rows else None


def reject_rows(root: Path) -> pa.Table:
    """All reject rows, those of files measured since included."""
    return _query(f"SELECT * FROM {scan(root, 'rejects')}", [])


def _query(query: str, parameters: list[object]) -> pa.Table:
    with duckdb.connect() as connection:
        return connection.sql(query, params=parameters).to_arrow_table()


@dataclass(frozen=True)
class MasterFile:
    """The current master catalog of a target."""

    target: str
    master_hash: str
    revision: int
    path: Path


def current_master(root: Path, target: str) -> MasterFile | None:
    """Return a target's current master catalog, or None if it has none."""
    found = []
    for path in (root / "master" / f"target={target}").glob("*.r*.parquet"):
        master_hash, revision, _ = path.name.split(".")
        found.append(MasterFile(target, master_hash, int(revision[1:]), path))
    return max(found, key=lambda master: (master.revision, master.master_hash), default=None)


def read_master(master: MasterFile) -> pa.Table:
    """Read a master catalog; the target is in the path, not in the rows."""
    return pq.read_table(master.path, partitioning=None)
