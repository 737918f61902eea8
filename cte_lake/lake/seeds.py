"""The empty, schema-bearing files by which views bind before the first row of a dataset is written."""

from __future__ import annotations

from cte_lake.lake.dataset_files import DatasetFiles
from cte_lake.lake.schemas import dataset_names
from cte_lake.lake.store import Place
from cte_lake.lake.write import write_table


def seed_datasets(root: Place) -> None:
    """Write the seed of each dataset that has none, or one of an older schema.

    Every writer calls it before its first file, so that the seeds record all columns that any file has.
    """
    for name in dataset_names():
        files = DatasetFiles(root, name)
        if (schema := files.seed_to_write()) is not None:
            write_table(files.seed_place, schema.empty_table())
