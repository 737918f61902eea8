"""Writing into a lake: files put whole, tables brought to their dataset's schema."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from cte_lake.errors import LakeError
from cte_lake.lake.contents import ROWS_HASH, rows_hash
from cte_lake.lake.place import Named, place_of
from cte_lake.lake.schemas import Dataset, dataset

#: Level 3 of zstd: higher levels cost three times the time for 3% of the size.
_COMPRESSION_LEVEL = 3


def replacing(named: Named) -> contextlib.AbstractContextManager[Path]:
    """Yield a temporary path, put whole at the place that is named when the block ends well.

    Readers see the old file or the new one, never a part; a block that fails leaves nothing behind.

    Raises
    ------
    LakeError
        If the disk is full or failing, the store does not answer, or the place may not be written.
    """
    return place_of(named).writing()


def write_bytes(named: Named, content: bytes) -> None:
    """Write a small file in one step."""
    place_of(named).write_bytes(content)


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


def write_table(named: Named, table: pa.Table, provenance: Mapping[Any, str] | None = None) -> None:
    """Write a table as Parquet in one step, with its provenance and the hash of its rows in the metadata."""
    write_derived(named, table, {**(provenance or {}), ROWS_HASH: rows_hash(table)})


def write_derived(named: Named, table: pa.Table, provenance: Mapping[Any, str]) -> None:
    """Write a table that can be made again from others as Parquet in one step, with its provenance alone."""
    table = table.replace_schema_metadata({**(table.schema.metadata or {}), **provenance})
    with replacing(named) as temporary:
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
