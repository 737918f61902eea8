"""Rows that were computed from a lake's files and are kept beside them, so as not to be computed again.

They are derived data like the rows of `cte_lake.lake.index`: who reads them decides by their keys which of
them hold, deleting them costs time and nothing else, and a file is believed only if its name is the digest of
its bytes. Two writers at a time leave two files; the next one makes one of them.
"""

from __future__ import annotations

import contextlib
import itertools
from array import array
from collections.abc import Collection, Iterable
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet as pq

from cte_lake.errors import LakeError
from cte_lake.lake.index import CACHE, integers
from cte_lake.lake.seals import checksum
from cte_lake.lake.store import Listed, Place
from cte_lake.lake.write import parquet_options

#: Recipes whose rows are kept; those that were written longest ago go.
_RECIPES = 8
_RECIPE = b"recipe"


@dataclass(frozen=True)
class KeptFiles:
    """The kept rows of one recipe (a digest of all that no row states): a file a part, such as a radius."""

    root: Place
    name: str
    recipe: str

    @property
    def folder(self) -> str:
        """Where the files lie, relative to the lake."""
        return f"{CACHE}/{self.name}/{self.recipe}"

    def listing(self) -> dict[str, list[Listed]]:
        """Return the files by part, each whole or not."""
        found: dict[str, list[Listed]] = {}
        for listed in sorted(self.root.listing(self.folder, ".parquet")):
            found.setdefault(listed.path.rpartition("/")[2].partition(".")[0], []).append(listed)
        return found

    def read(self, files: Iterable[Listed], columns: list[str] | None = None) -> pa.Table | None:
        """Return the rows of files, None if there are none; what is broken or gone is passed over."""
        tables = []
        for listed in files:
            with contextlib.suppress(OSError, pa.ArrowInvalid):
                content = (self.root / listed.path).read_bytes()
                if listed.path.split(".")[-2] == checksum(content):
                    table = pq.ParquetFile(pa.BufferReader(content)).read(columns)
                    if (table.schema.metadata or {}).get(_RECIPE) == self.recipe.encode():
                        tables.append(table)
        return pa.concat_tables(tables) if tables else None

    def write(self, part: str, table: pa.Table, instead: Iterable[Listed]) -> None:
        """Keep the rows of a part in one file, in place of others; a lake that cannot be written stays."""
        sink = pa.BufferOutputStream()
        table = table.replace_schema_metadata({_RECIPE: self.recipe})
        pq.write_table(table, sink, **parquet_options(table.schema))
        content = sink.getvalue().to_pybytes()
        place = self.root / f"{self.folder}/{part}.{checksum(content)}.parquet"
        with contextlib.suppress(OSError, LakeError):
            place.write_bytes(content)
            for listed in instead:
                if (old := self.root / listed.path) != place:
                    old.unlink()
            self._remove_old()

    def _remove_old(self) -> None:
        latest: dict[str, int] = {}
        files = list(self.root.listing(f"{CACHE}/{self.name}"))
        for listed in files:
            folder = listed.path.rpartition("/")[0]
            latest[folder] = max(latest.get(folder, 0), listed.mtime_ns)
        kept = sorted(latest, key=lambda folder: (folder == self.folder, latest[folder]))[-_RECIPES:]
        for listed in files:
            if listed.path.rpartition("/")[0] not in kept:
                (self.root / listed.path).unlink()


def as_table(files: Collection[Listed]) -> pa.Table:
    """Return a listing as a table: path, size, mtime_ns."""
    size, time = integers([f.size for f in files]), integers([f.mtime_ns for f in files])
    names = [found.path.encode() for found in files]
    ends = array("i", itertools.accumulate(map(len, names), initial=0))
    buffers = [None, pa.py_buffer(ends), pa.py_buffer(b"".join(names))]
    paths = pa.Array.from_buffers(pa.string(), len(files), buffers)
    schema = pa.schema([("path", pa.string()), ("size", pa.int64()), ("mtime_ns", pa.int64())])
    return pa.Table.from_arrays([paths, size, time], schema=schema)
