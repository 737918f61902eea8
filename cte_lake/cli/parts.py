"""Rows in parts: what Parquet and CSV take one after the other is never held together."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from cte_lake.cli.output import (
    STANDARD_OUTPUT,
    STREAMED,
    Format,
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
