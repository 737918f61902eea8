"""Writing into the lake: a file is written beside its place and renamed into it, an object put whole."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from cte_lake.errors import LakeError, StoreUnavailable
from cte_lake.lake.place import in_store
from cte_lake.lake.schemas import Dataset, dataset

#: Level 3 of zstd: higher levels cost three times the time for 3% of the size.
_COMPRESSION_LEVEL = 3
TEMPORARY_SUFFIX = ".tmp"
#: Errors that a user puts right and that are no defect.
_OF_THE_DISK = frozenset(
    {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO, errno.EFBIG}
)


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`, renamed onto it when the block ends well.

    Readers see the old file or the new one, never a part; a block that fails leaves nothing behind.
    The name starts with a dot and does not end in the final suffix, so no reader's glob finds it.
    In an object store the temporary file is on this machine, and one request puts it whole.

    Raises
    ------
    LakeError
        If the disk is full or failing, the store does not answer, or the lake may not be written.
    """
    if in_store(path) is not None:
        with _putting(path) as temporary:
            yield temporary
        return
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}{TEMPORARY_SUFFIX}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        _flush(temporary)
        temporary.replace(path)
        _flush(path.parent)
    except OSError as error:
        raise _told(path, error) from error
    finally:
        # On a failing or read-only disk there may be nothing to remove, or no way to.
        with contextlib.suppress(OSError):
            temporary.unlink()


@contextlib.contextmanager
def _putting(path: Path) -> Iterator[Path]:
    try:
        with tempfile.TemporaryDirectory(prefix="cte-lake-", ignore_cleanup_errors=True) as folder:
            temporary = Path(folder, path.name)
            yield temporary
            place = in_store(path)
            if place is not None:
                place.fs.put_file(str(temporary), place.path)
    except OSError as error:
        raise _told(path, error) from error


def _told(path: Path, error: OSError) -> OSError | LakeError:
    """Return what a user is told of a failed write; what is no disk's or store's doing as it is."""
    if isinstance(error, StoreUnavailable):
        why = str(error)
    elif error.errno in _OF_THE_DISK and error.errno is not None:
        why = os.strerror(error.errno)
    else:
        return error
    return LakeError(
        f"{path} cannot be written: {why}; put that right and run the command again, nothing is lost"
    )


def move(path: Path, to: Path) -> None:
    """Give a file another name in the same lake."""
    source, place = in_store(path), in_store(to)
    if source is None or place is None:
        to.parent.mkdir(parents=True, exist_ok=True)
        path.replace(to)
        return
    source.fs.cp_file(source.path, place.path)
    source.unlink()


def copy(source: Path, to: Path) -> None:
    """Copy a file in one step; from disk to store, store to disk, and inside a store without passing here."""
    here, there = in_store(source), in_store(to)
    if here is not None and there is not None:
        here.fs.cp_file(here.path, there.path)
        return
    with replacing(to) as temporary:
        if here is not None:
            here.fs.get_file(here.path, str(temporary))
        else:
            shutil.copy2(source, temporary)


def renew(path: Path) -> None:
    """Give a file today's time, without touching its content; vacuum leaves it alone then.

    Raises
    ------
    FileNotFoundError
        If it is not there.
    """
    if (place := in_store(path)) is not None:
        place.renew()
    else:
        os.utime(path)


def _flush(path: Path) -> None:
    # Without it a power cut may leave the new name on an empty file.
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_bytes(path: Path, content: bytes) -> None:
    """Write a small file in one step, as `replacing` does."""
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def conform(table: pa.Table, name: str, radii: tuple[int, ...] | None = None) -> pa.Table:
    """Bring a table to a dataset's file schema: order, types, units, NaN to null, sorted; hive keys left out.

    Raises
    ------
    LakeError
        If a required column is missing or holds nulls, or a column is none of the dataset's.
    """
    stated: Dataset = dataset(name)
    schema = stated.schema() if radii is None else stated.schema(radii)
    unknown = [column for column in table.column_names if column not in schema.names]
    if unknown:
        raise LakeError(f"dataset {name!r} has no column {unknown[0]!r} (catalog_schemas/{name}.toml)")
    fields, columns = [], []
    for field in schema:
        if field.name in stated.partitions:
            continue
        fields.append(field)
        columns.append(_column(table, field, name))
    result = pa.Table.from_arrays(columns, schema=pa.schema(fields, metadata=schema.metadata))
    return result.sort_by([(column, "ascending") for column in stated.sort]) if stated.sort else result


def _column(table: pa.Table, field: pa.Field, name: str) -> pa.ChunkedArray | pa.Array:
    if field.name not in table.column_names:
        if not field.nullable:
            raise LakeError(f"a table for dataset {name!r} lacks its column {field.name!r}")
        return pa.nulls(table.num_rows, field.type)
    column = table.column(field.name)
    if pa.types.is_floating(column.type):
        column = _nan_to_null(column)
    column = column.cast(field.type)
    if not field.nullable and column.null_count:
        raise LakeError(f"column {field.name!r} of dataset {name!r} must have a value in every row")
    return column


def _nan_to_null(column: pa.ChunkedArray) -> pa.ChunkedArray:
    import pyarrow.compute as pc

    # DuckDB holds NaN to be greater than every number; a null drops out of every comparison.
    return pc.if_else(pc.is_nan(column), pa.scalar(None, column.type), column)


def write_table(path: Path, table: pa.Table, provenance: Mapping[str, str] | None = None) -> None:
    """Write a table as Parquet in one step, with its provenance in the file's metadata."""
    if provenance:
        table = table.replace_schema_metadata({**(table.schema.metadata or {}), **provenance})
    with replacing(path) as temporary:
        pq.write_table(table, temporary, **parquet_options(table.schema))


def parquet_options(schema: pa.Schema) -> dict[str, Any]:
    """Return how the lake writes Parquet, as options of pyarrow's writers.

    Every page carries its checksum, so that `verify` finds a bit that has changed on the disk.
    """
    floats = {f.name: "BYTE_STREAM_SPLIT" for f in schema if pa.types.is_floating(f.type)}
    return {
        "compression": "zstd",
        "compression_level": _COMPRESSION_LEVEL,
        "use_dictionary": [f.name for f in schema if f.name not in floats],
        "column_encoding": floats or None,
        "write_page_checksum": True,
    }
