"""The columns of the views: which there are by the files of ``sql/``, what they mean by the dictionary."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from cte_lake.columns import meaning, undescribed
from cte_lake.errors import LakeError
from cte_lake.lake.schemas import dataset, dataset_names
from cte_lake.names import suggestion
from cte_lake.views.source import sql_objects

if TYPE_CHECKING:
    import pyarrow as pa

#: Key of a schema's metadata that holds, as JSON, what the rows are and where they come from.
ABOUT = b"cte_lake"
#: A column of a view's own SELECT, which alone starts at the left margin: ``...::TYPE AS name``.
_COLUMN = re.compile(r"^.*?::[A-Z]+(?:\[\])? AS (?P<name>\w+),?$", re.MULTILINE)


@dataclass(frozen=True)
class ViewColumn:
    """A column of a view, and what it holds; see `cte_lake.columns.Meaning`."""

    name: str
    unit: str
    description: str
    ucd: str = ""


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
                _described(column["name"], name) for column in _COLUMN.finditer(_own_select(each.text))
            )
    known = [each.name for each in sql_objects() if each.kind != "macro"]
    hint = suggestion(name, known) or ";"
    raise LakeError(f"no view is called {name!r}{hint} there are {', '.join(known)}")


def _own_select(text: str) -> str:
    return re.split(r"^SELECT\b", text, flags=re.MULTILINE)[-1]


def _described(name: str, view: str) -> ViewColumn:
    if (stated := meaning(name, view)) is not None:
        return ViewColumn(name, stated.unit, stated.description, stated.ucd)
    if view in dataset_names():
        for kept in dataset(view).expanded():
            if kept.name == name:
                return ViewColumn(name, kept.unit, kept.description, kept.ucd)
    raise undescribed(name, view)


@functools.cache
def known_columns() -> Mapping[str, ViewColumn]:
    """Columns by name, for results of free queries.

    A name with two units in two views is left out; one with two meanings has no description, and with two
    UCDs none.
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
            elif first != column:
                found[column.name] = replace(
                    first,
                    description=first.description if first.description == column.description else "",
                    ucd=first.ucd if first.ucd == column.ucd else "",
                )
    return {name: column for name, column in found.items() if name not in twofold}


def with_notes(table: pa.Table, columns: Mapping[str, ViewColumn]) -> pa.Table:
    """Return an Arrow table with what is known of its columns in the fields' metadata, each name once.

    A second column of a name gets a number behind it, as in a table that DuckDB makes: ``v``, ``v_1``.
    Notes go by names in lower case; other columns have none.
    """
    import pyarrow as pa

    fields = []
    given: set[str] = set()
    taken = {name.lower() for name in table.column_names}
    for field in table.schema:
        column = columns.get(field.name) or columns.get(field.name.lower())
        notes = {"unit": column.unit, "description": column.description, "ucd": column.ucd} if column else {}
        if notes and (pa.types.is_string(field.type) or pa.types.is_boolean(field.type)):
            # Such as a number that a query makes a text.
            notes["unit"] = ""
        name, number = field.name, 0
        while name.lower() in (taken | given if number else given):
            number += 1
            name = f"{field.name}_{number}"
        given.add(name.lower())
        fields.append(field.with_name(name).with_metadata(notes or None))
    # Not `cast`, which imports all of pyarrow.compute to change nothing but notes.
    return pa.Table.from_arrays(table.columns, schema=pa.schema(fields)) if fields else table
