"""Rows of plain values on standard output or in a file, through the printer of all rows."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cte_lake.cli.app import Options
from cte_lake.cli.options import JsonOption
from cte_lake.cli.output import Format, FormatOption, OutputOption, print_table
from cte_lake.errors import UsageError

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class RowsOutput(Options):
    """Where rows go, and in which format."""

    format_: FormatOption = None
    output: OutputOption = None
    as_json: JsonOption = False

    def __post_init__(self) -> None:
        if self.as_json and self.format_ not in {None, Format.JSON}:
            raise UsageError(f"--json and --format {self.format_} cannot both be; leave one out")

    @property
    def format(self) -> Format | None:
        """The format of ``--format``, which ``--json`` is short for."""
        return Format.JSON if self.as_json else self.format_

    @property
    def readable(self) -> bool:
        """Whether people read the rows, who need fewer columns and digits."""
        return self.format is Format.TABLE or (self.format is None and self.output is None)

    def table(self, table: pa.Table) -> None:
        """Print a table of a lake's rows, or write it to a file."""
        print_table(table, self.format, self.output)

    def rows(
        self,
        rows: Sequence[Mapping[str, Any]],
        shown: Callable[[Any], Mapping[str, Any]] | None = None,
        digits: int = 4,
    ) -> None:
        """Print rows with the same keys, or write them to a file.

        Parameters
        ----------
        rows : sequence of mapping
            Numbers that are not finite come out as missing.
        shown : callable, optional
            Makes of a row the one that people read, to fit a terminal of 80 columns.
        digits : int, optional
            Significant digits of the readable table; every other format has them all.
        """
        if self.readable and shown is not None:
            rows = [shown(row) for row in rows]
        self.table(_table(rows, digits if self.readable else None))


def _table(rows: Sequence[Mapping[str, Any]], digits: int | None) -> pa.Table:
    from cte_lake.results import table_of

    return table_of([{name: _value(value, digits) for name, value in row.items()} for row in rows])


def _value(value: Any, digits: int | None) -> Any:
    if not isinstance(value, float):
        return value
    if not math.isfinite(value):
        return None
    if digits is None:
        return value
    return float(f"{value:.{digits}g}") if abs(value) < 1e4 else round(value, 1)
