"""Writes the query of a view's rows from what is asked of them; large photometry is asked for in pieces."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

from cte_lake.errors import UsageError
from cte_lake.lake.selection import NEWEST, Selection, all_spelled, where
from cte_lake.names import Names, suggestion
from cte_lake.radii import measured_radius
from cte_lake.views.columns import ViewColumn
from cte_lake.views.source import ONE_GENERATION, sql_objects

if TYPE_CHECKING:
    import pyarrow as pa


#: Stars of a piece; one is a row of half a kilobyte.
_STARS = 1_000_000
#: What gives `image_pieces` its images.
IMAGES = "SELECT imagename, n_stars, phot_file FROM exposures ORDER BY imagename"


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


def image_pieces(images: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    """Part images, sorted by name, where their stars reach `_STARS`.

    Yields
    ------
    (str, str)
        The name after which a piece begins, and that with which it ends.
    """
    after, last, stars = "", "", 0
    for image in images:
        last, stars = image["imagename"], stars + image["n_stars"]
        if stars >= _STARS:
            yield after, last
            after, stars = last, 0
    if after != last:
        yield after, last


def in_pieces(
    images: Iterable[Mapping[str, Any]],
    query: str,
    params: Mapping[str, Any],
    ask: Callable[[str, Mapping[str, Any]], list[pa.Table]],
) -> Iterator[pa.Table]:
    """Give the rows of a query of photometry, one that ends in a condition, in the order of its key.

    ``ask`` answers a query with parameters, in parts of which the first has no rows; images are as of
    `image_pieces`.
    """
    query += " AND imagename > $piece_after AND imagename <= $piece_last ORDER BY imagename, master_id"
    for number, (after, last) in enumerate(list(image_pieces(images)) or [("", "")]):
        parts = ask(query, {**params, "piece_after": after, "piece_last": last})
        yield from parts[min(number, 1) :]
