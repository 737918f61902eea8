"""Views for other tools: a DuckDB database that holds them, and tables of a local Iceberg catalog.

The files of photometry stay in place; Spark, Trino and the like read the catalog.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from cte_lake.errors import UsageError
from cte_lake.lake.stored import StoredLake
from cte_lake.lake.write import replacing
from cte_lake.views.bind import bind
from cte_lake.views.functions import IN_PROCESS
from cte_lake.views.source import sql_objects

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyiceberg.table import Table

    from cte_lake.config import Settings

#: Oldest released DuckDB that opens the file.
_READ_BY: dict[str, str | bool | int | float | list[str]] = {"storage_compatibility_version": "v1.2.0"}
#: Views whose parts are used several times, each after those it reads.
_PAIRED = ("pairings", "visits", "epochs")


def exported_objects() -> list[str]:
    """Return the objects of ``sql/`` that run without this package."""
    return [each.name for each in sql_objects() if each.name not in IN_PROCESS]


def write_database(
    lake: StoredLake,
    to: Path,
    mode: str | None = None,
    settings: Settings | None = None,
    keep_pairs: bool = False,
) -> None:
    """Write a database with the views and macros; it holds absolute paths and no rows of the lake.

    What calls Python (`functions.IN_PROCESS`) cannot run elsewhere and is left out.

    Parameters
    ----------
    to : Path
        File to write; one that is there is replaced in one step.
    mode : str, optional
        Photometry mode that the views show.
    settings : Settings, optional
        By default the lake's own; flux bins and limits are written into the database.
    keep_pairs : bool, optional
        Keep the rows of today's pairs, visits and epochs in place of their views. DuckDB 1.2 and 1.3 forget
        the MATERIALIZED of a stored view, put its parts in wherever they are named, and never finish planning
        a query of pairs.

    Raises
    ------
    LakeError
        If the lake cannot be read.
    """
    with replacing(to) as temporary, duckdb.connect(str(temporary), config=dict(_READ_BY)) as connection:
        bind(connection, lake, mode, settings, views=exported_objects())
        for view in _PAIRED if keep_pairs else ():
            connection.execute(f"CREATE TABLE kept_rows AS FROM {view}")
            connection.execute(f"DROP VIEW {view}")
            connection.execute(f"ALTER TABLE kept_rows RENAME TO {view}")
        connection.execute("CHECKPOINT")


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


__all__ = ["NAMESPACE", "add_files", "write_rows"]
