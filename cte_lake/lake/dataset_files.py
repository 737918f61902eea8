"""The files of one dataset of a stored lake: where they lie, what they hold, how DuckDB reads them."""

from __future__ import annotations

import glob
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from cte_lake.errors import LakeError, StoreUnavailable
from cte_lake.lake.evolve import (
    SEED,
    SEED_NAME,
    SQL_TYPES,
    file_schema,
    generation,
    grown,
    projection,
    schema_of_all,
)
from cte_lake.lake.named_files import in_place, naming, of_own_name
from cte_lake.lake.paths import Partition
from cte_lake.lake.schemas import PARTITION_TYPES, Dataset, dataset
from cte_lake.lake.store import Listed, Place

if TYPE_CHECKING:
    import duckdb


EXPOSURES = "exposures"
_PLACED = {EXPOSURES: in_place, "master": of_own_name}
#: Column that says which file a row was read from, relative to the lake.
FILE_COLUMN = "file"
#: Datasets whose files hold a row or a few.
OF_SMALL_FILES = frozenset({"exposures", "rejects", "alignment", "crmasks"})


@dataclass(frozen=True, order=True)
class DatasetFiles:
    """The files of a dataset."""

    root: Place
    name: str

    @property
    def stated(self) -> Dataset:
        """What ``catalog_schemas/`` states of the dataset."""
        return dataset(self.name)

    @property
    def place(self) -> Place:
        """The dataset's folder."""
        return self.root / self.name

    @property
    def seed_place(self) -> Place:
        """The dataset's empty file, at the depth of its partitions."""
        return self.place.joinpath(
            *(f"{key}={getattr(SEED, key)}" for key in self.stated.partitions), SEED_NAME
        )

    def listing(self, suffix: str = ".parquet") -> Iterator[Listed]:
        """Yield the dataset's files, the seed among them; paths are relative to the lake."""
        return self.root.listing(self.name, suffix)

    @property
    def seed(self) -> pa.Schema | None:
        """The schema that the seed records, None where there is no seed.

        Raises
        ------
        LakeError
            If it cannot be read.
        """
        self.root.store.require_file(self.seed_place.key)
        try:
            return pq.read_schema(self.seed_place.source())
        except FileNotFoundError:
            return None
        except StoreUnavailable:
            raise
        except (OSError, pa.ArrowInvalid) as error:
            raise LakeError(
                f"{self.seed_place} cannot be read ({error}); remove it: the next ingest makes it again"
            ) from error

    def seed_to_write(self) -> pa.Schema | None:
        """Return the schema that the seed must record from now on, None if it does so already."""
        seed = self.seed
        if seed is not None:
            return grown(seed, self.name)
        schemas = []
        for listed in self.listing():
            # Files that cannot be read are left to `verify`.
            try:
                schemas.append(pq.read_schema((self.root / listed.path).source()))
            except (OSError, pa.ArrowInvalid):
                continue
        return schema_of_all(file_schema(self.name), schemas)

    def scan(self, partition: Partition | None = None, only: Sequence[Place] = ()) -> str:
        """Return what DuckDB reads the dataset, a partition or some files from: today's columns, hive types.

        Files of one schema are read by the first one's footer. Only a lake into which several schemas have
        written costs a look into every footer, and a projection where columns were added, renamed or removed.
        """
        folders = [partition.folder] if partition is not None else ["*"] * len(self.stated.partitions)
        # A lake's own name may hold '[' or '*'; only below it they are patterns.
        patterns = ["/".join([glob.escape(str(self.place)), *folders, "*.parquet"])]
        if only:
            patterns = [glob.escape(str(place)) for place in only]
        seed = self.seed
        columns = projection(self.name, seed.names) if seed is not None else None
        source = self._source(f"[{', '.join(map(quoted, patterns))}]", seed)
        source = source if columns is None else f"(SELECT {columns}, {FILE_COLUMN} FROM {source})"
        # What lies elsewhere than its content belongs does not count.
        return _PLACED[self.name](source) if self.name in _PLACED else source

    def scan_of(self, files: Sequence[Place]) -> str:
        """Return what DuckDB reads these files from; where there is none and no seed, all of them.

        Whoever asks joins what is read with the rows that name these files.
        """
        # The seed last, as a listing has it: by an empty first file DuckDB takes all of them for empty.
        return self.scan(only=[*files, *(place for place in (self.seed_place,) if place.is_file())])

    def _source(self, files: str, seed: pa.Schema | None) -> str:
        """Return what reads files with their hive keys and, as the column ``file``, their whole path."""
        keys = self.stated.partitions
        below = str(self.root).count("/") + 2
        # DuckDB takes key=value from the whole path; a lake may lie below such folders. Then the keys are cut
        # out of the part below the lake, which costs half a microsecond a row.
        misled = bool(keys) and "=" in str(self.root)
        mixed = seed is None or generation(seed) > 1
        options = [
            f"union_by_name = {str(mixed).lower()}",
            f"hive_partitioning = {str(bool(keys) and not misled).lower()}",
            f"filename = '{FILE_COLUMN}'",
        ]
        if keys and not misled:
            types = ", ".join(f"'{key}': {SQL_TYPES[PARTITION_TYPES[key]]}" for key in keys)
            options.append(f"hive_types = {{{types}}}")
        source = f"read_parquet({files}, {', '.join(options)})"
        if not misled:
            return source
        cut = (
            f"CAST(split_part(split_part({FILE_COLUMN}, '/', {below + place}), '=', 2)"
            f' AS {SQL_TYPES[PARTITION_TYPES[key]]}) AS "{key}"'
            for place, key in enumerate(keys, 1)
        )
        return f"(SELECT *, {', '.join(cut)} FROM {source})"

    def read(self, paths: Iterable[str]) -> pa.Table:
        """Read files, named relative to the lake, in today's columns, with the column ``file``."""
        seed = self.seed
        for path in (paths := list(paths)):
            self.root.store.require_file((self.root / path).key)
        # The seed comes first: without union_by_name the first file decides on columns and types.
        wanted = [*([self.seed_place.below(self.root)] if seed is not None else []), *paths]
        prefix = f"{self.root}/"
        files = "[" + ", ".join(quoted(glob.escape(prefix) + path) for path in wanted) + "]"
        source = self._source(files, seed)
        cut = f"substr({FILE_COLUMN}, {len(prefix) + 1}) AS {FILE_COLUMN}"
        small = self.name in OF_SMALL_FILES
        with self.connection(wanted if small else ()) as connection:
            if small:
                # Every file is a piece of work with its own buffers: for 10,000 of them two threads take
                # 1.2 GB and 12 CPU s, one takes 0.3 GB and 7.
                connection.execute("SET threads = 1")
            names = seed.names if seed is not None else connection.sql(f"FROM {source} LIMIT 0").columns
            columns = projection(self.name, [column for column in names if column != FILE_COLUMN])
            chosen = f"* REPLACE ({cut})" if columns is None else f"{columns}, {cut}"
            source = f"(SELECT {chosen} FROM {source})"
            source = naming(source) if self.name == EXPOSURES else source
            return connection.sql(f"FROM {source}").to_arrow_table()

    def connection(self, fetch: Iterable[str] = ()) -> duckdb.DuckDBPyConnection:
        """Return a DuckDB connection in memory that can read the lake and draws no progress bar.

        Parameters
        ----------
        fetch : iterable of str
            Small files, relative to the lake, that will all be read.
        """
        connection = duckdb.connect()
        without_bar(connection)
        self.root.store.attach(connection, self.root.key, tuple(fetch))
        return connection


def quoted(text: str) -> str:
    """Return a SQL string literal."""
    return "'" + text.replace("'", "''") + "'"


def without_bar(connection: duckdb.DuckDBPyConnection) -> None:
    """Keep DuckDB from drawing its bar on standard output.

    In a notebook the bar is off, and setting it, to off too, is refused where ipywidgets is missing.
    """
    found = connection.execute("SELECT current_setting('enable_progress_bar')").fetchall()
    if found[0][0]:
        connection.execute("SET enable_progress_bar = false")
