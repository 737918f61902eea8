"""Fills columns that schema or configuration gained in the rows of before, from the frames."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from cte_lake.config import Settings
from cte_lake.digests import digest
from cte_lake.errors import Rejected, UsageError
from cte_lake.frames.fitsfile import read_chip
from cte_lake.lake.added_columns import (
    HEADER_VALUES,
    AddedColumn,
    HeaderColumn,
    added_columns,
    held_values,
    own_key,
)
from cte_lake.lake.maintenance.compact import write_rows, written_rows
from cte_lake.lake.maintenance.inventory import ExposureRow, Inventory
from cte_lake.lake.stored import StoredLake
from cte_lake.lake.upgrade import record_schemas
from cte_lake.names import suggestion
from cte_lake.pipeline.align.alignment_rows import ALIGNED, alignment_for
from cte_lake.pipeline.carry_out import Progress, carry_out, refusal_of
from cte_lake.pipeline.crmask.mask_rows import mask_for
from cte_lake.pipeline.dask import Done, WorkerSettings
from cte_lake.pipeline.ingest.exposure_rows import keyword_columns, keyword_values
from cte_lake.pipeline.ingest.ingest_task import chip_pixels
from cte_lake.pipeline.ingest.keys import settings_hash
from cte_lake.pipeline.ingest.write_added import check_functions, write_added


@dataclass
class Filled:
    """What was filled: exposures with a new value, those whose frame has none, frames not asked and why."""

    rows: int = 0
    without: int = 0
    left: dict[str, str] = field(default_factory=dict)

    def __add__(self, other: Filled) -> Filled:
        return Filled(self.rows + other.rows, self.without + other.without, self.left | other.left)


def fillable(
    names: Sequence[str], added: Sequence[str], headers: Sequence[str] = ()
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return which columns are filled, those of the given names or all: of keywords, of functions.

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


@dataclass(frozen=True)
class FillTask:
    """An exposure row and the columns that it lacks."""

    lake: StoredLake
    row: dict[str, Any]
    columns: tuple[AddedColumn, ...]
    pam_dir: str
    good_bits: int


@dataclass
class _Filling:
    filled: Filled = field(default_factory=Filled)

    def done(self, done: Done[FillTask, tuple[str, ...]]) -> None:
        """Count a finished task."""
        path = done.task.row["path"]
        if done.error is not None:
            self.filled.left[path] = str(refusal_of(path, done.error, "measure"))
        elif done.result:
            self.filled.left[path] = "; ".join(done.result)
        else:
            self.filled.rows += 1


def fill_added(
    lake: StoredLake,
    settings: Settings,
    names: Sequence[str],
    workers: WorkerSettings,
    progress: Progress | None = None,
) -> Filled:
    """Measure added columns where an exposure has none, or one of another function or version.

    Raises
    ------
    ConfigError
        If a function cannot be used.
    """
    config = settings.config
    columns = tuple(column for column in added_columns(config) if column.name in names)
    check_functions(lake, columns)
    lake.write_seeds()
    held, today, filling = held_values(lake), settings_hash(config), _Filling()
    tasks = []
    for row in (
        lake.dataset("exposures").current("mode = ? AND NOT withdrawn", [config.photometry.mode]).to_pylist()
    ):
        lacking = tuple(each for each in columns if (own_key(row["phot_key"]), each.stem) not in held)
        if lacking and row["settings_hash"] != today:
            filling.filled.left[row["path"]] = (
                f"{row['path']} was measured with other settings; ingest it first"
            )
        elif lacking:
            pam_dir, good_bits = config.photometry.pam_dir, sum(config.photometry.good_bits)
            tasks.append(FillTask(lake, row, lacking, pam_dir, good_bits))
    carry_out(fill_exposure, tasks, workers, filling.done, progress)
    return filling.filled


def fill_exposure(task: FillTask) -> tuple[str, ...]:
    """Measure and write what an exposure lacks; return why a column could not be measured."""
    row = task.row
    try:
        require_measured_frame(row)
        solution = alignment_for(task.lake, row["rootname"]) if row["alignment_hash"] else None
        crmask = mask_for(task.lake, row["rootname"]) if row["crmask_hash"] else None
        found = solution.hash if solution is not None and solution.status == ALIGNED else None
        if (found, crmask.hash if crmask else None) != (row["alignment_hash"], row["crmask_hash"]):
            detail = f"{row['path']} was measured with another WCS or cosmic-ray mask; ingest it first"
            raise Rejected("changed", detail)
        image = read_chip(row["path"], row["chip"], solution.cards[row["chip"]] if solution else None)
        pixels = chip_pixels(image, row["rootname"], task.pam_dir, task.good_bits, crmask)
    except Rejected as refusal:
        return (refusal.detail,)
    return write_added(task.lake, task.columns, pixels, _photometry(task.lake, row), row)


def _photometry(lake: StoredLake, row: dict[str, Any]) -> pa.Table:
    """Return the rows that an exposure row names, in the order in which they were measured."""
    table = lake.dataset("phot").read([row["phot_file"]])
    mine = pc.and_(
        pc.equal(table["imagename"], row["imagename"]), pc.equal(table["phot_key"], row["phot_key"])
    )
    names = [column.name for column in lake.dataset("phot").stated.expanded()]
    return table.filter(mine).select(names).sort_by("master_id")
