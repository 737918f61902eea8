"""Exposure rows: the commits of the lake."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from cte_lake import __version__
from cte_lake.lake.contents import Content, bounds_hash, phot_hash, record_of
from cte_lake.lake.paths import Partition, exposure_file, phot_file
from cte_lake.lake.schemas import dataset
from cte_lake.lake.stored import StoredLake
from cte_lake.lake.write import conform, write_table


def partition_of(row: Mapping[str, Any]) -> Partition:
    """Return where an exposure row lies."""
    return Partition(row["target"], row["proposal"], row["flash"], row["filetype"])


def write_photometry(
    lake: StoredLake, partition: Partition, rootname: str, phot_key: str, table: pa.Table
) -> dict[str, str]:
    """Write an exposure's photometry; no reader sees it before its exposure row.

    Returns
    -------
    dict of str
        The columns of the exposure row that name it: ``phot_file`` and ``phot_hash``.
    """
    path, content = phot_file(partition, rootname, phot_key), phot_hash(table)
    imagename = f"{rootname}_{partition.filetype}.fits"
    held = Content(imagename, phot_key, table.num_rows, content, bounds=bounds_hash(table))
    record = record_of(partition.folder, [held])
    table = table.replace_schema_metadata({**(table.schema.metadata or {}), **record})
    write_table(lake / path, table, {"software": f"cte-lake {__version__}"})
    return {"phot_file": path, "phot_hash": content}


def write_exposure(lake: StoredLake, partition: Partition, record: Mapping[str, Any]) -> None:
    """Write an exposure row: from here on readers see its photometry."""
    path = lake / exposure_file(
        partition, record["rootname"], record["mode"], record["phot_key"], record["revision"]
    )
    table = pa.Table.from_pylist([dict(record)], schema=dataset("exposures").schema())
    write_table(path, conform(table, "exposures"), {"software": f"cte-lake {__version__}"})


def withdraw(lake: StoredLake, row: Mapping[str, Any]) -> None:
    """Take an exposure out of the readers' sight: a new revision of its row that says so.

    Its photometry stays until the lake is vacuumed.
    """
    write_exposure(lake, partition_of(row), {**row, "withdrawn": True, "revision": row["revision"] + 1})
