"""Compact: files of added columns into few. No row names them, so none has to be committed."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa

from cte_lake import __version__
from cte_lake.errors import LakeError
from cte_lake.lake.added_columns import DATASET, Held, held_in_file, own_key, with_held
from cte_lake.lake.evolve import file_schema
from cte_lake.lake.maintenance.inventory import Inventory
from cte_lake.lake.maintenance.readable import fault_of
from cte_lake.lake.named_files import COMPACTED, is_compacted
from cte_lake.lake.store import Listed
from cte_lake.lake.stored import StoredLake
from cte_lake.lake.versions import digest
from cte_lake.lake.write import conform, write_table

#: Of the files that become one: its table lies in memory, of 30 times the size.
_LARGEST = 16_000_000


def added_merges(inventory: Inventory, min_files: int) -> Iterator[tuple[str, list[Listed]]]:
    """Yield folders with files of values there that become one: those of photometry that counts."""
    lake = inventory.root
    counts = {
        f"{DATASET}/{row.partition.folder}/{row.rootname}_{row.filetype}.{own_key(row.phot_key)}."
        for row in inventory.current
        if not row.withdrawn
    }
    files, merged = sorted(lake.listing(DATASET), key=lambda listed: listed.path), set[Held]()
    for listed in files:
        if is_compacted(listed.path):
            merged |= held_in_file(lake / listed.path)
    batches: dict[str, list[list[Listed]]] = {}
    for listed in files:
        folder, _, name = listed.path.rpartition("/")
        image, key, *_ = (*name.split("."), "")
        if f"{folder}/{image}.{key}." not in counts or held_in_file(lake / listed.path) <= merged:
            continue
        of_folder = batches.setdefault(folder, [[]])
        if sum(each.size for each in of_folder[-1]) + listed.size > _LARGEST:
            of_folder.append([])
        of_folder[-1].append(listed)
    for folder, found in sorted(batches.items()):
        yield from ((folder, batch) for batch in found if len(batch) >= max(min_files, 2))


def merge_added(lake: StoredLake, folder: str, files: tuple[str, ...]) -> None:
    """Write files of values as one; they stay until vacuum.

    Raises
    ------
    LakeError
        If one is not what was written: damage must not be spread.
    """
    for path in files:
        if (fault := fault_of(lake / path)) is not None:
            raise LakeError(f"{path} cannot be merged: {fault.detail}; run `cte-lake verify`")
    held = sorted(set[Held]().union(*(held_in_file(lake / path) for path in files)))
    names = file_schema(DATASET).names
    tables = [lake.dataset(DATASET).read([path]).select(names) for path in files]
    table = conform(pa.concat_tables(tables), DATASET).sort_by(
        [(name, "ascending") for name in ("imagename", "name", "master_id")]
    )
    place = lake / folder / f"{COMPACTED}{digest(held)}.parquet"
    write_table(place, table, {"software": f"cte-lake {__version__}", **with_held(held)})
