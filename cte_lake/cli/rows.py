"""Rows of results on standard output: an aligned table, or JSON for programs."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import typer


def print_rows(rows: Sequence[Mapping[str, Any]], as_json: bool, digits: int = 4) -> None:
    """Print rows with the same keys; missing values as ``-`` or null."""
    if as_json:
        typer.echo(json.dumps([{key: _plain(value) for key, value in row.items()} for row in rows], indent=2))
        return
    if not rows:
        return
    names = list(rows[0])
    cells = [names, *([_cell(row[name], digits) for name in names] for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(names))]
    text = [isinstance(rows[0][name], str) for name in names]
    for line in cells:
        aligned = (
            cell.ljust(width) if left else cell.rjust(width)
            for cell, width, left in zip(line, widths, text, strict=True)
        )
        typer.echo("  ".join(aligned).rstrip())


def _plain(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _cell(value: Any, digits: int) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "-"
    if isinstance(value, float):
        return f"{value:.{digits}g}" if abs(value) < 1e4 else f"{value:.1f}"
    return str(value)
