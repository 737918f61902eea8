"""The columns of the views: which there are by the files of ``sql/``, what they mean by the dictionary."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from cte_lake.columns import meaning, undescribed
from cte_lake.errors import LakeError
from cte_lake.lake.schemas import dataset, dataset_names
from cte_lake.names import suggestion
from cte_lake.views.source import sql_objects

#: A column of a view's own SELECT, which alone starts at the left margin: ``...::TYPE AS name``. One that no
#: other view has may be described behind it: ``-- [unit] description``.
_COLUMN = re.compile(
    r"^.*?::[A-Z]+(?:\[\])? AS (?P<name>\w+),?(?:\s+-- \[(?P<unit>[^\]]+)\] (?P<description>.+))?$",
    re.MULTILINE,
)


@dataclass(frozen=True)
class ViewColumn:
    """A column of a view.

    Attributes
    ----------
    name : str
        The column's name.
    unit : str
        Unit as astropy reads it; empty for none.
    description : str
        What the column holds.
    """

    name: str
    unit: str
    description: str


@functools.cache
def view_columns(name: str) -> tuple[ViewColumn, ...]:
    """Return the columns of a view or table macro, in its order.

    Raises
    ------
    LakeError
        If there is no such view.
    """
    for each in sql_objects():
        if each.name == name and each.kind != "macro":
            return tuple(_described(column, name) for column in _COLUMN.finditer(_own_select(each.text)))
    known = [each.name for each in sql_objects() if each.kind != "macro"]
    hint = suggestion(name, known) or ";"
    raise LakeError(f"no view is called {name!r}{hint} there are {', '.join(known)}")


def _own_select(text: str) -> str:
    return re.split(r"^SELECT\b", text, flags=re.MULTILINE)[-1]


def _described(column: re.Match[str], view: str) -> ViewColumn:
    name = column["name"]
    if column["description"] is not None:
        return ViewColumn(name, "" if column["unit"] == "-" else column["unit"], column["description"])
    if (stated := meaning(name, view)) is not None:
        return ViewColumn(name, stated.unit, stated.description)
    if view in dataset_names():
        for kept in dataset(view).expanded():
            if kept.name == name:
                return ViewColumn(name, kept.unit, kept.description)
    raise undescribed(name, view)


@functools.cache
def known_columns() -> Mapping[str, ViewColumn]:
    """Columns by name, for results of free queries.

    A name with two units in two views is left out; one with two meanings has no description.
    """
    found: dict[str, ViewColumn] = {}
    twofold: set[str] = set()
    for each in sql_objects():
        if each.kind == "macro":
            continue
        for column in view_columns(each.name):
            first = found.setdefault(column.name, column)
            if first.unit != column.unit:
                twofold.add(column.name)
            elif first.description != column.description:
                found[column.name] = replace(first, description="")
    return {name: column for name, column in found.items() if name not in twofold}
