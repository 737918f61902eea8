"""Reads TOML that anyone may have written."""

from __future__ import annotations

import tomllib
from typing import Any

#: Deepest nesting of lists and tables; what we read has four.
_DEEPEST = 40


def read_toml(text: str) -> dict[str, Any]:
    """Return the values of a TOML text.

    Raises
    ------
    ValueError
        If it is no TOML, or nested so deeply that nothing of ours could walk through it.
    """
    try:
        values = tomllib.loads(text)
    except RecursionError:
        raise ValueError("lists are nested too deeply") from None
    level: list[Any] = [values]
    for _ in range(_DEEPEST):
        level = [below for each in level for below in (each.values() if isinstance(each, dict) else each)]
        level = [each for each in level if isinstance(each, dict | list)]
    if level:
        raise ValueError(f"lists or tables are nested more than {_DEEPEST} deep")
    return values
