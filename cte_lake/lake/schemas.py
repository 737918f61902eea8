"""The lake's datasets as Arrow schemas, read from ``catalog_schemas/``.

A dataset's columns and types stand in its TOML file, their units, UCDs and descriptions in
``sql/columns.toml``; a column that no other dataset or view has may state them itself.
"""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa

from cte_lake.columns import meaning, undescribed
from cte_lake.errors import LakeError
from cte_lake.names import suggestion
from cte_lake.radii import RADII
from cte_lake.resources import data_dir

_TYPES: dict[str, pa.DataType] = {
    "string": pa.string(),
    "bool": pa.bool_(),
    "int32": pa.int32(),
    "int64": pa.int64(),
    "float32": pa.float32(),
    "float64": pa.float64(),
    "timestamp": pa.timestamp("us", tz="UTC"),
    "binary": pa.binary(),
}

#: Types of the hive partition keys, for DuckDB's ``hive_types`` and for Arrow.
PARTITION_TYPES: dict[str, str] = {
    "target": "string",
    "proposal": "int32",
    "flash": "int32",
    "filetype": "string",
}


def radius_suffix(radius: float) -> str:
    """Return the suffix that a per-radius column carries, ``r03`` for 3 px."""
    if radius != int(radius) or not 0 < radius < 100:
        raise LakeError(f"aperture radius {radius:g} px has no column: radii are whole numbers from 1 to 99")
    return f"r{int(radius):02d}"


@dataclass(frozen=True)
class Column:
    """A column of a dataset as its schema file states it.

    `since` is the number of the dataset's schema that brought the column; `renamed_from` the names under
    which older files hold it; `keyword` the primary header's keyword that ingest fills it from.
    """

    name: str
    type: str
    description: str
    source: str
    since: int
    unit: str = ""
    required: bool = False
    per_radius: bool = False
    renamed_from: tuple[str, ...] = ()
    keyword: str = ""
    ucd: str = ""

    def expand(self, radii: Sequence[float]) -> Iterator[Column]:
        """Yield the column itself, or one column a radius."""
        if not self.per_radius:
            yield self
            return
        for radius in radii:
            suffix = radius_suffix(radius)
            yield replace(
                self,
                name=self.name.format(radius=suffix),
                description=self.description.format(radius=suffix, R=f"{radius:g}"),
                per_radius=False,
                renamed_from=tuple(old.format(radius=suffix) for old in self.renamed_from),
            )

    @property
    def field(self) -> pa.Field:
        """The Arrow field, with unit and description in its metadata."""
        metadata = {"unit": self.unit, "description": self.description, "source": self.source}
        return pa.field(self.name, _TYPES[self.type], nullable=not self.required, metadata=metadata)


@dataclass(frozen=True)
class Dataset:
    """A dataset of the lake: its grain, key, partitions and columns."""

    name: str
    grain: str
    key: tuple[str, ...]
    partitions: tuple[str, ...]
    sort: tuple[str, ...]
    columns: tuple[Column, ...]

    def expanded(self, radii: Sequence[float] = RADII) -> tuple[Column, ...]:
        """Columns with the per-radius ones written out for the given radii in pixels."""
        return tuple(column for stated in self.columns for column in stated.expand(radii))

    def schema(self, radii: Sequence[float] = RADII) -> pa.Schema:
        """Arrow schema; units and descriptions are in the fields' metadata."""
        metadata = {"dataset": self.name, "grain": self.grain}
        return pa.schema([column.field for column in self.expanded(radii)], metadata=metadata)


@functools.cache
def dataset(name: str) -> Dataset:
    """Return a dataset by name.

    Raises
    ------
    LakeError
        If there is no such dataset, or its file does not hold together.
    """
    path = data_dir("catalog_schemas") / f"{name}.toml"
    if not path.is_file():
        hint = suggestion(name, dataset_names()) or ";"
        raise LakeError(f"no dataset is called {name!r}{hint} there are {', '.join(dataset_names())}")
    try:
        stated = tomllib.loads(path.read_text(encoding="utf-8"))
        return _parse(stated)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, KeyError, TypeError, AttributeError) as error:
        # A KeyError shows its message in quotes.
        what = error.args[0] if isinstance(error, KeyError) else error
        raise LakeError(f"{path.name} is not a valid dataset schema: {what}; fix the file") from error


def dataset_names() -> list[str]:
    """Names of all datasets that have a schema file."""
    return sorted(path.stem for path in data_dir("catalog_schemas").glob("*.toml"))


def _column(stated: dict[str, Any], dataset_name: str) -> Column:
    former = tuple(stated.get("renamed_from", ()))
    if "description" in stated:
        return Column(**{**stated, "renamed_from": former})
    said = (meaning(name, dataset_name) for name in (stated["name"], *former))
    if (found := next((each for each in said if each is not None), None)) is None:
        raise undescribed(stated["name"], dataset_name)
    return Column(**{**vars(found), **stated, "renamed_from": former})


def _parse(stated: dict[str, Any]) -> Dataset:
    head = stated["dataset"]
    columns = tuple(_column(column, head["name"]) for column in stated["column"])
    names = [name for column in columns for name in (column.name, *column.renamed_from)]
    for column in columns:
        if column.type not in _TYPES:
            raise KeyError(f"column {column.name!r} has type {column.type!r}; allowed: {', '.join(_TYPES)}")
        if names.count(column.name) > 1:
            raise KeyError(f"column {column.name!r} is stated twice, or is the former name of another")
        if column.required and column.since > 1:
            raise KeyError(
                f"column {column.name!r} came later (since = {column.since}) and cannot be required"
            )
    known = {*names, *head["partitions"]}
    if missing := [key for key in (*head["key"], *head["sort"]) if key not in known]:
        raise KeyError(f"key or sort names {missing[0]!r}, which is not a column")
    if unknown := [key for key in head["partitions"] if key not in PARTITION_TYPES]:
        raise KeyError(f"partition {unknown[0]!r} is not known; there are {', '.join(PARTITION_TYPES)}")
    return Dataset(
        name=head["name"],
        grain=head["grain"],
        key=tuple(head["key"]),
        partitions=tuple(head["partitions"]),
        sort=tuple(head["sort"]),
        columns=columns,
    )
