"""Decimal commas in text tables: known by the first lines, read as points."""

from __future__ import annotations

import re
from typing import Any

import pyarrow.compute as pc

from cte_lake.correction.text_header import TextHeader, decode, split_line
from cte_lake.errors import CatalogError
from cte_lake.model.missing import MISSING

_NUMBER = re.compile(r"[+-]?(?:\d+[.,]?\d*|[.,]\d+)(?:[eEdD][+-]?\d+)?")
#: The mark of 1,600 may separate thousands; that of 1600,5 or 0,125 cannot.
_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}[.,]\d{3}")
_CELL = r"^(\s*[+-]?\d*),(\d*(?:[eEdD][+-]?\d+)?\s*)$"


def comma_columns(header: TextHeader, head: bytes, source: str) -> frozenset[str]:
    """Return the columns whose decimals follow a comma; none where a comma may separate thousands.

    Raises
    ------
    CatalogError
        If some columns have decimal commas, and points may separate thousands in another.
    """
    if b"," not in head or (header.delimiter == "," and b'"' not in head):
        return frozenset()
    rows = [split_line(line, header.delimiter) for line in decode(head).splitlines()[header.skip :]]
    rows = [row for row in rows if len(row) == len(header.names)]
    numeric: dict[str, list[str]] = {}
    for place, name in enumerate(header.names):
        words = [word for row in rows if (word := row[place].strip()).lower() not in MISSING]
        if all(map(_NUMBER.fullmatch, words)):
            numeric[name] = words
    pointed = {name: [word for word in words if "." in word] for name, words in numeric.items()}
    marked = {name: [word for word in words if "," in word] for name, words in numeric.items()}
    sure = [
        name for name in numeric if not pointed[name] and not all(map(_THOUSANDS.fullmatch, marked[name]))
    ]
    if not sure:
        return frozenset()
    for name, words in pointed.items():
        if words and all(map(_THOUSANDS.fullmatch, words)):
            raise CatalogError(
                f"table {source}: decimals follow a comma in column {sure[0]!r} ({marked[sure[0]][0]}), and "
                f"{words[0]} of column {name!r} may be thousands; write all decimals with a point"
            )
    said = ", ".join(name for name in numeric if marked[name] and not pointed[name])
    header.notes.append(f"decimals follow a comma in {said}")
    return frozenset(name for name in numeric if not pointed[name])


def with_points(column: Any, name: str, first_row: int) -> Any:
    """Return the texts of a column of decimal commas with points instead.

    Raises
    ------
    CatalogError
        If one has a point, which may separate thousands.
    """
    pointed = pc.match_substring(column, ".")
    if pc.any(pointed).as_py():
        row = int(pc.index(pointed, True).as_py())
        raise CatalogError(
            f"column {name!r}, row {first_row + row + 1}: {column[row].as_py()!r} has a point, and decimals "
            "follow a comma in other rows; write all with a point"
        )
    return pc.replace_substring_regex(column, _CELL, r"\1.\2")
