"""What lies in a lake: every exposure row with its file, every file with its age, what supersedes what."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import pyarrow as pa

from cte_lake.lake.dataset_files import FILE_COLUMN
from cte_lake.lake.evolve import SEED_NAME
from cte_lake.lake.paths import Partition, phot_file
from cte_lake.lake.store import Listed
from cte_lake.lake.stored import StoredLake

DAY_NS = 86_400 * 10**9
_COLUMNS = (
    "imagename", "rootname", "filetype", "mode", "revision", "phot_key", "withdrawn", "n_stars",
    "master_hash", "alignment_hash", "crmask_hash", "target", "proposal", "flash",
    "phot_file", "phot_hash", FILE_COLUMN,
)  # fmt: skip


@dataclass(frozen=True)
class ExposureRow:
    """An exposure row as far as housekeeping needs it; `file` is relative to the lake."""

    imagename: str
    rootname: str
    filetype: str
    mode: str
    revision: int
    phot_key: str
    withdrawn: bool
    n_stars: int
    master_hash: str
    alignment_hash: str | None
    crmask_hash: str | None
    target: str
    proposal: int
    flash: int
    phot_file: str | None
    phot_hash: str | None
    file: str

    @property
    def partition(self) -> Partition:
        """Where the exposure lies."""
        return Partition(self.target, self.proposal, self.flash, self.filetype)

    @property
    def photometry(self) -> str:
        """Path of the photometry that the row names, relative to the lake, whether it is there or not."""
        return self.phot_file or phot_file(self.partition, self.rootname, self.phot_key)


class Inventory:
    """Rows and files of a lake, exposures listed first: a row's photometry is never missed."""

    def __init__(self, lake: StoredLake) -> None:
        self.root = lake
        exposures, phot = self.root.dataset("exposures"), self.root.dataset("phot")
        self.exposure_files: dict[str, Listed] = {f.path: f for f in exposures.listing()}
        self.rows = rows_of(exposures.rows(self.exposure_files.values()))
        self.phot_files: dict[str, Listed] = {f.path: f for f in phot.listing() if not is_seed(f.path)}

    @cached_property
    def ranked(self) -> dict[tuple[str, str], list[ExposureRow]]:
        """Rows of each (imagename, mode), the one that counts first; of equal rows, the largest file's."""
        groups: dict[tuple[str, str], list[ExposureRow]] = {}
        for row in self.rows:
            groups.setdefault((row.imagename, row.mode), []).append(row)
        sizes = self._rows_per_file
        for group in groups.values():
            group.sort(key=lambda r: (r.revision, r.phot_key, sizes[r.file], r.file), reverse=True)
        return groups

    @cached_property
    def _rows_per_file(self) -> dict[str, int]:
        counts: dict[str, int] = {}
        for row in self.rows:
            counts[row.file] = counts.get(row.file, 0) + 1
        return counts

    @property
    def current(self) -> list[ExposureRow]:
        """The row of each (imagename, mode) that counts, withdrawn ones included."""
        return [group[0] for group in self.ranked.values()]

    def superseded_since(self) -> dict[ExposureRow, int]:
        """Return for each row that does not count since when it does not, ns since 1970.

        A reader who began before that may still hold it.
        """
        since: dict[ExposureRow, int] = {}
        for group in self.ranked.values():
            earliest = self.mtime_ns(group[0])
            for row in group[1:]:
                since[row] = earliest
                earliest = min(earliest, self.mtime_ns(row))
        return since

    def mtime_ns(self, row: ExposureRow) -> int:
        """Return when the file of a row was written, ns since 1970."""
        listed = self.exposure_files.get(row.file)
        # A file that came after the listing supersedes from now on.
        return listed.mtime_ns if listed is not None else 2**63 - 1


def rows_of(table: pa.Table) -> list[ExposureRow]:
    """Return exposure rows as objects."""
    columns = [table.column(name).to_pylist() for name in _COLUMNS]
    return [ExposureRow(*values) for values in zip(*columns, strict=True)]


def is_seed(path: str) -> bool:
    """Whether a path is that of a dataset's empty file."""
    return path.rpartition("/")[2] == SEED_NAME


def human_size(size: float) -> str:
    """Return a number of bytes for people, ``1.2 GB``."""
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} B" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"
