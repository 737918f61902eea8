"""A lake in memory: the same views as any lake's, over tables instead of files."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

import duckdb

from cte_lake.api import Lake
from cte_lake.lake.stored import stored
from cte_lake.views.memory import bind_memory, store

if TYPE_CHECKING:
    import pyarrow as pa

    from cte_lake.config import Config


class MemoryLake(Lake):
    """A lake without files, filled again and again: what closure measures its realisations with.

    Parameters
    ----------
    config : Config
        Aperture, clip, flux bins, targets and photometry mode that the views measure with.
    views : collection of str, optional
        Views to make; by default all, which takes most of a second.
    threads : int, optional
        Threads of DuckDB; by default all cores. One repeats every digit from run to run.
    """

    def __init__(
        self, config: Config, views: Collection[str] | None = None, threads: int | None = None
    ) -> None:
        connection = duckdb.connect(":memory:", config={} if threads is None else {"threads": threads})
        bind_memory(connection, config, views)
        super().__init__(stored("memory"), connection, names=config.names())

    def fill(self, exposures: pa.Table, phot: pa.Table) -> None:
        """Put exposures and their photometry in place of what the lake held.

        Parameters
        ----------
        exposures : pyarrow.Table
            Columns of the dataset ``exposures``; those left out are NULL.
        phot : pyarrow.Table
            Columns of the dataset ``phot`` and its partitions target, proposal, flash, filetype.
        """
        store(self._connection, "exposures", exposures)
        store(self._connection, "phot", phot)

    def keep(self, chips: pa.Table) -> None:
        """Put rows of the dataset ``chips`` in place of those that the lake held."""
        store(self._connection, "chips", chips)

    def refresh(self) -> None:
        """Do nothing: there are no files that others could add to."""
