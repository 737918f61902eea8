"""A lake in memory: the same views as any lake's, over tables instead of files."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

import duckdb

from cte_lake.api import Lake
from cte_lake.lake.dataset_files import FILE_COLUMN
from cte_lake.lake.stored import stored
from cte_lake.views.bind import bind_sql
from cte_lake.views.functions import bind_settings
from cte_lake.views.stored_views import STORED, bind_folder, stored_types

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


class MemoryLake(Lake):
    """A lake without files, filled again and again: what closure measures its realisations with.

    Parameters
    ----------
    config : Config
        Aperture, clip, flux bins, targets and photometry mode that the views measure with.
    views : collection of str, optional
        Views to make; by default all, which takes most of a second.
    threads : int, optional
        Threads of DuckDB; by default all cores. One repeats every digit from run to run.
    """

    def __init__(
        self, config: Config, views: Collection[str] | None = None, threads: int | None = None
    ) -> None:
        connection = duckdb.connect(":memory:", config={} if threads is None else {"threads": threads})
        bind_memory(connection, config, views)
        super().__init__(stored("memory"), connection, names=config.names())

    def fill(self, exposures: pa.Table, phot: pa.Table) -> None:
        """Put exposures and their photometry in place of what the lake held.

        Parameters
        ----------
        exposures : pyarrow.Table
            Columns of the dataset ``exposures``; those left out are NULL.
        phot : pyarrow.Table
            Columns of the dataset ``phot`` and its partitions target, proposal, flash, filetype.
        """
        store(self._connection, "exposures", exposures)
        store(self._connection, "phot", phot)

    def keep(self, chips: pa.Table) -> None:
        """Put rows of the dataset ``chips`` in place of those that the lake held."""
        store(self._connection, "chips", chips)

    def refresh(self) -> None:
        """Do nothing: there are no files that others could add to."""
