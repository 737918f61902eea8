"""Columns of ``phot`` that a lake's configuration adds, and where their values lie.

A value lies beside the photometry that it was measured with, in the dataset ``phot_added``, under the same
photometry key: what was measured before is neither rewritten nor does it get another identity.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from cte_lake import __version__
from cte_lake.config import Config
from cte_lake.errors import ConfigError
from cte_lake.lake.named_files import COMPACTED_KEY
from cte_lake.lake.paths import Partition, added_file
from cte_lake.lake.schemas import Column, dataset
from cte_lake.lake.stored import StoredLake
from cte_lake.lake.versions import digest
from cte_lake.lake.write import conform, write_table

DATASET = "phot_added"


@dataclass(frozen=True)
class AddedColumn:
    """A column that a function fills; the attributes are those of `cte_lake.config.sections.Added`."""

    name: str
    function: str
    unit: str
    description: str
    ucd: str
    version: int

    @property
    def definition(self) -> str:
        """What distinguishes values of one function, or version of it, from those of another."""
        return f"{self.function} {self.version}"

    @property
    def stated(self) -> Column:
        """The column as a dataset's schema states one."""
        return Column(
            self.name, "float64", self.description, self.function, self.version, self.unit, ucd=self.ucd
        )

    @property
    def stem(self) -> str:
        """What the names of its files end in."""
        return f"{self.name}-{digest(self.definition)}"


def added_columns(config: Config) -> tuple[AddedColumn, ...]:
    """Return the columns that a configuration adds to ``phot``.

    Raises
    ------
    ConfigError
        If one is called as a column that every lake has.
    """
    columns = tuple(
        AddedColumn(name, **stated.model_dump()) for name, stated in config.photometry.added.items()
    )
    stated = dataset("phot")
    taken = {*(column.name for column in stated.expanded()), *stated.partitions}
    for column in columns:
        if column.name in taken:
            raise ConfigError(
                f"photometry.added.{column.name}: phot has a column {column.name!r} already; "
                "choose another name"
            )
    return columns


def own_key(phot_key: str) -> str:
    """Return the key under which photometry was measured, whether `compact` has moved it or not."""
    return phot_key.removeprefix(COMPACTED_KEY)


def held_values(lake: StoredLake) -> frozenset[tuple[str, str]]:
    """Return photometry keys with the `AddedColumn.stem` of what a lake holds of each."""
    names = (PurePosixPath(listed.path).name.split(".") for listed in lake.listing(DATASET))
    return frozenset((parts[1], parts[2]) for parts in names if len(parts) == 4)


def write_values(
    lake: StoredLake,
    partition: Partition,
    photometry: pa.Table,
    column: AddedColumn,
    values: npt.NDArray[np.float64],
) -> None:
    """Write the values of a column for the stars of an exposure's photometry, row by row."""
    image, key = (photometry.column(name)[0].as_py() for name in ("imagename", "phot_key"))
    n = photometry.num_rows
    table = pa.table(
        {
            "imagename": pa.repeat(image, n),
            "phot_key": pa.repeat(own_key(key), n),
            "name": pa.repeat(column.name, n),
            "definition": pa.repeat(column.definition, n),
            "master_id": photometry.column("master_id"),
            "value": pa.array(values, pa.float64()),
        }
    )
    path = added_file(partition, image.split("_")[0], own_key(key), column.stem)
    write_table(lake / path, conform(table, DATASET), {"software": f"cte-lake {__version__}"})
