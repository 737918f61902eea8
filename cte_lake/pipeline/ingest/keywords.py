"""Columns of ``exposures`` that the schema alone adds: filled from a keyword of the primary header."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from cte_lake.frames.opening import open_frame
from cte_lake.lake.schemas import Column, dataset


@cache
def keyword_columns() -> tuple[Column, ...]:
    """Columns whose schema entry names a ``keyword``."""
    return tuple(column for column in dataset("exposures").columns if column.keyword)


def keyword_values(path: str) -> dict[str, Any]:
    """Return the values of such columns for a frame; what is missing or of another type is None."""
    if not keyword_columns():
        return {}
    with open_frame(Path(path), headers_only=True) as hdus:
        header = hdus[0].header
        return {column.name: _typed(header.get(column.keyword), column.type) for column in keyword_columns()}


def _typed(value: Any, kind: str) -> Any:
    convert = {"string": str, "bool": bool, "int32": int, "int64": int, "float32": float, "float64": float}
    try:
        return convert[kind](value) if value is not None else None
    except (TypeError, ValueError, KeyError):
        return None
