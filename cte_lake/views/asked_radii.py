"""At which radii and of which estimator a query reads the slopes: what of the kept rows it needs."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any

from cte_lake.views.kept_sql import KINDS, has_bins
from cte_lake.views.source import built_from, sql_objects
from cte_lake.views.statements import nodes_of

#: Views each of whose rows is made of the slopes of its own estimator alone.
_BY_ESTIMATOR = frozenset({"cte", "cte_vs_flash", "cte_vs_flux", "cte_vs_time"})


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


def asked_estimator(tree: Any, parameters: Mapping[str, Any], default: str) -> str | None:
    """Return the one estimator of which a query may read slopes; None if it may be any.

    It is known of a query that reads slopes by the view ``losses`` alone, or that reads one view of slopes,
    nothing beside it, and says so behind WHERE.

    Parameters
    ----------
    tree : Any
        Parse tree of the query, as DuckDB gives it.
    parameters : mapping
        Values of the query's parameters.
    default : str
        Estimator of the view ``losses``.
    """
    if _read(tree) & _of_estimators() == {"losses"}:
        return default
    selects = [node for node in nodes_of(tree) if node.get("type") in {"SELECT_NODE", "CTE_NODE"}]
    if len(selects) != 1 or "from_table" not in selects[0]:
        return None
    source = selects[0]["from_table"]
    name = str(source.get("table_name") or source.get("function", {}).get("function_name")).lower()
    condition = selects[0].get("where_clause") or {}
    both = condition.get("type") == "CONJUNCTION_AND"
    # Other names may have been given to the columns.
    known = name in _BY_ESTIMATOR and not source.get("column_name_alias")
    for one in (condition["children"] if both else [condition]) if known else ():
        column = one.get("left", {}).get("column_names", [""])[-1]
        if one.get("type") == "COMPARE_EQUAL" and column.lower() == "estimator":
            right = one["right"]
            value = parameters.get(right.get("identifier"), (right.get("literal") or {}).get("text"))
            return value if isinstance(value, str) else None
    return None


def _read(tree: Any) -> set[str]:
    """Return the tables, views and table macros that a query reads."""
    tables = (node for node in nodes_of(tree) if node.get("type") in {"BASE_TABLE", "TABLE_FUNCTION"})
    names = (node.get("table_name") or node.get("function", {}).get("function_name") for node in tables)
    return {str(name).lower() for name in names}


@functools.cache
def _of_estimators() -> frozenset[str]:
    """Return the objects of ``sql/`` that are built on slopes of an estimator."""
    kinds = {name for name in KINDS if has_bins(name)}
    return frozenset(
        each.name for each in sql_objects() if kinds & {one.name for one in built_from([each.name])}
    )


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
