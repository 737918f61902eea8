"""The one printer of rows: as a readable table, CSV, JSON, Parquet or ECSV, to the terminal or a file."""

from __future__ import annotations

import io
import itertools
import math
import os
import re
import shutil
import sys
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO

import typer

from cte_lake.cli import terminal
from cte_lake.errors import UsageError

if TYPE_CHECKING:
    import pyarrow as pa


class Format(StrEnum):
    """How rows are printed."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"
    PARQUET = "parquet"
    ECSV = "ecsv"
    FITS = "fits"
    VOTABLE = "votable"


FormatOption = Annotated[
    Format | None,
    typer.Option(
        "--format",
        help="Format of the rows; default: by the file's ending, else a table.",
        show_default=False,
    ),
]
#: Help of ``-o`` for rows; commands that have it get ``--overwrite`` by it (`cte_lake.cli.grammar`).
ROWS_FILE = "Write the rows to this file, with units where possible; -: standard output."
#: What stands for standard output where a file is named.
STANDARD_OUTPUT = Path("-")
OutputOption = Annotated[Path | None, typer.Option("-o", "--output", help=ROWS_FILE)]


@dataclass
class Allowed:
    """What the command that runs may do with files of rows; a program that calls the printer may replace."""

    overwrite: bool = True
    pager: bool = False


ALLOWED = Allowed()
_NULL = "NULL"
_GAP = "  "
_DECIMAL = re.compile(r"-?\d+(\.(?P<decimals>\d+))?")
#: A column of measured quantities shows six digits; more decimals than this are theirs, not a rounding.
_MOST_EVEN = 3
#: A column of prose narrower than this is no longer read with ease.
_PROSE_WIDTH = 30
_ENDINGS = {
    ".csv": Format.CSV,
    ".json": Format.JSON,
    ".parquet": Format.PARQUET,
    ".ecsv": Format.ECSV,
    ".fits": Format.FITS,
    ".vot": Format.VOTABLE,
    ".votable": Format.VOTABLE,
    ".txt": Format.TABLE,
}
_BINARY = frozenset({Format.PARQUET, Format.FITS})
#: What is written part by part.
STREAMED = frozenset({Format.PARQUET, Format.CSV})


def print_table(table: pa.Table, format_: Format | None = None, output: Path | None = None) -> None:
    """Print an Arrow table to standard output or write it to a file in one step.

    Parameters
    ----------
    table : pyarrow.Table
        Rows; units and descriptions are in the fields' metadata.
    format_ : Format, optional
        By default that of the file's ending, else a readable table.
    output : Path, optional
        File to write; by default standard output.

    Raises
    ------
    UsageError
        If the file's ending names no format, a binary format is to go to a terminal, or the file exists and
        ``--overwrite`` is not given.
    """
    output = None if output == STANDARD_OUTPUT else output
    chosen = format_ or format_of(output)
    if output is not None:
        refuse_replacing(output)
    if output is None:
        if chosen in _BINARY and sys.stdout.isatty():
            raise UsageError(f"{chosen} cannot be shown in a terminal; name a file with -o")
        content = render(table, chosen, terminal_width())
        if not (ALLOWED.pager and terminal.show(content)):
            _write_stdout(content)
        return
    from cte_lake.lake.write import write_bytes

    write_bytes(output.absolute(), render(table, chosen, None))


def refuse_replacing(output: Path) -> None:
    """Make sure that a command may write a file."""
    if output.exists() and not ALLOWED.overwrite:
        raise UsageError(f"{output} exists; use --overwrite to replace it, or another name")


def render(table: pa.Table, format_: Format, width: int | None) -> bytes:
    """Return a table's bytes in a format; `width` bounds the lines of the readable one, None does not."""
    from cte_lake.views.plain_types import in_range, plain_table

    if format_ is Format.TABLE:
        return _as_text(in_range(table), width).encode()
    if format_ is Format.JSON:
        return _as_json(in_range(table))
    from cte_lake.views import table_files

    if format_ in STREAMED:
        stream = io.BytesIO()
        write_parts([table], format_, stream)
        return stream.getvalue()
    make = {
        Format.FITS: table_files.fits_bytes,
        Format.VOTABLE: table_files.votable_bytes,
        Format.ECSV: table_files.ecsv_bytes,
    }
    return make[format_](plain_table(table))


def write_parts(parts: Iterable[pa.Table], format_: Format, stream: BinaryIO) -> None:
    """Write tables of the same columns one after the other, as Parquet or CSV; there is one at least."""
    from cte_lake.views import table_files

    write = table_files.write_csv if format_ is Format.CSV else table_files.write_parquet
    write(parts, stream)


def terminal_width() -> int | None:
    """Columns to print in: those of the terminal or of COLUMNS; None where the output goes elsewhere."""
    if sys.stdout.isatty() or os.environ.get("COLUMNS"):
        return shutil.get_terminal_size().columns
    return None


def format_of(output: Path | None) -> Format:
    """Return the format that a file's ending says; without a file the readable table."""
    if output is None:
        return Format.TABLE
    try:
        return _ENDINGS[output.suffix.lower()]
    except KeyError:
        raise UsageError(
            f"{output.name!r} does not imply a format; end it in {', '.join(_ENDINGS)} or give --format"
        ) from None


def _write_stdout(content: bytes) -> None:
    sys.stdout.flush()
    sys.stdout.buffer.write(content)
    sys.stdout.buffer.flush()


def _as_json(table: pa.Table) -> bytes:
    import json

    from cte_lake.views.plain_types import json_value

    rows = [{name: json_value(value) for name, value in row.items()} for row in table.to_pylist()]
    return (json.dumps(rows, indent=1) + "\n").encode()


def _as_text(table: pa.Table, width: int | None) -> str:
    """Columns side by side under names and units; what does not fit in `width` goes into a block below."""
    rows = f"({table.num_rows} row{'' if table.num_rows == 1 else 's'})\n"
    columns = [_column(table, name) for name in table.column_names]
    if not columns:
        return rows
    if width is not None and _is_text(table, len(columns) - 1):
        others = sum(_width(column) + len(_GAP) for column in columns[:-1])
        columns[-1] = _wrapped(columns[-1], width - others)
    blocks = _blocks([_width(column) for column in columns], width)
    text = "\n\n".join(_block([columns[i] for i in block], table, block) for block in blocks)
    return f"{text}\n{rows}"


def _is_text(table: pa.Table, index: int) -> bool:
    import pyarrow.types as types

    type_ = table.schema.field(index).type
    return bool(types.is_string(type_) or types.is_list(type_))


def _wrapped(column: list[str], width: int) -> list[str]:
    """Break a last column of prose into lines where that leaves it readable."""
    if width < _PROSE_WIDTH or _width(column) <= width:
        return column
    return ["\n".join(textwrap.wrap(cell, width)) or cell for cell in column]


def _width(column: Sequence[str]) -> int:
    return max(len(line) for cell in column for line in cell.split("\n"))


def _column(table: pa.Table, name: str) -> list[str]:
    import pyarrow.types as types

    metadata = table.schema.field(name).metadata or {}
    unit = metadata.get(b"unit", b"").decode()
    cells = [_cell(value) for value in table.column(name).to_pylist()]
    return [name, unit, *(_even(cells) if types.is_floating(table.schema.field(name).type) else cells)]


def _even(cells: list[str]) -> list[str]:
    """Give the numbers of a column the same decimals, unless that would claim digits that they lack."""
    from decimal import Decimal

    matches = [_DECIMAL.fullmatch(cell) for cell in cells]
    most = max((len(match["decimals"] or "") for match in matches if match), default=0)
    if not 0 < most <= _MOST_EVEN or not all(matches[i] or cells[i] == _NULL for i in range(len(cells))):
        return cells
    return [
        f"{Decimal(cell):.{most}f}" if match else cell for cell, match in zip(cells, matches, strict=True)
    ]


def _blocks(widths: Sequence[int], limit: int | None) -> list[list[int]]:
    blocks: list[list[int]] = [[]]
    used = 0
    for index, width in enumerate(widths):
        needed = width + len(_GAP)
        if limit is not None and blocks[-1] and used + needed > limit + len(_GAP):
            blocks.append([])
            used = 0
        blocks[-1].append(index)
        used += needed
    return blocks


def _block(columns: Sequence[Sequence[str]], table: pa.Table, block: Sequence[int]) -> str:
    left = [_is_text(table, index) for index in block]
    widths = [_width(column) for column in columns]
    lines = list(zip(*columns, strict=True))
    if not any(lines[1]):
        del lines[1]
    printed = [_line(cells, widths, left) for cells in lines]
    head = len(lines) - table.num_rows
    rule = _GAP.join("-" * width for width in widths)
    return "\n".join([*printed[:head], rule, *printed[head:]])


def _line(cells: Sequence[str], widths: Sequence[int], left: Sequence[bool]) -> str:
    """Return a row; a cell of several lines makes a row of several lines."""
    split = [cell.split("\n") for cell in cells]
    lines = []
    for parts in itertools.zip_longest(*split, fillvalue=""):
        padded = (
            part.ljust(width) if to_left else part.rjust(width)
            for part, width, to_left in zip(parts, widths, left, strict=True)
        )
        lines.append(_GAP.join(padded).rstrip())
    return "\n".join(lines)


def _cell(value: Any) -> str:
    if value is None:
        return _NULL
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        # Six digits hold every measured quantity; a date needs its fraction of a day.
        return (
            f"{value:.6g}"
            if abs(value) < 1e4 or not math.isfinite(value)
            else f"{value:.3f}".rstrip("0").rstrip(".")
        )
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="seconds")
    if isinstance(value, bytes | dict | list | tuple):
        from cte_lake.views.plain_types import text_of

        value = text_of(value)
    # A header's text may hold control characters; a terminal must not obey them.
    text = str(value)
    return text if text.isprintable() else text.encode("unicode_escape").decode()
