"""The stored lake as one object: its place, its settings file, its datasets, its locks.

A `StoredLake` is a value: it holds no connection and no open file, so it goes to a worker process as it is.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePath
from typing import Any, TypeAlias

import duckdb
import pyarrow as pa

from cte_lake.errors import LakeError, StoreUnavailable
from cte_lake.lake.append import append_rows, seed_datasets
from cte_lake.lake.dataset_files import EXPOSURES, FILE_COLUMN, DatasetFiles
from cte_lake.lake.index import kept_rows, unreadable
from cte_lake.lake.named_files import are_in_place, with_compacted
from cte_lake.lake.place import Named, place_of
from cte_lake.lake.schemas import dataset_names
from cte_lake.lake.store import Listed, Place
from cte_lake.resources import LAKE_ENV, LAKE_FILE
from cte_lake.toml_text import read_toml

#: Version of the layout; a lake of a later one is refused.
LAKE_VERSION = 1


class StoredDataset(DatasetFiles):
    """A dataset of a stored lake: `seed`, `scan`, `rows`, `current`, `append`."""

    def rows(self, listed: Collection[Listed] | None = None) -> pa.Table:
        """Return every row, superseded ones too, with the column ``file``: for datasets of small files.

        Whoever has just listed the files hands that over.

        An exposure row that lies in another partition than its content states is left out (`misplaced`).
        """
        if self.name != EXPOSURES:
            return kept_rows(self, listed)
        rows = with_compacted(self.root, kept_rows(self, listed))
        placed = are_in_place(rows)
        return rows if all(placed) else rows.filter(placed)

    def misplaced(self, listed: Collection[Listed] | None = None) -> pa.Table:
        """Return the exposure rows that lie in another partition than their content states; see `rows`."""
        rows = kept_rows(self, listed)
        if all(placed := are_in_place(rows)):
            # ``pa.array`` would import pandas, for nothing.
            return rows.slice(0, 0)
        return rows.filter(pa.array([not each for each in placed], pa.bool_()))

    def current(self, where: str = "true", parameters: Iterable[Any] = (), columns: str = "*") -> pa.Table:
        """Return the rows that count: of each key the highest revision, withdrawn ones included.

        Parameters
        ----------
        where : str
            SQL condition on the rows that are looked at.
        parameters : iterable
            Values of its question marks.
        columns : str
            SELECT list.
        """
        identity = [name for name in self.stated.key if name != "revision"]
        tie = next((f", {name} DESC" for name in ("phot_key", "key") if name in self._names), "")
        latest = "" if "revision" not in self.stated.key else (
            f"QUALIFY row_number() OVER (PARTITION BY {', '.join(identity)} ORDER BY revision DESC{tie}) = 1"
        )  # fmt: skip
        query = f"SELECT {columns} FROM rows WHERE {where} {latest} ORDER BY {', '.join(identity)}"
        with self.connection() as connection:
            connection.register("rows", self.rows().drop_columns([FILE_COLUMN]))
            return connection.sql(query, params=list(parameters)).to_arrow_table()

    def query(self, query: str, parameters: Iterable[Any] = ()) -> pa.Table:
        """Return the answer to a query over `scan`."""
        # A vacuum may take a superseded file between the listing and the opening: listed again, it is gone.
        for last in (False, False, True):
            try:
                with self.connection() as connection:
                    return connection.sql(query, params=list(parameters)).to_arrow_table()
            except duckdb.IOException as error:
                if last:
                    raise LakeError(unreadable(self, error)) from error
        raise AssertionError("the loop returns or raises")

    def append(self, table: pa.Table) -> list[Place]:
        """Add rows, one file a partition; the same rows again are the same file (`append_rows`)."""
        return append_rows(self, table)

    @cached_property
    def _names(self) -> frozenset[str]:
        return frozenset(column.name for column in self.stated.columns)


@dataclass(frozen=True, order=True)
class StoredLake:
    """A lake as it is stored, on a disk or in a bucket."""

    place: Place

    def __str__(self) -> str:
        return str(self.place)

    def __truediv__(self, below: str | PurePath) -> Place:
        return self.place / below

    @property
    def name(self) -> str:
        """The last part of its address."""
        return self.place.name

    @property
    def settings_file(self) -> Place:
        """The file with its settings; the mark by which a lake is found."""
        return self.place / LAKE_FILE

    def query_folders(self) -> list[str]:
        """Return what a query may read: the lake, and its datasets that are links to elsewhere."""
        return self.place.store.query_folders(self.place.key, dataset_names())

    def exists(self) -> bool:
        """Whether there is a lake."""
        return self.settings_file.is_file()

    def dataset(self, name: str) -> StoredDataset:
        """Return a dataset by name, whether the lake has files of it or not."""
        return StoredDataset(self.place, name)

    def listing(self, folder: str, suffix: str = ".parquet") -> Iterable[Listed]:
        """Return the files in a folder of the lake, to any depth; paths are relative to the lake."""
        return self.place.listing(folder, suffix)

    def state(self) -> list[list[Listed]]:
        """Return the files of all datasets and the coefficient sets by name, size and time.

        None is written again under its name: where these are the same, so is every row of every view.
        """
        return [sorted(self.listing(name, suffix="")) for name in (*dataset_names(), "coefficients")]

    def write_seeds(self) -> None:
        """Record today's schemas in the lake; every writer calls it before its first file."""
        seed_datasets(self.place)

    def lease(self, job: str) -> contextlib.AbstractContextManager[tuple[int, ...]]:
        """Hold the lock of a job that must not run twice. Readers and ingests take no lock.

        Yields the descriptors by which a child process holds it too (`subprocess`: `pass_fds`).

        Raises
        ------
        Locked
            At once, if another process holds it.
        LakeError
            If the lake cannot be written.
        """
        place = self.place / "logs" / f"{job}.lock"
        return place.store.lease(place.key, f"another {job} runs on {self}")

    def check_version(self) -> int:
        """Return the version of the lake's layout.

        Raises
        ------
        LakeError
            If the lake's file states none, or one that this version of cte-lake cannot read.
        """
        path = self.settings_file
        try:
            version = read_toml(path.read_text()).get("lake_version")
        except StoreUnavailable:
            raise
        except (OSError, ValueError) as error:
            raise LakeError(f"{path} cannot be read: {error}") from error
        if type(version) is not int or version < 1:
            raise LakeError(f"{path} states no lake_version; add the line 'lake_version = {LAKE_VERSION}'")
        if version > LAKE_VERSION:
            raise LakeError(
                f"{self} is a lake of version {version}, this cte-lake reads up to {LAKE_VERSION}; "
                "upgrade cte-lake"
            )
        return version


#: What names a lake: the lake itself, a path, or an address such as ``s3://BUCKET/PREFIX``.
AnyLake: TypeAlias = "StoredLake | Named"


def stored(named: AnyLake) -> StoredLake:
    """Return the lake at a place, whether it is there or not.

    Raises
    ------
    UsageError
        If an address is none of a lake.
    """
    return named if isinstance(named, StoredLake) else StoredLake(place_of(named))


def find_lake(
    flag: AnyLake | None = None, environment: Mapping[str, str] | None = None, start: Path | None = None
) -> StoredLake:
    """Find the lake: ``--lake``, else ``CTE_LAKE_LAKE``, else the nearest settings file upward.

    Raises
    ------
    LakeError
        If nothing was found, or what was named is no lake.
    """
    environment = os.environ if environment is None else environment
    named = flag or environment.get(LAKE_ENV)
    if named:
        lake = stored(named)
        if not lake.exists():
            if lake.place.is_file():
                raise LakeError(f"{lake} is a file, and a lake is a folder: name the folder")
            what = f"has no {LAKE_FILE}" if lake.place.is_dir() else "does not exist"
            raise LakeError(f"{lake} is not a lake: it {what}; make one with `cte-lake init {named}`")
        return _usable(lake)
    start = (start or Path.cwd()).absolute()
    for folder in (start, *start.parents):
        lake = stored(folder)
        if lake.exists():
            return _usable(lake)
    raise LakeError(
        f"no lake found from {start} upward; name one with --lake or {LAKE_ENV}, "
        "or make one with `cte-lake init LAKE`"
    )


def _usable(lake: StoredLake) -> StoredLake:
    if (why := lake.place.store.refusal(lake.place.key)) is not None:
        raise LakeError(f"the lake cannot be used where it is: {why}")
    return lake
