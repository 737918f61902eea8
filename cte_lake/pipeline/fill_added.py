"""Measures added columns in exposures that are in the lake already; their photometry stays as it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from cte_lake.config import Settings
from cte_lake.errors import Rejected
from cte_lake.frames.fitsfile import read_chip
from cte_lake.lake.added_columns import AddedColumn, added_columns, held_values, own_key
from cte_lake.lake.stored import StoredLake
from cte_lake.pipeline.align.alignment_rows import ALIGNED, alignment_for
from cte_lake.pipeline.carry_out import Progress, carry_out, refusal_of
from cte_lake.pipeline.crmask.mask_rows import mask_for
from cte_lake.pipeline.dask import Done, WorkerSettings
from cte_lake.pipeline.fill_columns import Filled, require_measured_frame
from cte_lake.pipeline.ingest.ingest_task import chip_pixels
from cte_lake.pipeline.ingest.keys import settings_hash
from cte_lake.pipeline.ingest.write_added import check_functions, write_added


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

    Parameters
    ----------
    settings : Settings
        Its configuration, which has the columns.
    names : sequence of str
        Names of columns.
    workers : WorkerSettings
        Where to measure.
    progress : callable, optional
        Called with (done, total) after each exposure.

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
            told = f"{row['path']} was measured with another WCS or cosmic-ray mask; ingest it first"
            raise Rejected("changed", told)
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
