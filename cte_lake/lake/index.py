"""All rows of a dataset of small files; what was read once is kept in one file.

Exposure, alignment and mask rows never change under their file's name, so a row that was read is good as long
as its file is listed with the same size and time. The kept rows (``LAKE/.cache``) are derived data: deleting
them costs one slow reading, and where they cannot be written (a read-only lake) all is read each time.
"""

from __future__ import annotations

import contextlib
import re
from array import array
from collections.abc import Collection, Iterable

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from cte_lake.errors import LakeError, StoreUnavailable
from cte_lake.lake.dataset_files import FILE_COLUMN, DatasetFiles
from cte_lake.lake.schemas import dataset
from cte_lake.lake.store import Listed, Place
from cte_lake.lake.write import write_derived

#: Folder of the kept rows.
CACHE = ".cache"
_SIZE, _TIME = "file_bytes", "file_time_ns"
_RAISED = re.compile(r"^(?:[\w.]+\.)?(\w+): (.+)$", re.MULTILINE)
#: With fewer new files it is not worth writing the kept rows again.
_WORTH_KEEPING = 32


def kept_rows(files: DatasetFiles, listed: Collection[Listed] | None = None) -> pa.Table:
    """Return every row of a dataset, superseded ones too, with the column ``file``.

    Parameters
    ----------
    files : DatasetFiles
        Files that are never written again under their name, and hold a row or a few.
    listed : collection of Listed, optional
        What `DatasetFiles.listing` has just returned; by default it is asked.

    Raises
    ------
    LakeError
        If a file cannot be read; the message names it.
    """
    # A vacuum may take a superseded file between the listing and the reading; the next listing lacks it.
    for last in (False, False, True):
        try:
            return _rows(files, files.listing() if listed is None else listed)
        except duckdb.Error as error:
            raised = raised_below(error)
            if raised is not None and raised[0] == StoreUnavailable.__name__:
                raise StoreUnavailable(raised[1]) from error
            listed, gone = None, isinstance(error, duckdb.IOException) or raised is not None
            if last or not gone:
                raise LakeError(unreadable(files, error)) from error
        except pa.ArrowInvalid as error:
            raise LakeError(unreadable(files, error)) from error
    raise AssertionError("the loop returns or raises")


def raised_below(error: duckdb.Error) -> tuple[str, str] | None:
    """Return class and message of what a registered file system raised; DuckDB reports it by a traceback."""
    text = str(error)
    found = _RAISED.findall(text) if "Traceback (most recent call last)" in text else []
    return found[-1] if found else None


def _rows(files: DatasetFiles, listing: Iterable[Listed]) -> pa.Table:
    root, name = files.root, files.name
    listed = {found.path: found for found in listing}
    seed = files.seed_place.below(root)
    kept = _kept(root, name, listed)
    known = set(kept.column(FILE_COLUMN).to_pylist()) if kept is not None else set()
    fresh = sorted(listed.keys() - known - {seed})
    if kept is not None and not fresh:
        return kept.drop_columns([_SIZE, _TIME])
    if not fresh and not listed:
        raise LakeError(f"{root} has no dataset {name!r}; `cte-lake init {root}` makes what is missing")
    table = _with_stat(files.read(fresh), listed)
    if kept is not None:
        table = pa.concat_tables([kept, table.select(kept.column_names).cast(kept.schema)])
    if len(fresh) >= _WORTH_KEEPING:
        # Another process may do the same, or the lake may be read-only: the rows are at hand either way.
        with contextlib.suppress(OSError, LakeError):
            write_derived(_cache(root, name), table.combine_chunks(), {"schema": _schema_mark(name)})
    return table.drop_columns([_SIZE, _TIME])


def integers(values: list[int]) -> pa.Array:
    """Return an Arrow column; ``pa.array`` would import pandas, half of the time of opening a lake."""
    return pa.Array.from_buffers(pa.int64(), len(values), [None, pa.py_buffer(array("q", values))])


def _with_stat(table: pa.Table, listed: dict[str, Listed]) -> pa.Table:
    files = [listed[path] for path in table.column(FILE_COLUMN).to_pylist()]
    table = table.append_column(_SIZE, integers([found.size for found in files]))
    return table.append_column(_TIME, integers([found.mtime_ns for found in files]))


def _cache(root: Place, name: str) -> Place:
    return root / CACHE / f"{name}.parquet"


def _kept(root: Place, name: str, listed: dict[str, Listed]) -> pa.Table | None:
    """Return the kept rows whose files are still as they were, or None."""
    try:
        with pq.ParquetFile(_cache(root, name).source(), page_checksum_verification=True) as file:
            if (file.schema_arrow.metadata or {}).get(b"schema") != _schema_mark(name).encode():
                return None
            table = file.read()
    except (OSError, pa.ArrowInvalid):
        # Not there, or broken: it is made again.
        return None
    rows = zip(*(table.column(name).to_pylist() for name in (FILE_COLUMN, _SIZE, _TIME)), strict=True)
    good = [listed.get(row[0]) == row for row in rows]
    return table if all(good) else table.filter(pa.array(good, pa.bool_()))


def _schema_mark(name: str) -> str:
    return ",".join(f"{column.name}:{column.type}" for column in dataset(name).columns)


def unreadable(files: DatasetFiles, error: Exception) -> str:
    """Return the sentence for a dataset whose files cannot be read."""
    raised = raised_below(error) if isinstance(error, duckdb.Error) else None
    reason = raised[1] if raised is not None else str(error).splitlines()[0]
    return (
        f"the files of dataset {files.name!r} in {files.root} cannot be read: {reason}; "
        "`cte-lake verify --quarantine` puts broken files aside"
    )
