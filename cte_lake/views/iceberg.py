"""Views as tables of a local Iceberg catalog, for Spark, Trino and the like; photometry stays in place."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from cte_lake.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyiceberg.table import Table

#: Namespace of the tables.
NAMESPACE = "cte"


def write_rows(folder: Path, name: str, rows: pa.Table, replace: bool) -> None:
    """Write rows as a table of the catalog in a folder.

    Parameters
    ----------
    folder : Path
        Where ``catalog.db``, the tables' metadata and their rows go; made if it is not there.
    name : str
        Name of the table.
    rows : pyarrow.Table
        Plain columns; units and descriptions become the fields' documentation.
    replace : bool
        Whether a table of this name may be replaced.

    Raises
    ------
    UsageError
        If there is one, and it may not.
    """
    _new_table(folder, name, rows.schema, replace).append(rows.replace_schema_metadata())


def add_files(folder: Path, name: str, files: Sequence[Path], rows: int, replace: bool) -> None:
    """Make a table of Parquet files that stay where they are; see `write_rows`.

    Columns that stand in the files' folders alone (hive keys) are not in the table.

    Parameters
    ----------
    folder, name, replace
        As of `write_rows`.
    files : sequence of Path
        Files whose columns agree.
    rows : int
        Rows that must be in them.

    Raises
    ------
    UsageError
        If there is no file, or they hold other rows.
    """
    if not files:
        raise UsageError(f"there is no photometry for a table {name}")
    held = sum(pq.read_metadata(file).num_rows for file in files)
    if held != rows:
        raise UsageError(
            f"the files hold {held:,} rows, of which {rows:,} count; `cte-lake compact` writes those alone"
        )
    schema = pa.unify_schemas([pq.read_schema(file).remove_metadata() for file in files])
    _new_table(folder, name, schema, replace).add_files([str(file) for file in files])


def _new_table(folder: Path, name: str, schema: pa.Schema, replace: bool) -> Table:
    from pyiceberg.catalog.sql import SqlCatalog

    folder.mkdir(parents=True, exist_ok=True)
    place = folder.resolve()
    catalog = SqlCatalog("cte_lake", uri=f"sqlite:///{place}/catalog.db", warehouse=place.as_uri())
    catalog.create_namespace_if_not_exists(NAMESPACE)
    identifier = f"{NAMESPACE}.{name}"
    if catalog.table_exists(identifier):
        if not replace:
            raise UsageError(f"{folder} has a table {name}; use --overwrite to replace it, or another folder")
        # Never purged: the files of the old one may be the lake's.
        catalog.drop_table(identifier)
    return catalog.create_table(identifier, schema=pa.schema([_documented(field) for field in schema]))


def _documented(field: pa.Field) -> pa.Field:
    notes: dict[bytes, Any] = field.metadata or {}
    unit, meaning = (notes.get(key, b"").decode() for key in (b"unit", b"description"))
    said = "; ".join(part for part in (meaning, f"in {unit}" if unit else "") if part)
    return field.with_metadata({"doc": said}).with_nullable(True)
