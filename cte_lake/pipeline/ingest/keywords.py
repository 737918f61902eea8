"""Columns of ``exposures`` that the schema alone adds: filled from a keyword of the headers."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from cte_lake.errors import Rejected
from cte_lake.frames.cards import HeaderCards
from cte_lake.frames.opening import open_frame
from cte_lake.lake.schemas import Column, dataset


@cache
def keyword_columns() -> tuple[Column, ...]:
    """Columns whose schema entry names a ``keyword``."""
    return tuple(column for column in dataset("exposures").columns if column.keyword)


def keyword_values(path: str) -> dict[str, Any]:
    """Return the values of such columns for a frame, from the primary header, else that of chip 2's SCI.

    What is missing, damaged or of another type is None: nothing is decided by it.
    """
    if not keyword_columns():
        return {}
    file = Path(path)
    with open_frame(file, headers_only=True) as hdus:
        headers = [hdus[0].header, *(hdu.header for hdu in hdus if (hdu.name.upper(), hdu.ver) == ("SCI", 1))]
        cards = HeaderCards(file.name, headers)
        return {column.name: _typed(cards, column) for column in keyword_columns()}


def _typed(cards: HeaderCards, column: Column) -> Any:
    try:
        if column.type == "string":
            return cards.optional_text(column.keyword) or None
        if column.type == "bool":
            value = cards.raw(column.keyword)
            return value if isinstance(value, bool) else None
        number = cards.optional_number(column.keyword)
        return int(number) if number is not None and column.type.startswith("int") else number
    except Rejected:
        return None
