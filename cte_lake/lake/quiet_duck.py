"""DuckDB's progress bar, which has no place among data."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb


def without_bar(connection: duckdb.DuckDBPyConnection) -> None:
    """Keep DuckDB from drawing its bar on standard output.

    In a notebook the bar is off, and setting it, to off too, is refused where ipywidgets is missing.
    """
    found = connection.execute("SELECT current_setting('enable_progress_bar')").fetchall()
    if found[0][0]:
        connection.execute("SET enable_progress_bar = false")
