"""Seeds of all datasets, and rows of a user's own, which ``catalog_schemas/NAME.toml`` describes."""

from __future__ import annotations

import pyarrow as pa

from cte_lake.digests import digest
from cte_lake.errors import LakeError
from cte_lake.lake.dataset_files import DatasetFiles
from cte_lake.lake.paths import Partition, checked
from cte_lake.lake.schemas import dataset, dataset_names
from cte_lake.lake.store import Place
from cte_lake.lake.write import conform, write_table

#: Datasets that commands write by rules of their own.
OWN = frozenset(
    {"exposures", "phot", "phot_added", "master", "rejects", "alignment", "crmasks", "coefficients"}
)


def append_rows(files: DatasetFiles, table: pa.Table) -> list[Place]:
    """Add rows to a dataset, one file a partition; the same rows again are the same file.

    The partition keys are among the table's columns.

    Raises
    ------
    LakeError
        If the dataset is one of the lake's own, or the table does not fit its schema.
    """
    # An import of a quarter of a second, which opening a lake does without.
    import pyarrow.compute as pc

    name = files.name
    if name in OWN:
        raise LakeError(f"dataset {name!r} is written by its own command alone")
    stated = dataset(name)
    if missing := [key for key in stated.partitions if key not in table.column_names]:
        raise LakeError(f"a table for dataset {name!r} lacks its partition key {missing[0]!r}")
    seed_datasets(files.root)
    places = table.select(list(stated.partitions)).group_by(list(stated.partitions)).aggregate([])
    written = []
    for keys in places.to_pylist() if stated.partitions else [{}]:
        rows = table
        for key, value in keys.items():
            rows = rows.filter(pc.equal(rows.column(key), value))
        rows = conform(rows, name)
        folder = files.place.joinpath(*(f"{key}={_value(key, value)}" for key, value in keys.items()))
        path = folder / f"{_content(rows)}.parquet"
        write_table(path, rows)
        written.append(path)
    return written


def _value(key: str, value: object) -> str:
    if isinstance(value, int):
        return str(value)
    return checked(key, str(value)) if key in Partition.__dataclass_fields__ else str(value)


def _content(table: pa.Table) -> str:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table.combine_chunks())
    return digest(sink.getvalue().to_pybytes(), 12)


def seed_datasets(root: Place) -> None:
    """Write the seed of each dataset that has none, or one of an older schema.

    Every writer calls it before its first file, so that the seeds record all columns that any file has.
    """
    for name in dataset_names():
        files = DatasetFiles(root, name)
        if (schema := files.seed_to_write()) is not None:
            write_table(files.seed_place, schema.empty_table())
