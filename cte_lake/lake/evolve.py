"""Files of older schemas and of today's read as one: columns that were added, renamed or removed.

Nothing is rewritten when ``catalog_schemas/`` changes. The empty seed file of a dataset is the record of what
its files hold: it bears every column that any file has, and in its metadata the number of schemas
(generations) that wrote into the lake. One footer therefore determines how ten thousand files must be read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import pyarrow as pa

from cte_lake.lake.paths import Partition
from cte_lake.lake.schemas import Column, dataset

#: '~' sorts after every target: DuckDB estimates a dataset's rows from its first file, and by an empty one
#: it would plan as if all were empty (and build its hash tables on the photometry).
SEED_TARGET = "~seed"
SEED = Partition(SEED_TARGET, 0, 0, "seed")
SEED_NAME = "seed.parquet"
_GENERATION = b"generation"
SQL_TYPES: dict[str, str] = {
    "string": "VARCHAR",
    "bool": "BOOLEAN",
    "int32": "INTEGER",
    "int64": "BIGINT",
    "float32": "FLOAT",
    "float64": "DOUBLE",
    "timestamp": "TIMESTAMP WITH TIME ZONE",
    "binary": "BLOB",
}


@dataclass(frozen=True)
class Change:
    """One difference between the files of a lake and today's schema of their dataset."""

    dataset: str
    column: str
    kind: str
    detail: str


def file_schema(name: str) -> pa.Schema:
    """Return the schema of a dataset's files: its columns without the hive keys."""
    stated = dataset(name)
    schema = stated.schema()
    fields = [field for field in schema if field.name not in stated.partitions]
    return pa.schema(fields, metadata=schema.metadata)


def schema_of_all(today: pa.Schema, schemas: Iterable[pa.Schema]) -> pa.Schema:
    """Return what the seed of a dataset that has lost it must record: every column that any file has."""
    fields = {field.name: field for field in today}
    kinds = {_kind(today)}
    for found in schemas:
        kinds.add(_kind(found))
        fields = {field.name: field for field in found} | fields
    if len(kinds) == 1:
        return today
    metadata = {**(today.metadata or {}), _GENERATION: str(len(kinds)).encode()}
    return pa.schema([field.with_nullable(True) for field in fields.values()], metadata=metadata)


def _kind(schema: pa.Schema) -> frozenset[tuple[str, str]]:
    return frozenset((field.name, str(field.type)) for field in schema)


def generation(seed: pa.Schema) -> int:
    """Return how many schemas have written into a dataset; files of one generation are all alike."""
    return int((seed.metadata or {}).get(_GENERATION, b"1"))


def grown(seed: pa.Schema, name: str) -> pa.Schema | None:
    """Return the schema that the seed must record from now on, or None if it does so already."""
    today = file_schema(name)
    known = {field.name: field.type for field in seed}
    if all(known.get(field.name) == field.type for field in today):
        return None
    former = [field.with_nullable(True) for field in seed if field.name not in today.names]
    metadata = {**(today.metadata or {}), _GENERATION: str(generation(seed) + 1).encode()}
    return pa.schema([*(field.with_nullable(True) for field in today), *former], metadata=metadata)


def differences(seed: pa.Schema, name: str) -> list[Change]:
    """Return what distinguishes the files of a lake from today's schema.

    ``added``, ``renamed``, ``removed``, ``type``: all of them are read together; ``type`` by a cast.
    """
    stated = {column.name: column for column in _file_columns(name)}
    known = {field.name: field.type for field in seed}
    changes, claimed = [], set()
    for column in stated.values():
        former = [old for old in column.renamed_from if old in known]
        claimed |= set(former)
        if column.name not in known:
            kind, detail = (
                ("renamed", f"older files: {former[0]}") if former else ("added", "NULL in older files")
            )
            changes.append(Change(name, column.name, kind, detail))
        elif known[column.name] != column.field.type:
            detail = f"{known[column.name]} in older files, {column.field.type} now"
            changes.append(Change(name, column.name, "type", detail))
    for old in known:
        if old not in stated and old not in claimed:
            changes.append(Change(name, old, "removed", "still in older files; not shown"))
    return changes


def projection(name: str, present: Mapping[str, object] | Iterable[str]) -> str | None:
    """Return the SELECT list that brings files with the columns `present` to today's schema.

    None where the files hold exactly today's columns. The hive keys are passed through.
    """
    found = set(present)
    columns = _file_columns(name)
    former = {old for column in columns for old in column.renamed_from}
    if found - set(dataset(name).partitions) == {column.name for column in columns} and not former & found:
        return None
    keys = [f'"{key}"' for key in dataset(name).partitions]
    return ", ".join([*keys, *(_expression(column, found) for column in columns)])


def _expression(column: Column, found: set[str]) -> str:
    sources = [f'"{name}"' for name in (column.name, *column.renamed_from) if name in found]
    value = {0: "NULL", 1: sources[0] if sources else ""}.get(len(sources), f"coalesce({', '.join(sources)})")
    if value == f'"{column.name}"':
        return value
    return f'CAST({value} AS {SQL_TYPES[column.type]}) AS "{column.name}"'


def _file_columns(name: str) -> list[Column]:
    stated = dataset(name)
    return [column for column in stated.expanded() if column.name not in stated.partitions]
