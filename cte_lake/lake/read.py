"""Reading the lake's own bookkeeping: current exposures, masters and rejects."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from cte_lake.lake.evolve import SEED_TARGET
from cte_lake.lake.paths import Partition
from cte_lake.lake.store import Place
from cte_lake.lake.stored import StoredLake

_MASTER_NAME = re.compile(r"([0-9a-f]+)\.r(\d+)\.parquet")
_NEWEST_FIRST = "ORDER BY revision DESC, phot_key DESC LIMIT 1"


def exposure_rows(lake: StoredLake) -> pa.Table:
    """Return every exposure row of every revision and mode, with the column ``file``."""
    return lake.dataset("exposures").rows()


def current_exposures(lake: StoredLake, mode: str, columns: tuple[str, ...] = ("*",)) -> pa.Table:
    """Exposure rows that count, of one photometry mode; withdrawn ones included.

    Returns
    -------
    pyarrow.Table
        One row an image: that of the highest revision.
    """
    return lake.dataset("exposures").current("mode = ?", [mode], ", ".join(columns))


def readable_exposures(lake: StoredLake, rootnames: Iterable[str]) -> list[dict[str, Any]]:
    """Return the rows, of all photometry modes, by which readers see exposures of these root names."""
    found = lake.dataset("exposures").current("list_contains(?, rootname)", [list(rootnames)])
    return [dict(row) for row in found.to_pylist() if not row["withdrawn"]]


def earlier_exposure(
    lake: StoredLake, partition: Partition, imagename: str, mode: str, phot_key: str
) -> dict[str, Any] | None:
    """Return the newest row of an image that names a photometry file, or None; reads one partition only."""
    exposures = lake.dataset("exposures")
    where = "WHERE mode = ? AND imagename = ? AND phot_key = ?"
    if not (exposures.place / partition.folder).is_dir():
        return None
    query = f"SELECT * EXCLUDE (file) FROM {exposures.scan(partition)} {where} {_NEWEST_FIRST}"
    rows = exposures.query(query, [mode, imagename, phot_key]).to_pylist()
    return dict(rows[0]) if rows else None


def reject_rows(lake: StoredLake) -> pa.Table:
    """All reject rows, those of files measured since included."""
    rejects = lake.dataset("rejects")
    return rejects.query(f"SELECT * EXCLUDE (file) FROM {rejects.scan()}")


@dataclass(frozen=True)
class MasterFile:
    """The current master catalog of a target."""

    target: str
    master_hash: str
    revision: int
    path: Place


def master_targets(lake: StoredLake) -> list[str]:
    """Return the targets that have, or had, a master catalog."""
    parents = {PurePath(listed.path).parent.name for listed in lake.dataset("master").listing()}
    names = {name.removeprefix("target=") for name in parents if name.startswith("target=")}
    return sorted(names - {SEED_TARGET})


def current_master(lake: StoredLake, target: str) -> MasterFile | None:
    """Return a target's current master catalog, or None if it has none."""
    found = []
    for path in (lake / "master" / f"target={target}").files():
        if (named := _MASTER_NAME.fullmatch(path.name)) is None:
            continue
        master_hash, revision = named.groups()
        found.append(MasterFile(target, master_hash, int(revision), path))
    return max(found, key=lambda master: (master.revision, master.master_hash), default=None)


def read_master(master: MasterFile) -> pa.Table:
    """Read a master catalog; the target is in the path, not in the rows."""
    return pq.read_table(master.path.source(), partitioning=None)
