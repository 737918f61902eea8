"""Put simulated photometry into a lake, as an ingest would have left it."""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa

from cte_lake.lake.commit import write_photometry
from cte_lake.lake.paths import Partition, exposure_file, master_file
from cte_lake.lake.schemas import dataset
from cte_lake.lake.stored import StoredLake
from cte_lake.lake.write import conform, write_table
from cte_lake.simulate.photometry import ChipStars, SimulatedPhotometry


def fill_lake(lake: StoredLake, images: Iterable[SimulatedPhotometry], stars: ChipStars | None = None) -> int:
    """Write images, and their master catalog, into a lake.

    Images are written one by one, so that a generator of thousands needs the memory of one.
    """
    schema = dataset("exposures").schema()
    count = 0
    master_hash = None
    for image in images:
        record = image.record
        master_hash = record["master_hash"]
        partition = Partition(record["target"], record["proposal"], record["flash"], record["filetype"])
        table = conform(pa.table(image.columns), "phot")
        named = write_photometry(lake, partition, record["rootname"], record["phot_key"], table)
        place = exposure_file(
            partition, record["rootname"], record["mode"], record["phot_key"], record["revision"]
        )
        row = pa.Table.from_pylist([record | named], schema=schema)
        write_table(lake / place, conform(row, "exposures"))
        count += 1
    if stars is not None and master_hash is not None:
        _write_master(lake, stars, master_hash)
    return count


def _write_master(lake: StoredLake, stars: ChipStars, master_hash: str) -> None:
    n = stars.id.size
    table = pa.table(
        {
            "master_id": stars.id, "x": stars.x, "y": stars.y, "ra": stars.ra, "dec": stars.dec,
            "flux": stars.flux, "master_hash": pa.repeat(master_hash, n),
            "revision": pa.repeat(pa.scalar(1, pa.int32()), n), "origin": pa.repeat("simulated", n),
        }
    )  # fmt: skip
    target = stars.target.name
    write_table(lake / master_file(target, master_hash, 1), conform(table, "master"), {"target": target})
