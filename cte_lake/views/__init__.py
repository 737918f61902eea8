"""The measurement in SQL: binds the files of ``sql/`` to a lake in a DuckDB connection."""

from __future__ import annotations

from cte_lake.views.bind import bind
from cte_lake.views.columns import ViewColumn, view_columns
from cte_lake.views.source import published_views, sql_objects

__all__ = ["ViewColumn", "bind", "published_views", "sql_objects", "view_columns"]
