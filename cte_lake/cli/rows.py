"""Rows on standard output or in a file: plain values, and answers in parts, never held together."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cte_lake.cli.app import Options
from cte_lake.cli.options import JsonOption
from cte_lake.cli.output import (
    STANDARD_OUTPUT,
    STREAMED,
    Format,
    FormatOption,
    OutputOption,
    format_of,
    print_table,
    refuse_replacing,
    write_parts,
)
from cte_lake.errors import UsageError
from cte_lake.resources import free_memory

if TYPE_CHECKING:
    import pyarrow as pa

#: Size in memory of a FITS or VOTable and of what is made on the way, over that of the rows.
_COPIES = 8
#: Takes the parts of an answer, of which the first has no rows.
Take = Callable[[Iterator["pa.Table"]], None]


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


def print_parts(ask: Callable[[Take], None], format_: Format | None, output: Path | None) -> None:
    """Print the rows of an answer or write them to a file, in parts where the format allows.

    Parameters
    ----------
    ask : callable
        Asks, and hands the parts of the answer to what it is given.
    format_, output
        As of `cte_lake.cli.output.print_table`, which takes what is printed as a whole.

    Raises
    ------
    UsageError
        As `cte_lake.cli.output.print_table`, and if a whole does not fit into memory.
    """
    output = None if output == STANDARD_OUTPUT else output
    chosen = format_ or format_of(output)
    if output is not None:
        refuse_replacing(output)
    if chosen not in STREAMED or (output is None and sys.stdout.isatty()):
        whole: list[pa.Table] = []
        ask(lambda parts: whole.extend(_fitting(parts, chosen)))
        print_table(together(whole), chosen, output)
        return

    def write(parts: Iterator[pa.Table]) -> None:
        if output is None:
            write_parts(parts, chosen, sys.stdout.buffer)
            sys.stdout.buffer.flush()
            return
        from cte_lake.lake.write import replacing

        with replacing(output.absolute()) as temporary, temporary.open("wb") as stream:
            write_parts(parts, chosen, stream)

    ask(write)


def together(parts: list[pa.Table]) -> pa.Table:
    """Return the parts of an answer as one table."""
    import pyarrow as pa

    return pa.concat_tables(parts)


def _fitting(parts: Iterator[pa.Table], format_: Format) -> Iterator[pa.Table]:
    """Pass the parts of a table on while what becomes of them fits into memory."""
    room, held = free_memory(), 0
    for part in parts:
        held += part.nbytes * _COPIES
        if room is not None and held > room:
            raise UsageError(
                f"these rows as {format_} do not fit into the {room / 1e9:.1f} GB of free memory; write "
                f"{' or '.join(sorted(STREAMED))}, which hold a part at a time, or choose fewer rows"
            )
        yield part
