"""The columns of the views: which there are by the files of ``sql/``, what they mean by the dictionary."""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

from cte_lake.columns import meaning, undescribed
from cte_lake.errors import LakeError, UsageError
from cte_lake.lake.schemas import dataset, dataset_names
from cte_lake.names import suggestion
from cte_lake.views.source import SqlObject, sql_objects

if TYPE_CHECKING:
    import pyarrow as pa

#: Key of a schema's metadata that holds, as JSON, what the rows are and where they come from.
ABOUT = b"cte_lake"
#: A column of a view's own SELECT, which alone starts at the left margin: ``...::TYPE AS name``.
_COLUMN = re.compile(r"^.*?::[A-Z]+(?:\[\])? AS (?P<name>\w+),?$", re.MULTILINE)


@dataclass(frozen=True)
class ViewColumn:
    """A column of a view.

    Attributes
    ----------
    unit : str
        Unit as astropy reads it; empty for none.
    description : str
        What the column holds.
    ucd : str
        IVOA's Unified Content Descriptor (UCD1+).
    """

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

    Parameters
    ----------
    table : pyarrow.Table
        The table.
    columns : mapping of str to ViewColumn
        What is known, by name in lower case; other columns have no notes.
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


def _object(name: str) -> SqlObject:
    return next(each for each in sql_objects() if each.name == name)


@functools.cache
def view_doc(name: str) -> str:
    """Return what one row of a view is and what its columns hold, as a docstring."""
    each, columns = _object(name), view_columns(name)
    lines = [f"Rows of the view ``{name}``: {each.grain or 'see its columns'}".rstrip(".") + ".", ""]
    lines += [
        "Keywords filter by column: a value, a list of which it is one, None for NULL, or",
        "``cte_lake.between(low, high)`` for a range.",
        "",
        "Columns",
        "-------",
    ]
    if each.kind == "table macro":
        lines.insert(4, "``aperture`` chooses the radius of the measurement, px.")
    for column in columns:
        lines += [f"{column.name} : {column.unit or 'no unit'}", f"    {column.description}"]
    return "\n".join(lines)


@functools.cache
def view_signature(name: str) -> inspect.Signature:
    """Return the keywords that a view's method takes: its columns, and the radius where it has one."""
    columns = [column.name for column in view_columns(name)]
    radius = ["aperture"] if _object(name).kind == "table macro" and "aperture" not in columns else []
    parameters = [
        inspect.Parameter(column, inspect.Parameter.KEYWORD_ONLY, default=inspect.Parameter.empty)
        for column in [*radius, *columns]
    ]
    every: Any = [each.replace(default=..., annotation="Filter") for each in parameters]
    return inspect.Signature(every, return_annotation="Result")


class Viewed(Protocol):
    """What answers by views: an open lake."""

    def view(self, name: str, **filters: Any) -> Any:
        """Return the rows of a view, filtered by its columns."""


class ViewMethod:
    """One view as a method of a lake: keyword filters in, a result out, documented as the view is."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __get__(self, lake: Viewed | None, owner: type[Viewed]) -> Any:
        def read(**filters: Any) -> Any:
            if lake is None:
                raise UsageError(f"{self.name} is a view of an open lake: open_lake(PATH).{self.name}()")
            return lake.view(self.name, **filters)

        read.__name__ = self.name
        read.__qualname__ = f"{owner.__name__}.{self.name}"
        described: Any = read
        described.__doc__ = view_doc(self.name)
        described.__signature__ = view_signature(self.name)
        return read
