"""Rows of plain values on standard output, through the printer of all rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def print_rows(rows: Sequence[Mapping[str, Any]], as_json: bool, digits: int = 4) -> None:
    """Print rows with the same keys, as JSON in full or as a table to `digits` significant digits."""
    import pyarrow as pa

    from cte_lake.cli.output import Format, print_table

    if not as_json:
        rows = [{name: _rounded(value, digits) for name, value in row.items()} for row in rows]
    print_table(pa.Table.from_pylist([dict(row) for row in rows]), Format.JSON if as_json else Format.TABLE)


def _rounded(value: Any, digits: int) -> Any:
    if not isinstance(value, float):
        return value
    return float(f"{value:.{digits}g}") if abs(value) < 1e4 else round(value, 1)
