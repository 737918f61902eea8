"""What a lake's files hold against what this version's schemas say, and the steps from one to the other."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from cte_lake.digests import digest
from cte_lake.errors import LakeError
from cte_lake.lake.contents import phot_hash
from cte_lake.lake.evolve import Change, differences
from cte_lake.lake.maintenance.compact import write_rows, written_rows
from cte_lake.lake.maintenance.inventory import ExposureRow, Inventory
from cte_lake.lake.schemas import dataset, dataset_names
from cte_lake.lake.stored import StoredLake


def schema_changes(lake: StoredLake) -> list[Change]:
    """Return what distinguishes a lake's files from today's schemas; all of it is read together."""
    lake.check_version()
    changes = []
    for name in dataset_names():
        seed = lake.dataset(name).seed
        if seed is not None:
            changes += differences(seed, name)
        else:
            changes.append(Change(name, "*", "added", "the lake has no file of this dataset yet"))
    return changes


def check_schemas() -> list[str]:
    """Return one line a dataset after reading its schema file.

    Raises
    ------
    LakeError
        If a schema file does not hold together.
    """
    lines = []
    for name in dataset_names():
        stated = dataset(name)
        lines.append(f"{name}: {len(stated.expanded())} columns, one row is {stated.grain}")
    return lines


def record_schemas(lake: StoredLake) -> None:
    """Make today's columns known to a lake without waiting for its next ingest; no row is rewritten."""
    lake.check_version()
    lake.write_seeds()


def rows_to_upgrade(lake: StoredLake) -> list[ExposureRow]:
    """Return the exposure rows that count and do not name their photometry by its content."""
    rows = Inventory(lake).current
    return [row for row in rows if row.phot_hash is None and not row.withdrawn]


def upgrade(lake: StoredLake) -> int:
    """Have every exposure row name its photometry by file and content; return the number of rows written.

    Raises
    ------
    LakeError
        If a row's photometry is not there or not what the row says.
    Locked
        If another housekeeping command runs.
    """
    record_schemas(lake)
    with lake.lease("housekeeping"):
        folders: dict[str, list[ExposureRow]] = {}
        for row in rows_to_upgrade(lake):
            folders.setdefault(f"exposures/{row.partition.folder}", []).append(row)
        for folder, rows in folders.items():
            _upgrade(lake, folder, rows)
    return sum(map(len, folders.values()))


def _upgrade(lake: StoredLake, folder: str, rows: list[ExposureRow]) -> None:
    hashes = {(row.imagename, row.mode): _hash(lake, row) for row in rows}
    table = written_rows(lake, rows)
    images = zip(table.column("imagename").to_pylist(), table.column("mode").to_pylist(), strict=True)
    found = [hashes[image] for image in images]
    columns = {
        "revision": pc.add(table.column("revision"), pa.scalar(1, pa.int32())),
        "phot_hash": pa.array(found, pa.string()),
    }
    write_rows(lake, folder, table, columns, digest(found))


def _hash(lake: StoredLake, row: ExposureRow) -> str:
    place = lake / row.photometry
    try:
        table = pq.read_table(place.source(), partitioning=None, page_checksum_verification=True)
    except (OSError, pa.ArrowInvalid) as error:
        raise LakeError(f"{place} cannot be read ({error}); run `cte-lake verify --quarantine`") from error
    # A compacted file holds several images.
    mine = pc.and_(pc.equal(table["imagename"], row.imagename), pc.equal(table["phot_key"], row.phot_key))
    table = table.filter(mine)
    if table.num_rows != row.n_stars:
        raise LakeError(
            f"{place} holds {table.num_rows} stars of {row.imagename}, its exposure row says {row.n_stars}; "
            "run `cte-lake verify`"
        )
    return phot_hash(table)
