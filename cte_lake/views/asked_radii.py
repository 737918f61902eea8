"""At which radii a query reads the slopes: what of the kept rows it needs."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any

from cte_lake.views.kept_sql import KINDS
from cte_lake.views.source import built_from, sql_objects
from cte_lake.views.statements import nodes_of


def asked_radii(tree: Any, default: int) -> frozenset[int] | None:
    """Return the radii (px) at which a query may read a view whose rows are kept; None if it may be any.

    Parameters
    ----------
    tree : object
        Parse tree of the query, None if it is not known.
    default : int
        Radius of a view that is read without one.
    """
    radii: set[int | None] = {None} if tree is None else set()
    for node in nodes_of(tree):
        if node.get("type") == "BASE_TABLE" and str(node["table_name"]).lower() in _of_slopes():
            radii.add(default)
        elif node.get("type") == "TABLE_FUNCTION":
            function = node["function"]
            if str(function["function_name"]).lower() in _of_slopes():
                radii.add(_radius(function["arguments"], default))
    known = frozenset(radius for radius in radii if radius is not None)
    return known if len(known) == len(radii) else None


@functools.cache
def _of_slopes() -> frozenset[str]:
    """Return the objects of ``sql/`` that are built on slopes."""
    return frozenset(
        each.name for each in sql_objects() if KINDS.keys() & {one.name for one in built_from([each.name])}
    )


def _radius(arguments: Sequence[Mapping[str, Any]], default: int) -> int | None:
    """Return the radius that a macro is called with, None where it is no plain number."""
    named = [one for one in arguments if str(one["name"]).lower() == "aperture"]
    given = named or [one for one in arguments if not one["name"]][:1]
    if not given:
        return default
    literal = given[0]["expression"].get("literal") or {}
    return int(literal["text"]) if literal.get("kind") == "INTEGER" else None
