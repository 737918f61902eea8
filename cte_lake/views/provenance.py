"""Which columns of a result are columns of views, or their means and sums: those alone have a unit."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

from cte_lake.views.columns import ViewColumn
from cte_lake.views.statements import nodes_of

#: Aggregates whose result is in the unit of their argument.
_KEEPING = frozenset({
    "any_value", "arg_max", "arg_min", "avg", "first", "fsum", "last", "mad", "max", "mean", "median", "min",
    "mode", "quantile", "quantile_cont", "quantile_disc", "stddev", "stddev_pop", "stddev_samp", "sum",
})  # fmt: skip
#: Of these, what a sum of has no meaning.
_NO_SUM = frozenset({"d", "mag", "dex(electron)", "deg", "percent"})


def unchanged(tree: Any, known: Mapping[str, ViewColumn]) -> dict[str, ViewColumn]:
    """Return what is known of a query's columns, by their names in the result.

    A name that the query gives to anything but the column of that name says nothing any more, wherever in the
    query that is: better no unit than a wrong one. Where the outermost SELECT renames a column, the new name
    has what the old one had, and a mean, median, extreme, scatter or sum of a column has its unit.
    """
    if any(_named_by_data(node) for node in nodes_of(tree)):
        return {}
    given = {name for node in nodes_of(tree) for name in _names_given(node)}
    sound = {name: column for name, column in known.items() if name not in given}
    renamed = {}
    for expression in _outermost(tree):
        name, source = str(expression.get("alias", "")).lower(), _source(expression)
        if name and source in sound:
            renamed[name] = sound[source]
        source, written = _aggregated(expression)
        if source in sound and not (written.startswith(("sum(", "fsum(")) and sound[source].unit in _NO_SUM):
            renamed[name or written] = ViewColumn(name or written, sound[source].unit, "")
    return sound | renamed


def _named_by_data(node: Mapping[str, Any]) -> bool:
    """Whether a part of a query makes columns whose names are seen in rows or found by a pattern alone.

    Such are those of a PIVOT, of an expression of COLUMNS, and of a UNION of `*` of different tables.
    """
    if node.get("type") == "PIVOT":
        return bool(node.get("aggregates"))
    if node.get("type") == "SET_OPERATION_NODE" and "BY_NAME" not in str(node.get("setop_type")):
        children = node["children"]
        stars = any(
            each.get("class") == "STAR" for child in children for each in child.get("select_list", ())
        )
        return stars and len({_whole_table(child) for child in children}) > 1
    parts = node.get("class") not in {None, "STAR"} and [
        part for value in node.values() for part in (value if isinstance(value, list) else [value])
    ]
    inner = [part.get("expression", part) for part in parts or () if isinstance(part, dict)]
    return any(part.get("class") == "STAR" and part.get("columns") for part in inner)


def _whole_table(child: Mapping[str, Any]) -> str:
    """The table or macro of a ``SELECT * FROM``, a text that no other has for any other SELECT."""
    table, columns = child.get("from_table") or {}, child.get("select_list") or [{}]
    changed = [columns[0].get(f"{kind}_list") for kind in ("exclude", "replace", "rename")]
    name = table.get("table_name") or table.get("function", {}).get("function_name")
    plain = len(columns) == 1 and columns[0].get("class") == "STAR" and not any(changed) and name
    return str(name) if plain else f"of {id(child)}"


def _aggregated(expression: Mapping[str, Any]) -> tuple[str | None, str]:
    """The column that an aggregate over rows or a window is of, and the name that DuckDB gives the result."""
    function = str(expression.get("function_name", "")).lower()
    arguments = expression.get("arguments") or ()
    if function not in _KEEPING or expression.get("class") not in {"FUNCTION", "WINDOW"} or not arguments:
        return None, ""
    first = arguments[0]["expression"]
    return _source(first), f"{function}({'.'.join(first.get('column_names') or ())})".lower()


def _names_given(node: Mapping[str, Any]) -> list[str]:
    """Names that a part of a query gives to something else than the column of that name."""
    names: list[Any] = [*(node.get("column_name_alias") or ()), *(node.get("unpivot_names") or ())]
    if "query_node" in node:
        names += node.get("aliases") or ()
    if "star_expr" in node:
        names.append(node.get("alias"))
    if node.get("type") == "SET_OPERATION_NODE":
        # Names are those of the first SELECT, values those of all.
        lists = [child.get("select_list", []) for child in node["children"]]
        columns = itertools.zip_longest(*lists, fillvalue={})
        together = [{_name(expression) for expression in column} for column in columns]
        names += [name for found in together if len(found) > 1 for name in found]
    if node.get("function_name") == "struct_pack":
        names += [argument.get("name") or _name(argument["expression"]) for argument in node["arguments"]]
    if node.get("class") == "STAR":
        names += [replaced["key"] for replaced in node.get("replace_list") or ()]
        names += [renamed["value"] for renamed in node.get("rename_list") or ()]
    if "class" in node and node.get("alias") and _source(node) != str(node["alias"]).lower():
        names.append(node["alias"])
    return [str(name).lower() for name in names if name]


def _name(expression: Mapping[str, Any]) -> str:
    return str(expression.get("alias") or _source(expression) or "")


def _source(expression: Mapping[str, Any]) -> str | None:
    """The column that an expression hands on; a change of type leaves its unit."""
    while expression.get("class") == "CAST":
        expression = expression["child"]
    if expression.get("class") != "COLUMN_REF":
        return None
    return str(expression["column_names"][-1]).lower()


def _outermost(tree: Any) -> list[Mapping[str, Any]]:
    for statement in tree:
        if statement["node"].get("type") == "SELECT_NODE":
            return list(statement["node"]["select_list"])
    return []
