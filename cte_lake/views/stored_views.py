"""The datasets of a lake in a DuckDB connection: views ``stored_<dataset>`` of their files, or their rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb

from cte_lake.errors import LakeError
from cte_lake.lake.added_columns import DATASET as ADDED
from cte_lake.lake.dataset_files import FILE_COLUMN, quoted
from cte_lake.lake.evolve import SQL_TYPES
from cte_lake.lake.schemas import PARTITION_TYPES, dataset
from cte_lake.lake.stored import StoredDataset

if TYPE_CHECKING:
    import pyarrow as pa

#: Datasets of the lake that the views read, each as a view ``stored_<dataset>`` of all its files.
STORED = ("exposures", "phot", ADDED, "master", "rejects", "alignment", "crmasks", "chips")
#: Of these, what lakes that were made before do not have until something is written to it.
LATER = frozenset({"chips", ADDED})


def bind_folder(connection: duckdb.DuckDBPyConnection, folder: str) -> None:
    """Make the macro by which views make the whole path of a photometry file from its name in the lake."""
    connection.execute(f"CREATE OR REPLACE MACRO lake_folder() AS {quoted(folder)}")


def bind_exposures(connection: duckdb.DuckDBPyConnection, rows: pa.Table) -> None:
    """Hold all exposure rows in a connection: ten thousand files are not opened by every query."""
    columns = ", ".join(f'"{column}"' for column in stored_types("exposures"))
    connection.register("incoming_exposures", rows)
    source = f"SELECT {columns} FROM incoming_exposures"
    connection.execute(f"CREATE OR REPLACE TABLE stored_exposures AS {source}")
    connection.unregister("incoming_exposures")


def bind_stored(connection: duckdb.DuckDBPyConnection, files: StoredDataset, of_seed: bool = False) -> None:
    """Make the view of a dataset, over all its files or its seed alone."""
    name = files.name
    if name in LATER and files.seed is None:
        nothing = ", ".join(f'NULL::{kind} AS "{column}"' for column, kind in stored_types(name).items())
        connection.execute(f"CREATE OR REPLACE VIEW stored_{name} AS SELECT {nothing} WHERE false")
        return
    columns = ", ".join(f'"{column}"' for column in stored_types(name))
    source = files.scan(only=[files.seed_place] if of_seed and files.seed_place.is_file() else ())
    try:
        connection.execute(f"CREATE OR REPLACE VIEW stored_{name} AS SELECT {columns} FROM {source}")
    except duckdb.Error as error:
        if files.seed is None:
            raise LakeError(_without_seed(files)) from error
        raise LakeError(f"the files of dataset {name!r} in {files.root} cannot be read: {error}") from error


def _without_seed(files: StoredDataset) -> str:
    return (
        f"dataset {files.name!r} of {files.root} lacks the empty file that bears its schema; "
        f"`cte-lake init {files.root}` makes it again"
    )


def stored_types(name: str) -> dict[str, str]:
    """Return the SQL type of each column of a dataset, those that stand in the path alone included."""
    stated = dataset(name)
    types = {column.name: SQL_TYPES[column.type] for column in stated.expanded()}
    types |= {key: SQL_TYPES[PARTITION_TYPES[key]] for key in stated.partitions}
    # An exposure row names the file whose rows count.
    return types | ({FILE_COLUMN: "VARCHAR"} if name == "phot" else {})
