"""Columns of ``phot`` and ``exposures`` that a lake's configuration adds, and where their values lie.

A star's value lies beside the photometry that it was measured with, in the dataset ``phot_added``, under the
same photometry key: what was measured before is neither rewritten nor does it get another identity. What a
header says lies in the exposure's row, in `HEADER_VALUES`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
from msgspec.structs import asdict

from cte_lake import __version__
from cte_lake.columns import meaning
from cte_lake.config import Config
from cte_lake.digests import digest
from cte_lake.errors import ConfigError, LakeError, StoreUnavailable
from cte_lake.lake.named_files import COMPACTED_KEY, is_compacted
from cte_lake.lake.paths import Partition, added_file
from cte_lake.lake.schemas import Column, dataset
from cte_lake.lake.store import Place
from cte_lake.lake.stored import StoredLake
from cte_lake.lake.write import conform, write_table

DATASET = "phot_added"
#: Column of ``exposures`` with what headers say: JSON by `HeaderColumn.definition`.
HEADER_VALUES = "header_values"
#: Image without its suffix, photometry key and `AddedColumn.stem` of values.
Held: TypeAlias = tuple[str, str, str]
#: Metadata of a compacted file: what it holds.
_HELD = b"held"


@dataclass(frozen=True)
class OwnColumn:
    """A column that one lake alone has; the attributes are those of `cte_lake.config.sections`."""

    name: str
    unit: str
    description: str
    ucd: str


@dataclass(frozen=True)
class HeaderColumn(OwnColumn):
    """A column of ``exposures`` that a header keyword fills."""

    keyword: str
    extension: str
    type: str

    @property
    def definition(self) -> str:
        """What distinguishes values of one keyword, read as one type, from those of another."""
        return f"{self.keyword} {self.extension} {self.type}"

    @property
    def stated(self) -> Column:
        """The column as a dataset's schema states one."""
        source = f"{self.keyword} of {self.extension}"
        return Column(self.name, self.type, self.description, source, 1, self.unit, ucd=self.ucd)


@dataclass(frozen=True)
class AddedColumn(OwnColumn):
    """A column of ``phot`` that a function fills."""

    function: str
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
    columns = tuple(AddedColumn(name, **asdict(stated)) for name, stated in config.photometry.added.items())
    _require_new("photometry", "phot", columns)
    return columns


def header_columns(config: Config) -> tuple[HeaderColumn, ...]:
    """Return the columns that a configuration adds to ``exposures``.

    Raises
    ------
    ConfigError
        If one is called as a column that every lake has, or that the configuration adds to ``phot``.
    """
    columns = tuple(HeaderColumn(name, **asdict(stated)) for name, stated in config.exposures.added.items())
    _require_new("exposures", "exposures", columns)
    for column in columns:
        if column.name in config.photometry.added:
            raise ConfigError(
                f"exposures.added.{column.name}: photometry.added has this name too; choose another"
            )
    return columns


def _require_new(section: str, view: str, columns: Iterable[OwnColumn]) -> None:
    stated = dataset(view)
    taken = {*(column.name for column in stated.expanded()), *stated.partitions}
    for column in columns:
        if column.name in taken or (view == "exposures" and meaning(column.name, view) is not None):
            raise ConfigError(
                f"{section}.added.{column.name}: {view} has a column {column.name!r} already; "
                "choose another name"
            )


def own_key(phot_key: str) -> str:
    """Return the key under which photometry was measured, whether `compact` has moved it or not."""
    return phot_key.removeprefix(COMPACTED_KEY)


def held_values(lake: StoredLake) -> frozenset[tuple[str, str]]:
    """Return photometry keys with the `AddedColumn.stem` of what a lake holds of each."""
    files = (held_in_file(lake / listed.path) for listed in lake.listing(DATASET))
    return frozenset((key, stem) for held in files for _, key, stem in held)


def held_in_file(place: Place) -> frozenset[Held]:
    """Return what a file of values holds, by its name or, where `compact` made it, by its footer.

    Raises
    ------
    LakeError
        If it cannot be read.
    """
    if not is_compacted(place.name):
        parts = place.name.split(".")
        return frozenset([(parts[0], parts[1], parts[2])]) if len(parts) == 4 else frozenset()
    try:
        said = pq.read_metadata(place.source(whole=False)).metadata or {}
        return frozenset((image, key, stem) for image, key, stem in json.loads(said[_HELD]))
    except FileNotFoundError:
        # A vacuum took it meanwhile.
        return frozenset()
    except StoreUnavailable:
        raise
    except (OSError, pa.ArrowException, KeyError, ValueError, TypeError) as error:
        raise LakeError(f"{place} cannot be read ({error}); run `cte-lake verify --quarantine`") from error


def with_held(held: Iterable[Held]) -> dict[bytes, str]:
    """Return the metadata by which a compacted file says what it holds."""
    return {_HELD: json.dumps([list(each) for each in held])}


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
