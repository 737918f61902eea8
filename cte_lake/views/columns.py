"""What the columns of the views mean: read from the comments beside them in ``sql/``."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from cte_lake.errors import LakeError
from cte_lake.views.source import sql_objects

_COLUMN = re.compile(r"^.*?\bAS (?P<name>\w+),?  -- \[(?P<unit>[^\]]+)\] (?P<description>.+)$", re.MULTILINE)


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
            return tuple(
                ViewColumn(m["name"], "" if m["unit"] == "-" else m["unit"], m["description"])
                for m in _COLUMN.finditer(each.text)
            )
    known = ", ".join(each.name for each in sql_objects() if each.kind != "macro")
    raise LakeError(f"no view is called {name!r}; there are {known}")


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
