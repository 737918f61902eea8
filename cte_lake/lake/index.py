"""All rows of a dataset of small files; what was read once is kept in one file.

Exposure, alignment and mask rows never change under their file's name, so a row that was read is good as long
as its file is listed with the same size and time. The kept rows (``LAKE/.cache``) are derived data: deleting
them costs one slow reading, and where they cannot be written (a read-only lake) all is read each time.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from cte_lake.errors import LakeError, StoreUnavailable
from cte_lake.lake.evolve import generation, projection, read_seed, seed_path
from cte_lake.lake.listing import Listed, listing
from cte_lake.lake.place import below, in_store, readable
from cte_lake.lake.schemas import dataset
from cte_lake.lake.write import write_table

#: Column of `kept_rows`: path of the row's file, relative to the lake.
FILE_COLUMN = "file"
CACHE = Path(".cache")
_SIZE, _TIME = "file_bytes", "file_time_ns"
#: Datasets whose files hold a row or a few.
_OF_SMALL_FILES = frozenset({"exposures", "rejects", "alignment", "crmasks"})
_RAISED = re.compile(r"^(?:[\w.]+\.)?(\w+): (.+)$", re.MULTILINE)
#: With fewer new files it is not worth writing the kept rows again.
_WORTH_KEEPING = 32


def exposure_rows(root: Path) -> pa.Table:
    """Return every exposure row of every revision and mode, with the column ``file``; see `kept_rows`."""
    return kept_rows(root, "exposures")


def kept_rows(root: Path, name: str) -> pa.Table:
    """Return every row of a dataset, superseded ones too, with the column ``file``.

    Parameters
    ----------
    root : Path
        The lake.
    name : str
        A dataset whose files are never written again under their name, and hold a row or a few.

    Raises
    ------
    LakeError
        If a file cannot be read; the message names it.
    """
    # A vacuum may take a superseded file between the listing and the reading; the next listing lacks it.
    for last in (False, True):
        try:
            return _rows(root, name)
        except duckdb.Error as error:
            raised = raised_below(error)
            if raised is not None and raised[0] == StoreUnavailable.__name__:
                raise StoreUnavailable(raised[1]) from error
            gone = isinstance(error, duckdb.IOException) or raised is not None
            if last or not gone:
                raise LakeError(_unreadable(root, name, error)) from error
        except pa.ArrowInvalid as error:
            raise LakeError(_unreadable(root, name, error)) from error
    raise AssertionError("the loop returns or raises")


def read_files(root: Path, name: str, paths: Iterable[str]) -> pa.Table:
    """Read files of a dataset in today's columns, with the hive keys and the column ``file``."""
    from cte_lake.lake.read import quoted, read_options

    seed = seed_path(root, name)
    known = read_seed(seed)
    # The seed comes first: without union_by_name the first file decides on columns and types.
    wanted = [*([below(root, seed)] if known is not None else []), *paths]
    prefix = f"{root}/"
    files = "[" + ", ".join(quoted(prefix + path) for path in wanted) + "]"
    mixed = known is None or generation(known) > 1
    source = f"read_parquet({files}, {', '.join(read_options(name, mixed))}, filename = '{FILE_COLUMN}')"
    cut = f"substr({FILE_COLUMN}, {len(prefix) + 1}) AS {FILE_COLUMN}"
    with quiet_connection(root, wanted if name in _OF_SMALL_FILES else ()) as connection:
        names = known.names if known is not None else connection.sql(f"FROM {source} LIMIT 0").columns
        columns = projection(name, [column for column in names if column != FILE_COLUMN])
        chosen = f"* REPLACE ({cut})" if columns is None else f"{columns}, {cut}"
        return connection.sql(f"SELECT {chosen} FROM {source}").to_arrow_table()


def quiet_connection(root: Path, fetch: Iterable[str] = ()) -> duckdb.DuckDBPyConnection:
    """Return a DuckDB connection in memory that draws no progress bar into the data on standard output.

    Parameters
    ----------
    root : Path
        The lake that it can read.
    fetch : iterable of str
        Small files, relative to the lake, that are all wanted: of an object store they are fetched together.
    """
    connection = duckdb.connect()
    connection.execute("SET enable_progress_bar = false")
    if (place := in_store(root)) is not None:
        from cte_lake.lake.confined import confine

        confine(connection, place).take(fetch)
    return connection


def raised_below(error: duckdb.Error) -> tuple[str, str] | None:
    """Return class and message of what a registered file system raised; DuckDB tells of it by a traceback."""
    text = str(error)
    found = _RAISED.findall(text) if "Traceback (most recent call last)" in text else []
    return found[-1] if found else None


def _rows(root: Path, name: str) -> pa.Table:
    listed = {found.path: found for found in listing(root, name)}
    seed = below(root, seed_path(root, name))
    kept = _kept(root, name, listed)
    known = set(kept.column(FILE_COLUMN).to_pylist()) if kept is not None else set()
    fresh = sorted(listed.keys() - known - {seed})
    if kept is not None and not fresh:
        return kept.drop_columns([_SIZE, _TIME])
    if not fresh and not listed:
        raise LakeError(f"{root} has no dataset {name!r}; `cte-lake init {root}` makes what is missing")
    table = _with_stat(read_files(root, name, fresh), listed)
    if kept is not None:
        table = pa.concat_tables([kept, table.select(kept.column_names).cast(kept.schema)])
    if len(fresh) >= _WORTH_KEEPING:
        # Another process may do the same, or the lake may be read-only: the rows are at hand either way.
        with contextlib.suppress(OSError, LakeError):
            write_table(_cache(root, name), table.combine_chunks(), {"schema": _schema_mark(name)})
    return table.drop_columns([_SIZE, _TIME])


def _with_stat(table: pa.Table, listed: dict[str, Listed]) -> pa.Table:
    files = [listed[path] for path in table.column(FILE_COLUMN).to_pylist()]
    table = table.append_column(_SIZE, pa.array([found.size for found in files], pa.int64()))
    return table.append_column(_TIME, pa.array([found.mtime_ns for found in files], pa.int64()))


def _cache(root: Path, name: str) -> Path:
    return root / CACHE / f"{name}.parquet"


def _kept(root: Path, name: str, listed: dict[str, Listed]) -> pa.Table | None:
    """Return the kept rows whose files are still as they were, or None."""
    try:
        with pq.ParquetFile(readable(_cache(root, name)), page_checksum_verification=True) as file:
            if (file.schema_arrow.metadata or {}).get(b"schema") != _schema_mark(name).encode():
                return None
            table = file.read()
    except (OSError, pa.ArrowInvalid):
        # Not there, or broken: it is made again.
        return None
    rows = zip(*(table.column(name).to_pylist() for name in (FILE_COLUMN, _SIZE, _TIME)), strict=True)
    good = [listed.get(path) == Listed(path, size, time) for path, size, time in rows]
    return table if all(good) else table.filter(pa.array(good, pa.bool_()))


def _schema_mark(name: str) -> str:
    return ",".join(f"{column.name}:{column.type}" for column in dataset(name).columns)


def _unreadable(root: Path, name: str, error: Exception) -> str:
    raised = raised_below(error) if isinstance(error, duckdb.Error) else None
    told = raised[1] if raised is not None else str(error).splitlines()[0]
    return (
        f"the files of dataset {name!r} in {root} cannot be read: {told}; "
        "`cte-lake verify --quarantine` puts broken files aside"
    )
