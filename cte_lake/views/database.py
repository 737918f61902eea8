"""Writes a DuckDB database that holds the views of a lake, for other tools."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from cte_lake.lake.stored import StoredLake
from cte_lake.lake.write import replacing
from cte_lake.views.bind import bind
from cte_lake.views.functions import IN_PROCESS
from cte_lake.views.source import STORED_PREFIX, sql_objects

if TYPE_CHECKING:
    from cte_lake.config import Settings

#: Oldest released DuckDB that opens the file.
_READ_BY: dict[str, str | bool | int | float | list[str]] = {"storage_compatibility_version": "v1.2.0"}
#: Views whose parts are used several times, each after those it reads.
_PAIRED = ("pairings", "visits", "epochs")
#: Views of the lake's files.
_STORED = f"SELECT view_name FROM duckdb_views() WHERE starts_with(view_name, '{STORED_PREFIX}')"


def exported_objects() -> list[str]:
    """Return the objects of ``sql/`` that run without this package."""
    return [each.name for each in sql_objects() if each.name not in IN_PROCESS]


def write_database(
    lake: StoredLake,
    to: Path,
    mode: str | None = None,
    settings: Settings | None = None,
    keep_pairs: bool = False,
    copy_rows: bool = False,
) -> None:
    """Write a database with the views and macros; it holds absolute paths and no rows of the lake.

    What calls Python (`functions.IN_PROCESS`) cannot run elsewhere and is left out.

    Parameters
    ----------
    lake : StoredLake
        The lake.
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
    copy_rows : bool, optional
        Copy today's rows of all files: the database needs no file beside it, so DuckDB can be forbidden to
        open any.

    Raises
    ------
    LakeError
        If the lake cannot be read.
    """
    with replacing(to) as temporary, duckdb.connect(str(temporary), config=dict(_READ_BY)) as connection:
        bind(connection, lake, mode, settings, views=exported_objects())
        stored = connection.sql(_STORED).fetchall() if copy_rows else []
        for view in [*(name for (name,) in stored), *(_PAIRED if keep_pairs else ())]:
            connection.execute(f"CREATE TABLE kept_rows AS FROM {view}")
            connection.execute(f"DROP VIEW {view}")
            connection.execute(f"ALTER TABLE kept_rows RENAME TO {view}")
        connection.execute("CHECKPOINT")
