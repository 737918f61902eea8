"""Rows of plain values on standard output or in a file, through the printer of all rows."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cte_lake.cli.output import Format, print_table
from cte_lake.errors import UsageError

if TYPE_CHECKING:
    import pyarrow as pa

#: Units by column: the same name means the same thing in every table of the model's commands.
_UNITS = {
    "background": "electron",
    "bin_hi": "electron",
    "bin_lo": "electron",
    "dmag": "mag",
    "dmag_err": "mag",
    "exptime": "s",
    "flash": "electron",
    "flux": "electron",
    "flux_max": "electron",
    "flux_min": "electron",
    "mjd": "d",
    "mjd_max": "d",
    "mjd_min": "d",
    "pivot": "pix",
    "pivot_err": "pix",
    "post_flash": "electron",
    "radius": "pix",
}


def print_rows(
    rows: Sequence[Mapping[str, Any]],
    as_json: bool = False,
    digits: int = 4,
    format_: Format | None = None,
    output: Path | None = None,
) -> None:
    """Print rows with the same keys to standard output, or write them to a file.

    Parameters
    ----------
    rows : sequence of mapping
        Numbers that are not finite come out as missing.
    as_json : bool, optional
        What ``--json`` asks for: the same as the format JSON.
    digits : int, optional
        Significant digits of the readable table; every other format has them all.
    format_, output : optional
        As `cte_lake.cli.output.print_table`.

    Raises
    ------
    UsageError
        If JSON and another format are asked for.
    """
    chosen = chosen_format(as_json, format_)
    print_table(_table(rows, digits if for_people(chosen, output) else None), chosen, output)


def chosen_format(as_json: bool, format_: Format | None) -> Format | None:
    """Return the format of ``--format``, which ``--json`` is short for.

    Raises
    ------
    UsageError
        If they disagree.
    """
    if as_json and format_ not in {None, Format.JSON}:
        raise UsageError(f"--json and --format {format_} cannot both be; leave one out")
    return Format.JSON if as_json else format_


def for_people(format_: Format | None, output: Path | None) -> bool:
    """Return whether rows come out as the readable table, with fewer digits and columns."""
    return format_ is Format.TABLE or (format_ is None and output is None)


def _table(rows: Sequence[Mapping[str, Any]], digits: int | None) -> pa.Table:
    import pyarrow as pa

    table = pa.Table.from_pylist(
        [{name: _value(value, digits) for name, value in row.items()} for row in rows]
    )
    fields = [
        field.with_metadata({"unit": _UNITS[field.name]}) if field.name in _UNITS else field
        for field in table.schema
    ]
    return table.cast(pa.schema(fields))


def _value(value: Any, digits: int | None) -> Any:
    if not isinstance(value, float):
        return value
    if not math.isfinite(value):
        return None
    if digits is None:
        return value
    return float(f"{value:.{digits}g}") if abs(value) < 1e4 else round(value, 1)
