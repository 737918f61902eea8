"""Tables that follow from the exposures alone, kept from one process to the next: who pairs with whom.

They hold while the lake's exposure files have the names, sizes and times, and the connection the settings,
from which they were made; the SQL that makes them is part of what they are kept by. As with kept slopes,
queries read them and commands that write keep them; without them they are made as ever.
"""

from __future__ import annotations

import time
from collections.abc import Collection
from functools import cached_property

import duckdb
import pyarrow as pa

from cte_lake.digests import digest
from cte_lake.lake.dataset_files import FILE_COLUMN
from cte_lake.lake.kept_files import KeptFiles
from cte_lake.lake.store import Listed
from cte_lake.lake.stored import StoredLake
from cte_lake.views.kept_sql import DERIVED, recipe_digest
from cte_lake.views.source import built_from

_NAME = "derived"
#: What the views below them read besides the exposures.
TABLES = ("settings", "targets", "program_flashes")


class KeptTables:
    """The kept tables of a lake in a connection, of one state of its exposure files.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        With the views' settings.
    lake : StoredLake
        The lake.
    exposures : pyarrow.Table
        Its exposure rows.
    listed : collection of Listed
        Their files.
    """

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        lake: StoredLake,
        exposures: pa.Table,
        listed: Collection[Listed],
    ) -> None:
        self._connection, self._lake = connection, lake
        self._exposures, self._listed = exposures, listed
        #: What is kept of a table, once that was asked.
        self._found: dict[str, pa.Table | None] = {}

    @cached_property
    def _files(self) -> KeptFiles:
        texts = [each.text for each in sorted(built_from(DERIVED), key=lambda each: each.name)]
        facts = {name: self._rows(f"FROM {name} ORDER BY ALL") for name in TABLES}
        facts["generation"] = self._rows("SELECT only_generation()")
        facts["exposures"] = self._state()
        return KeptFiles(self._lake.place, _NAME, recipe_digest(texts, facts))

    def _state(self) -> str:
        """Return a digest of the rows by their files, and of the photometry that each was found to name."""
        known = {file.path: file for file in self._listed}
        files, phot = (self._exposures.column(name).to_pylist() for name in (FILE_COLUMN, "phot_file"))
        rows = sorted((file, name or "") for file, name in zip(files, phot, strict=True))
        # A file that came after the listing has no state: what it enters is kept for nobody.
        return digest([[known.get(file, str(time.time_ns())), name] for file, name in rows], 16)

    def _rows(self, query: str) -> object:
        return self._connection.execute(query).fetchall()

    def __contains__(self, name: object) -> bool:
        """Whether a table is kept; it is read then."""
        if name in DERIVED and name not in self._found:
            self._found[str(name)] = self._files.read(self._files.listing().get(str(name), ())[:1])
        return self._found.get(str(name)) is not None

    def take(self, name: str) -> None:
        """Make a table of what is kept."""
        self._connection.register("incoming_table", self._found[name])
        self._connection.execute(f"CREATE OR REPLACE TABLE kept.{name} AS FROM incoming_table")
        self._connection.unregister("incoming_table")

    def lacking(self) -> list[str]:
        """Return the tables of which nothing is kept, or nothing that can be read."""
        there = self._files.listing().keys()
        return [name for name in DERIVED if name not in there or self._found.get(name, self) is None]

    def keep(self, names: Collection[str]) -> None:
        """Keep tables that were made."""
        for name in names:
            self._found[name] = self._connection.sql(f"FROM kept.{name}").to_arrow_table()
            self._files.write(name, self._found[name], self._files.listing().get(name, ()))
