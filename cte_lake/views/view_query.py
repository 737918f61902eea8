"""Writes the query of a view's rows from what is asked of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Protocol

from cte_lake.errors import UsageError
from cte_lake.lake.selection import NEWEST, Selection, all_spelled, where
from cte_lake.names import Names, suggestion
from cte_lake.radii import measured_radius
from cte_lake.views.columns import ViewColumn
from cte_lake.views.source import ONE_GENERATION, sql_objects


class Named(Protocol):
    """What knows the names of a lake: an open lake."""

    @property
    def names(self) -> Names:
        """Names of targets and filters."""

    def select(self, selection: Selection) -> Selection:
        """Return a selection with targets, filters and generations as the lake names them."""


def view_query(
    lake: Named,
    name: str,
    columns: Mapping[str, ViewColumn],
    selection: Selection,
    condition: str | None,
    filters: dict[str, Any],
) -> tuple[str, dict[str, Any]]:
    """Return the query of a view's rows, which ends in its conditions, and its parameters.

    Raises
    ------
    UsageError
        If something is asked of a column that the view has not.
    """
    stated = next(each for each in sql_objects() if each.name == name)
    source, arguments = name, []
    if stated.kind == "table macro" and filters.get("aperture") is not None:
        arguments.append(f"aperture := {measured_radius(filters.pop('aperture'))}")
    if "newest" in columns and filters.get("generation") is not None:
        named = filters.pop("generation")
        selection = replace(selection, generation=(named,) if isinstance(named, str) else tuple(named))
    if name in ONE_GENERATION:
        # The condition says which; a column's own test would find the newest alone.
        arguments.append("generation := 'all'")
        selection = replace(selection, generation=selection.generation or (NEWEST,))
    if arguments:
        source = f"{name}({', '.join(arguments)})"
    for column in (*selection.wanted(), *filters):
        if column not in columns:
            hint = suggestion(column, columns) or ";"
            raise UsageError(f"view {name} has no column {column!r}{hint} it has {', '.join(columns)}")
    chosen, params = lake.select(selection).where()
    wanted, more = where(all_spelled(filters, lambda: lake.names))
    if condition is not None:
        # On a line of its own: it may end in a comment.
        wanted += f" AND (\n{condition}\n)"
    listed = ", ".join(f'"{column}"' for column in columns)
    return f"SELECT {listed} FROM {source} WHERE {chosen} AND {wanted}", {**params, **more}
