"""Fills header columns that schema or configuration gained in the rows of before, from the frames."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from cte_lake.errors import Rejected, UsageError
from cte_lake.lake.added_columns import HEADER_VALUES, HeaderColumn
from cte_lake.lake.maintenance.compact import write_rows, written_rows
from cte_lake.lake.maintenance.inventory import ExposureRow, Inventory
from cte_lake.lake.stored import StoredLake
from cte_lake.lake.upgrade import record_schemas
from cte_lake.lake.versions import digest
from cte_lake.names import suggestion
from cte_lake.pipeline.ingest.exposure_rows import keyword_columns, keyword_values


@dataclass
class Filled:
    """What was filled.

    Attributes
    ----------
    rows : int
        Exposures that have a value now and had none.
    without : int
        Exposures whose frame has no value either.
    left : dict of str to str
        Frames that could not be asked, with the reason.
    """

    rows: int = 0
    without: int = 0
    left: dict[str, str] = field(default_factory=dict)

    def __add__(self, other: Filled) -> Filled:
        return Filled(self.rows + other.rows, self.without + other.without, self.left | other.left)


def fillable(
    names: Sequence[str], added: Sequence[str], headers: Sequence[str] = ()
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return which columns are filled, those of the given names or all: of keywords, of functions.

    Parameters
    ----------
    names : sequence of str
        What is asked for; empty for all.
    added, headers : sequence of str
        Columns of ``phot`` and of ``exposures`` that the configuration adds.

    Raises
    ------
    UsageError
        If one is neither a column of ``exposures`` with a keyword nor an added one.
    """
    known = (*(column.name for column in keyword_columns()), *headers)
    for name in names:
        if name not in known and name not in added:
            every = (*known, *added)
            raise UsageError(
                f"{name!r} is not a column that a keyword or a function of the configuration fills"
                f"{suggestion(name, every) or ';'} these are: {', '.join(every) or 'none'}"
            )
    wanted = names or (*known, *added)
    return tuple(n for n in known if n in wanted), tuple(n for n in added if n in wanted)


def fill_columns(lake: StoredLake, columns: Sequence[str], headers: Sequence[HeaderColumn] = ()) -> Filled:
    """Write new revisions of the rows that lack a value that their frame's header has; photometry stays.

    A frame that is not the one that was measured (size or time of change) is left alone: ingest first.

    Parameters
    ----------
    columns : sequence of str
        Columns of the schema or of `headers`.
    headers : sequence of HeaderColumn
        Columns that the configuration adds; those among `columns` are filled.

    Raises
    ------
    Locked
        If another housekeeping command runs.
    """
    filled = Filled()
    asked = tuple(column for column in headers if column.name in columns)
    known = [name for name in columns if name not in {column.name for column in asked}]
    record_schemas(lake)
    with lake.lease("housekeeping"):
        folders: dict[str, list[ExposureRow]] = {}
        for row in Inventory(lake).current:
            if not row.withdrawn:
                folders.setdefault(f"exposures/{row.partition.folder}", []).append(row)
        for folder, rows in folders.items():
            _fill(lake, folder, written_rows(lake, rows), known, asked, filled)
    return filled


def _fill(
    lake: StoredLake,
    folder: str,
    table: pa.Table,
    columns: Sequence[str],
    headers: Sequence[HeaderColumn],
    filled: Filled,
) -> None:
    """Fill the rows of one partition, in one file."""
    chosen, values = [], []
    for number, row in enumerate(table.to_pylist()):
        held = json.loads(row[HEADER_VALUES] or "{}")
        lacking = [name for name in columns if row[name] is None]
        unknown = [column for column in headers if column.definition not in held]
        if not lacking and not unknown:
            continue
        try:
            require_measured_frame(row)
            found = keyword_values(row["path"], row["chip"], unknown)
        except Rejected as error:
            filled.left[row["path"]] = str(error)
            continue
        news = {name: found[name] for name in lacking if found[name] is not None}
        if said := found[HEADER_VALUES]:
            news[HEADER_VALUES] = json.dumps(held | json.loads(said), sort_keys=True)
        if not news:
            filled.without += 1
            continue
        chosen.append(number)
        values.append({name: row[name] for name in (*columns, HEADER_VALUES)} | news)
    if not chosen:
        return
    part = table.take(pa.array(chosen, pa.int64()))
    changed: dict[str, pa.Array] = {
        name: pa.array([row[name] for row in values], part.schema.field(name).type) for name in values[0]
    }
    changed["revision"] = pc.add(part.column("revision"), pa.scalar(1, pa.int32()))
    identity = [part.column(name).to_pylist() for name in ("imagename", "mode", "revision")]
    write_rows(lake, folder, part, changed, digest([identity, [list(row.values()) for row in values]]))
    filled.rows += len(chosen)


def require_measured_frame(row: dict[str, Any]) -> None:
    """Make sure that a row's frame is there and the one that was measured, by size and time of change.

    Raises
    ------
    Rejected
        If it is not.
    """
    try:
        found = Path(row["path"]).stat()
    except OSError as error:
        raise Rejected("missing", f"{row['path']} cannot be read: {error.strerror}") from error
    if (found.st_size, found.st_mtime_ns) != (row["file_size"], row["file_mtime_ns"]):
        raise Rejected("changed", f"{row['path']} is not the file that was measured; ingest it first")
