"""Makes the views of ``sql/`` over tables in a connection itself, without a lake's files."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from cte_lake.lake.dataset_files import FILE_COLUMN
from cte_lake.views.bind import STORED, bind_folder, bind_settings, bind_sql, stored_types

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

    from cte_lake.config import Config


#: Columns that name photometry files: in memory there are none, and all rows count.
_NO_FILES = frozenset({"phot_file", FILE_COLUMN})


def bind_memory(
    connection: duckdb.DuckDBPyConnection, config: Config, views: Collection[str] | None = None
) -> None:
    """Make the views over tables in the connection itself instead of a lake's files; `store` fills them.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        In memory.
    config : Config
        Aperture, clip, flux bins, targets and photometry mode.
    views : collection of str, optional
        Objects of ``sql/`` to make, with all that they are built on; by default every one.
    """
    bind_settings(connection, config, config.photometry.mode)
    bind_folder(connection, "")
    for name in STORED:
        store(connection, name)
    bind_sql(connection, config, views)


def store(connection: duckdb.DuckDBPyConnection, name: str, rows: pa.Table | None = None) -> None:
    """Hold a dataset's rows in a connection, in place of those before; columns not given are NULL."""
    types = stored_types(name)
    given = [column for column in types if rows is not None and column in rows.column_names]
    held = ", ".join(f'CAST("{column}" AS {types[column]}) AS "{column}"' for column in given)
    # A view adds the columns that are not given: to fill seventy with NULL takes longer than all the rest.
    missing = {column: "''" if column in _NO_FILES else f"NULL::{types[column]}" for column in types}
    shown = (f'"{column}"' if column in given else f'{missing[column]} AS "{column}"' for column in types)
    if rows is None:
        connection.execute(f"CREATE OR REPLACE TABLE held_{name} AS SELECT 1 AS nothing WHERE false")
    else:
        connection.register("incoming", rows)
        connection.execute(f"CREATE OR REPLACE TABLE held_{name} AS SELECT {held} FROM incoming")
        connection.unregister("incoming")
    connection.execute(f"CREATE OR REPLACE VIEW stored_{name} AS SELECT {', '.join(shown)} FROM held_{name}")
