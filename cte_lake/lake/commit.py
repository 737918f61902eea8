"""Exposure rows: the commits of the lake."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from cte_lake import __version__
from cte_lake.lake.paths import Partition, exposure_file
from cte_lake.lake.schemas import dataset
from cte_lake.lake.stored import AnyLake, stored
from cte_lake.lake.write import conform, write_table


def partition_of(row: Mapping[str, Any]) -> Partition:
    """Return where an exposure row lies."""
    return Partition(row["target"], row["proposal"], row["flash"], row["filetype"])


def write_exposure(named: AnyLake, partition: Partition, record: Mapping[str, Any]) -> None:
    """Write an exposure row: from here on readers see its photometry."""
    path = stored(named) / exposure_file(
        partition, record["rootname"], record["mode"], record["phot_key"], record["revision"]
    )
    table = pa.Table.from_pylist([dict(record)], schema=dataset("exposures").schema())
    write_table(path, conform(table, "exposures"), {"software": f"cte-lake {__version__}"})


def withdraw(named: AnyLake, row: Mapping[str, Any]) -> None:
    """Take an exposure out of the readers' sight: a new revision of its row that says so.

    Its photometry stays until the lake is vacuumed.
    """
    write_exposure(named, partition_of(row), {**row, "withdrawn": True, "revision": row["revision"] + 1})
