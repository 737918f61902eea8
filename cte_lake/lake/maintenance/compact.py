"""Compact: many small files of a partition into few; readers and writers go on meanwhile.

Exposure rows are copied: the same row in two files is one row for every reader, since only one row of an
image counts. Photometry gets a new key with its new place, and the exposure rows that name the key are
committed in one file, so that a reader sees the old place or the new one and never both. The old files stay
until vacuum.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from cte_lake import __version__
from cte_lake.digests import digest
from cte_lake.errors import LakeError
from cte_lake.lake.added_columns import DATASET, Held, held_in_file, own_key, with_held
from cte_lake.lake.contents import Content, bounds_hash, phot_hash, record_of
from cte_lake.lake.dataset_files import FILE_COLUMN
from cte_lake.lake.evolve import file_schema
from cte_lake.lake.maintenance.inventory import ExposureRow, Inventory
from cte_lake.lake.maintenance.readable import fault_of
from cte_lake.lake.named_files import COMPACTED, COMPACTED_KEY, is_compacted
from cte_lake.lake.store import Listed
from cte_lake.lake.stored import StoredLake
from cte_lake.lake.write import conform, parquet_options, replacing, write_table

_LARGEST_PHOT = 256_000_000
#: Of files of added columns that become one: its table lies in memory, of 30 times the size.
_LARGEST_ADDED = 16_000_000


@dataclass(frozen=True)
class Merge:
    """Files of a partition that become one: exposure rows, their photometry, or values of added columns."""

    dataset: str
    folder: str
    rows: tuple[ExposureRow, ...]
    files: tuple[str, ...]
    size: int


@dataclass(frozen=True)
class CompactPlan:
    """What `compact` will merge; photometry first, its commits take part in the exposures' merge."""

    merges: tuple[Merge, ...]

    def of(self, dataset: str) -> tuple[Merge, ...]:
        """Merges of one dataset."""
        return tuple(merge for merge in self.merges if merge.dataset == dataset)


def plan_compact(lake: StoredLake, min_files: int = 2, phot_below: int = 0) -> CompactPlan:
    """Find the partitions that are worth it.

    Parameters
    ----------
    lake : StoredLake
        The lake.
    min_files : int
        Fewest files of a partition that are merged.
    phot_below : int
        Photometry files smaller than this are merged too, bytes; 0 leaves photometry alone.
    """
    inventory = Inventory(lake)
    merges = list(_phot_merges(inventory, min_files, phot_below)) if phot_below else []
    return CompactPlan((*merges, *_exposure_merges(inventory, min_files), *_added(inventory, min_files)))


def _added(inventory: Inventory, min_files: int) -> Iterator[Merge]:
    for folder, files in added_merges(inventory, min_files):
        yield Merge(DATASET, folder, (), tuple(each.path for each in files), sum(each.size for each in files))


def _exposure_merges(inventory: Inventory, min_files: int) -> Iterator[Merge]:
    for folder, rows in _by_folder(inventory.current):
        files = sorted({row.file for row in rows})
        if len(files) >= max(min_files, 2):
            listed = [inventory.exposure_files[f].size for f in files if f in inventory.exposure_files]
            yield Merge("exposures", f"exposures/{folder}", tuple(rows), tuple(files), sum(listed))


def _phot_merges(inventory: Inventory, min_files: int, below: int) -> Iterator[Merge]:
    for folder, rows in _by_folder(row for row in inventory.current if not row.withdrawn):
        batch: list[tuple[ExposureRow, str, int]] = []
        for row in [*rows, None]:
            path = row.photometry if row is not None else ""
            listed = inventory.phot_files.get(path)
            full = sum(size for *_, size in batch) + (listed.size if listed else 0) > _LARGEST_PHOT
            if (row is None or full) and len(batch) >= max(min_files, 2):
                members, files, sizes = zip(*batch, strict=True)
                yield Merge("phot", f"phot/{folder}", members, files, sum(sizes))
            if full:
                batch = []
            small = listed is not None and listed.size < below
            if row is not None and listed is not None and small and not is_compacted(path):
                batch.append((row, path, listed.size))


def _by_folder(rows: Iterator[ExposureRow] | Sequence[ExposureRow]) -> list[tuple[str, list[ExposureRow]]]:
    groups: dict[str, list[ExposureRow]] = {}
    for row in sorted(rows, key=lambda r: (r.imagename, r.mode)):
        groups.setdefault(row.partition.folder, []).append(row)
    return sorted(groups.items())


def compact(lake: StoredLake, plan: CompactPlan, min_files: int = 2) -> int:
    """Carry a plan out.

    Returns
    -------
    int
        Files that vacuum may delete after the grace time.

    Raises
    ------
    Locked
        If another housekeeping command runs.
    """
    merged = 0
    with lake.lease("housekeeping"):
        lake.write_seeds()
        for merge in plan.of("phot"):
            _merge_phot(lake, merge)
            merged += len(merge.files)
        # Rows may have come since the plan was made, and photometry's merge has added some.
        again = Inventory(lake) if plan.of("phot") else None
        exposures = _exposure_merges(again, min_files) if again else iter(plan.of("exposures"))
        for merge in exposures:
            _merge_exposures(lake, merge)
            merged += len(merge.files)
        for merge in plan.of(DATASET):
            merge_added(lake, merge.folder, merge.files)
            merged += len(merge.files)
    return merged


def _merge_exposures(root: StoredLake, merge: Merge) -> None:
    table = written_rows(root, merge.rows)
    name = f"{COMPACTED}{digest([list(_identity(row)) for row in merge.rows])}.parquet"
    write_table(root / merge.folder / name, table, {"software": f"cte-lake {__version__}"})


def written_rows(root: StoredLake, rows: Sequence[ExposureRow]) -> pa.Table:
    """Return exposure rows, each once, as a table in today's file schema."""
    table = root.dataset("exposures").read(sorted({row.file for row in rows}))
    wanted = {(*_identity(row), row.file) for row in rows}
    columns = [table.column(name).to_pylist() for name in (*_IDENTITY, FILE_COLUMN)]
    chosen = table.filter(pa.array([row in wanted for row in zip(*columns, strict=True)], pa.bool_()))
    schema = file_schema("exposures")
    # Rows of an older schema have nothing in a column that is required today.
    fields = [field.with_nullable(True) for field in schema]
    return chosen.select(schema.names).cast(pa.schema(fields, schema.metadata)).sort_by("imagename")


_IDENTITY = ("imagename", "mode", "revision", "phot_key")


def _identity(row: ExposureRow) -> tuple[str, str, int, str]:
    return row.imagename, row.mode, row.revision, row.phot_key


def _merge_phot(root: StoredLake, merge: Merge) -> None:
    """Write photometry files as row groups of one file, then commit the rows that name it."""
    tables = [_photometry(root, row, path) for row, path in zip(merge.rows, merge.files, strict=True)]
    contents = [
        Content(
            row.imagename,
            COMPACTED_KEY + row.phot_key,
            table.num_rows,
            phot_hash(table),
            bounds=bounds_hash(table),
        )
        for row, table in zip(merge.rows, tables, strict=True)
    ]
    schema = file_schema("phot")
    metadata = {**(schema.metadata or {}), **record_of(merge.folder.removeprefix("phot/"), contents)}
    schema = pa.schema([field.with_nullable(True) for field in schema], metadata)
    name = f"{COMPACTED}{digest([[each.imagename, each.phot_key, each.hash] for each in contents])}.parquet"
    with (
        replacing(root / merge.folder / name) as temporary,
        pq.ParquetWriter(temporary, schema, **parquet_options(schema)) as writer,
    ):
        for table in tables:
            writer.write_table(table.cast(schema), row_group_size=max(table.num_rows, 1))
    _commit(root, merge, f"{merge.folder}/{name}", [str(each.hash) for each in contents])


def _photometry(root: StoredLake, row: ExposureRow, path: str) -> pa.Table:
    """Return an exposure's photometry with the key that it has in a compacted file.

    Raises
    ------
    LakeError
        If the file is not what the row names: damage must not be spread.
    """
    found = pq.read_table((root / path).source(), partitioning=None)
    if row.phot_hash not in (None, phot_hash(found)):
        raise LakeError(f"{path} is not what was measured of {row.imagename}; run `cte-lake verify`")
    schema = file_schema("phot")
    table = root.dataset("phot").read([path]).select(schema.names)
    at = table.column_names.index("phot_key")
    keys = pa.repeat(pa.scalar(COMPACTED_KEY + row.phot_key), table.num_rows)
    table = table.set_column(at, "phot_key", keys)
    return table.cast(pa.schema([field.with_nullable(True) for field in schema])).sort_by("master_id")


def _commit(root: StoredLake, merge: Merge, path: str, hashes: list[str]) -> None:
    hash_of = {row.imagename: content for row, content in zip(merge.rows, hashes, strict=True)}
    table = written_rows(root, merge.rows)
    images = table.column("imagename").to_pylist()
    columns = {
        "phot_key": pc.binary_join_element_wise(COMPACTED_KEY, table.column("phot_key"), ""),
        "revision": pc.add(table.column("revision"), pa.scalar(1, pa.int32())),
        "phot_file": pa.repeat(path, table.num_rows),
        "phot_hash": pa.array([hash_of[image] for image in images], pa.string()),
    }
    identity = [[*_identity(row)[:2], row.revision + 1, row.phot_key, path] for row in merge.rows]
    write_rows(root, merge.folder.replace("phot/", "exposures/", 1), table, columns, digest(identity))


def write_rows(
    root: StoredLake, folder: str, table: pa.Table, columns: Mapping[str, pa.Array], key: str
) -> None:
    """Write exposure rows with some columns changed as one file of a partition; `key` goes into its name."""
    for name, values in columns.items():
        at = table.column_names.index(name)
        table = table.set_column(at, table.schema.field(name), values)
    write_table(root / folder / f"{COMPACTED}{key}.parquet", table, {"software": f"cte-lake {__version__}"})


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
        if sum(each.size for each in of_folder[-1]) + listed.size > _LARGEST_ADDED:
            of_folder.append([])
        of_folder[-1].append(listed)
    for folder, found in sorted(batches.items()):
        yield from ((folder, batch) for batch in found if len(batch) >= max(min_files, 2))


def merge_added(lake: StoredLake, folder: str, files: tuple[str, ...]) -> None:
    """Write files of added columns as one; no row names them, and they stay until vacuum.

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
