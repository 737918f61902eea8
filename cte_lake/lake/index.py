"""All exposure rows of a lake without opening every file: what was read once is kept in one file.

Exposure files never change under their name, so a row that was read is good as long as its file is listed
with the same size and time. The kept rows (``LAKE/.cache``) are derived data: deleting them costs one slow
reading, and where they cannot be written (a lake that is read-only) all is read each time.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from cte_lake.errors import LakeError
from cte_lake.lake.evolve import generation, projection, read_seed, seed_path
from cte_lake.lake.schemas import dataset
from cte_lake.lake.write import write_table

#: Column of `exposure_rows`: path of the row's file, relative to the lake.
FILE_COLUMN = "file"
CACHE = Path(".cache", "exposures.parquet")
_SIZE, _TIME = "file_bytes", "file_time_ns"
#: With fewer new files it is not worth writing the kept rows again.
_WORTH_KEEPING = 32


@dataclass(frozen=True)
class Listed:
    """A file as the listing shows it; `path` is relative to the lake."""

    path: str
    size: int
    mtime_ns: int


def listing(root: Path, name: str, suffix: str = ".parquet") -> Iterator[Listed]:
    """Yield the files of a dataset, to any depth; files that go away meanwhile are passed over."""
    pending = [root / name]
    while pending:
        folder = pending.pop()
        with contextlib.suppress(FileNotFoundError), os.scandir(folder) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    pending.append(Path(entry.path))
                elif entry.name.endswith(suffix):
                    with contextlib.suppress(FileNotFoundError):
                        stat = entry.stat()
                        path = os.path.relpath(entry.path, root)
                        yield Listed(path, stat.st_size, stat.st_mtime_ns)


def exposure_rows(root: Path) -> pa.Table:
    """Return every exposure row of every revision and mode, with the column ``file``.

    Raises
    ------
    LakeError
        If a file cannot be read; the message names it.
    """
    # A vacuum may take a superseded file between the listing and the reading; the next listing lacks it.
    for last in (False, True):
        try:
            return _rows(root)
        except duckdb.IOException as error:
            if last:
                raise LakeError(_unreadable(root, error)) from error
        except (duckdb.Error, pa.ArrowInvalid) as error:
            raise LakeError(_unreadable(root, error)) from error
    raise AssertionError("the loop returns or raises")


def read_files(root: Path, name: str, paths: Iterable[str]) -> pa.Table:
    """Read files of a dataset in today's columns, with the hive keys and the column ``file``."""
    from cte_lake.lake.read import quoted, read_options

    seed = seed_path(root, name)
    known = read_seed(seed) if seed.is_file() else None
    # The seed comes first: without union_by_name the first file decides on columns and types.
    first = [os.path.relpath(seed, root)] if known is not None else []
    prefix = str(root) + os.sep
    files = "[" + ", ".join(quoted(prefix + path) for path in [*first, *paths]) + "]"
    mixed = known is None or generation(known) > 1
    source = f"read_parquet({files}, {', '.join(read_options(name, mixed))}, filename = '{FILE_COLUMN}')"
    cut = f"substr({FILE_COLUMN}, {len(prefix) + 1}) AS {FILE_COLUMN}"
    with quiet_connection() as connection:
        names = known.names if known is not None else connection.sql(f"FROM {source} LIMIT 0").columns
        columns = projection(name, [column for column in names if column != FILE_COLUMN])
        chosen = f"* REPLACE ({cut})" if columns is None else f"{columns}, {cut}"
        return connection.sql(f"SELECT {chosen} FROM {source}").to_arrow_table()


def quiet_connection() -> duckdb.DuckDBPyConnection:
    """Return a DuckDB connection in memory that draws no progress bar into the data on standard output."""
    connection = duckdb.connect()
    connection.execute("SET enable_progress_bar = false")
    return connection


def _rows(root: Path) -> pa.Table:
    listed = {found.path: found for found in listing(root, "exposures")}
    seed = os.path.relpath(seed_path(root, "exposures"), root)
    kept = _kept(root, listed)
    known = set(kept.column(FILE_COLUMN).to_pylist()) if kept is not None else set()
    fresh = sorted(listed.keys() - known - {seed})
    if kept is not None and not fresh:
        return kept.drop_columns([_SIZE, _TIME])
    if not fresh and not listed:
        raise LakeError(f"{root} has no dataset 'exposures'; `cte-lake init {root}` makes what is missing")
    table = _with_stat(read_files(root, "exposures", fresh), listed)
    if kept is not None:
        table = pa.concat_tables([kept, table.select(kept.column_names).cast(kept.schema)])
    if len(fresh) >= _WORTH_KEEPING:
        # Another process may do the same, or the lake may be read-only: the rows are at hand either way.
        with contextlib.suppress(OSError):
            write_table(root / CACHE, table.combine_chunks(), {"schema": _schema_mark()})
    return table.drop_columns([_SIZE, _TIME])


def _with_stat(table: pa.Table, listed: dict[str, Listed]) -> pa.Table:
    files = [listed[path] for path in table.column(FILE_COLUMN).to_pylist()]
    table = table.append_column(_SIZE, pa.array([found.size for found in files], pa.int64()))
    return table.append_column(_TIME, pa.array([found.mtime_ns for found in files], pa.int64()))


def _kept(root: Path, listed: dict[str, Listed]) -> pa.Table | None:
    """Return the kept rows whose files are still as they were, or None."""
    path = root / CACHE
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            if (file.schema_arrow.metadata or {}).get(b"schema") != _schema_mark().encode():
                return None
            table = file.read()
    except (OSError, pa.ArrowInvalid):
        # Not there, or broken: it is made again.
        return None
    rows = zip(*(table.column(name).to_pylist() for name in (FILE_COLUMN, _SIZE, _TIME)), strict=True)
    good = [listed.get(path) == Listed(path, size, time) for path, size, time in rows]
    return table if all(good) else table.filter(pa.array(good, pa.bool_()))


def _schema_mark() -> str:
    return ",".join(f"{column.name}:{column.type}" for column in dataset("exposures").columns)


def _unreadable(root: Path, error: Exception) -> str:
    told = str(error).splitlines()[0]
    return (
        f"the exposures of {root} cannot be read: {told}; "
        "`cte-lake verify --quarantine` puts broken files aside"
    )
