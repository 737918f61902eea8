"""The Python face for notebooks: open a lake, ask it, take the answer as Arrow, pandas or astropy."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache, partial
from typing import TYPE_CHECKING, Any, Self, TypeVar

import duckdb
import pyarrow as pa

from cte_lake.errors import LakeError, UsageError
from cte_lake.lake.selection import ALL, NEWEST, Selection, plain
from cte_lake.lake.store import Listed
from cte_lake.lake.stored import AnyLake, StoredLake, find_lake
from cte_lake.names import Names
from cte_lake.results import Result
from cte_lake.views import sql_objects, view_columns
from cte_lake.views.bind import Binding
from cte_lake.views.columns import ViewColumn, with_notes
from cte_lake.views.kept_sql import ESTIMATORS
from cte_lake.views.methods import ViewMethods
from cte_lake.views.own_tables import OwnTables
from cte_lake.views.page_queries import own_query
from cte_lake.views.phot_columns import known_in
from cte_lake.views.provenance import unchanged
from cte_lake.views.readonly import check_plan, connected, seal
from cte_lake.views.running import (
    Steady,
    Turn,
    bounded_memory,
    memory_limit,
    parts_of,
    readable,
    run,
    to_arrow,
)
from cte_lake.views.source import named_in
from cte_lake.views.statements import check_statement
from cte_lake.views.view_query import IMAGES, in_pieces, view_query

if TYPE_CHECKING:
    from cte_lake.config import Settings
    from cte_lake.model.coefficients import CoefficientSet
    from cte_lake.pipeline.dask import WorkerSettings
    from cte_lake.views.by_workers import ByWorkers

_GENERATIONS = "SELECT DISTINCT generation FROM exposures ORDER BY generation"
L = TypeVar("L", bound="Lake")
T = TypeVar("T")
#: Makes something of the rows of a query and of what is known of their columns.
Take = Callable[[duckdb.DuckDBPyRelation, Callable[[], Mapping[str, ViewColumn]]], T]


class Lake(ViewMethods):
    """A lake, opened for reading; see `open_lake`.

    Queries see one photometry mode, can only read, and reach nothing outside the lake.
    """

    def __init__(
        self,
        stored: StoredLake,
        connection: duckdb.DuckDBPyConnection,
        listed: frozenset[Listed] = frozenset(),
        names: Names | None = None,
        binding: Binding | None = None,
        timeout: float | None = None,
        settings: Settings | None = None,
    ) -> None:
        self.stored = stored
        self._configured = names or Names()
        self._settings = settings
        self._connection = connection
        #: Makes the views that a query names; None where all are there.
        self._binding = binding
        self._added = binding.added if binding is not None else {}
        self._timeout = timeout
        self._memory = memory_limit(connection)
        self._own = OwnTables()
        self._turn = Turn(connection)
        # A connection that reads by a file system of Python's must not outlive the interpreter.
        self._closing = weakref.finalize(self, self._turn.close)
        #: Exposure files whose rows the connection holds.
        self._listed = listed
        self.steady = Steady()

    def settings(self) -> Settings:
        """Return the configuration that the lake was opened with, else its own."""
        from cte_lake.config import load_settings

        return self._settings or load_settings(self.stored)

    def refresh(self) -> None:
        """Take up exposures that came since the last query; every query does it by itself."""
        # Listed before they are read: what comes between is taken up next time.
        with self._turn:
            if self.steady.blocks:
                return
            exposures = self.stored.dataset("exposures")
            listed = frozenset(exposures.listing())
            if listed != self._listed and self._binding is not None:
                self._binding.take(exposures.rows(listed), listed)
                self._listed = listed

    @property
    def generation(self) -> str | None:
        """The calibration generation that alone is seen, None where the newest counts."""
        return None if self._binding is None else self._binding.opening.generation

    @property
    def names(self) -> Names:
        """Targets that are configured or have exposures in the lake, and the filters of its exposures."""
        with self._turn:
            self.refresh()
            found = self._connection.sql("SELECT DISTINCT target, filter FROM stored_exposures")
            return self._configured.including(found.to_arrow_table().to_pylist())

    def select(self, selection: Selection) -> Selection:
        """Return a selection with targets and filters as this lake names them.

        Raises
        ------
        UnknownName
            If there is no such target or filter.
        """
        if selection.generation:
            selection = replace(selection, generation=tuple(map(self._generation, selection.generation)))
        return selection.resolved(self.names) if selection.target or selection.filter else selection

    def _generation(self, name: str) -> str:
        """Return the one generation of the lake that begins with a name; 'newest' and 'all' stay."""
        if name in {NEWEST, ALL}:
            return name
        known = [str(row["generation"]) for row in self.sql(_GENERATIONS).rows()]
        found = [one for one in known if one == name] or [one for one in known if one.startswith(name)]
        if len(found) == 1:
            return found[0]
        which = (
            f"may be {', '.join(found)}" if found else f"is none of the lake's: {', '.join(known) or 'none'}"
        )
        raise UsageError(f"calibration generation {name!r} {which}; or use newest or all")

    def sql(self, query: str, **params: Any) -> Result:
        """Run one query that reads.

        Parameters
        ----------
        query : str
            A SELECT (or WITH, FROM, DESCRIBE, SUMMARIZE, SHOW, EXPLAIN); ``$name`` stands for a parameter.
        **params
            Values of the parameters.

        Raises
        ------
        UsageError
            If the query is not understood, does not only read, or reaches outside the lake.
        """
        if not isinstance(query, str):
            raise UsageError(f"a query is a text, and this is a {type(query).__name__}")
        return Result(self._answer(query, {name: plain(value) for name, value in params.items()}, to_arrow))

    def __reduce__(self) -> Any:
        """Refuse to be copied or sent to another process: an open lake is a connection of this one."""
        raise TypeError(f"an open lake is neither copied nor pickled; open {self.stored} in each process")

    def own(self, name: str) -> Result:
        """Answer a query of ours by its name: `sql` without a look at its plan, half the cost."""
        return Result(self._answer(own_query(name), {}, to_arrow, own=True))

    def each_answer(self, take: Callable[[Iterator[pa.Table]], None], query: str) -> None:
        """Hand the rows of a query over in parts, as `each_part` those of a view; see `sql`."""
        self._answer(
            query, {}, lambda rows, notes: take(with_notes(part, notes()) for part in parts_of(rows))
        )

    def _answer(self, query: str, params: dict[str, Any], take: Take[T], own: bool = False) -> T:
        notes = cache(lambda: unchanged(statement.tree, self._own.known(known_in(self._added), query)))

        def asked() -> T:
            if not own:
                check_plan(self._connection, statement.text, params)
            return take(readable(self._connection.sql(statement.asked, params=params or None)), notes)

        reading = asked if self._binding is None else self._binding.reading(asked)
        with self._turn:
            statement = check_statement(self._connection, query)
            self.refresh()
            self._make(named_in(query), statement.tree, params)
            with bounded_memory(self._memory):
                try:
                    return run(self._connection, reading, self._timeout)
                except duckdb.CatalogException:
                    # DuckDB proposes names like the one it misses: it has to know them all.
                    self._make(None, statement.tree, params)
                    return run(self._connection, reading, self._timeout)

    def _make(self, names: Collection[str] | None, tree: Any, params: Mapping[str, Any]) -> None:
        if self._binding is not None:
            self._binding.make(names, tree, bool(self.steady.blocks), params)

    def view(
        self, name: str, selection: Selection | None = None, condition: str | None = None, **filters: Any
    ) -> Result:
        """Read a view by name; a row must fit the selection, the condition and all filters.

        Parameters
        ----------
        name : str
            Name of the view.
        selection : Selection, optional
            Which rows; by default all.
        condition : str, optional
            Condition in SQL.
        **filters
            Column to what it must be; ``aperture`` chooses the radius of a measurement's view. Targets and
            filters are found as astronomers write them: 'NGC 104', '47 Tuc', 'f502n'.

        Raises
        ------
        UsageError
            If a filter names no column of the view, or the condition is not understood.
        UnknownName
            If the lake has no target or filter of this name; the message suggests the nearest.
        LakeError
            If there is no such view.
        """
        found: list[pa.Table] = []
        self.each_part(found.extend, name, selection, condition, **filters)
        return Result(pa.concat_tables(found))

    def each_part(
        self,
        take: Callable[[Iterator[pa.Table]], None],
        name: str,
        selection: Selection | None = None,
        condition: str | None = None,
        ordered: bool | Sequence[str] = False,
        **filters: Any,
    ) -> None:
        """Hand the rows of a view over in parts, so that nothing holds all of them; see `view`.

        Parameters
        ----------
        take : callable
            Goes over the parts, tables with the notes of `view`; the first has no rows.
        name, selection, condition
            As of `view`.
        ordered : bool or sequence of str
            Rows come in one order each time: by these columns, or the view's key, or all its columns.
        **filters
            As of `view`.
        """
        columns = {column.name: column for column in (*view_columns(name), *self._added.get(name, ()))}
        query, params = view_query(self, name, columns, selection or Selection(), condition, filters)
        if ordered is True and name == "phot":
            take(with_notes(part, columns) for part in self._in_pieces(query, params, condition is None))
            return
        if ordered:
            key = [next(each.order for each in sql_objects() if each.name == name)]
            query += f" ORDER BY {', '.join(key if ordered is True else ordered)}"
        noted: Take[None] = lambda rows, _: take(with_notes(part, columns) for part in parts_of(rows))  # noqa: E731
        self._answer(query, params, noted, condition is None)

    def _in_pieces(self, query: str, params: dict[str, Any], own: bool) -> Iterator[pa.Table]:
        """Give ordered rows of photometry, of which a few images at a time are sorted."""

        def ask(piece: str, bounded: Mapping[str, Any]) -> list[pa.Table]:
            return self._answer(piece, dict(bounded), lambda rows, _: list(parts_of(rows)), own)

        phot = self.stored.dataset("phot")
        files = {file.path for file in phot.listing()}
        images = self.sql(IMAGES).rows()
        with self.steady():
            yield from in_pieces(images, query, params, ask)
        # Each piece lists the files anew, and would not miss one that went meanwhile.
        gone = files.difference(file.path for file in phot.listing())
        if not gone.isdisjoint(row["phot_file"] for row in images):
            raise LakeError("photometry was removed while it was exported (by a vacuum?); export it again")

    def keep_slopes(
        self,
        aperture: int,
        estimators: Collection[str] = ESTIMATORS,
        selection: Selection | None = None,
        workers: WorkerSettings | None = None,
    ) -> None:
        """Measure what the lake's kept slopes lack at a radius (px), and keep it for whoever asks next.

        The one thing that an open lake writes, and only where it is called: no answer depends on it. A lake
        that cannot be written stays as it is. Without `workers` this process measures.
        """
        if self._binding is None:
            return
        self.refresh()
        chosen = self.select(selection or Selection()).where()
        elsewhere = partial(self._by(self._binding, workers).slopes, radius=aperture) if workers else None
        with self._turn:
            self._binding.keep(
                aperture, estimators, chosen, lambda ask: run(self._connection, ask, None), elsewhere
            )

    def audit_images(
        self, queries: Mapping[str, str], share: float, workers: WorkerSettings | None = None
    ) -> dict[str, pa.Table]:
        """Return the rows of audits over images; the lake keeps which images are well.

        Parameters
        ----------
        queries : mapping
            SQL by name; each row says what is wrong with one image.
        share : float
            Share of the images known to be well that are asked all the same; 1 asks every one.
        workers : WorkerSettings, optional
            Who asks; by default this process.
        """
        if self._binding is None:
            return {name: self.sql(query).arrow() for name, query in queries.items()}
        self.refresh()
        elsewhere = partial(self._by(self._binding, workers).audits, queries) if workers else None
        with self._turn:
            return self._binding.image_audits(queries).rows(share, elsewhere)

    @staticmethod
    def _by(binding: Binding, workers: WorkerSettings) -> ByWorkers:
        # Of what opens a lake few need Dask.
        from cte_lake.views.by_workers import ByWorkers

        return ByWorkers(binding.opening, workers)

    def register(self, name: str, table: pa.Table) -> None:
        """Let queries of this lake read a table under a name, beside the views.

        Parameters
        ----------
        name : str
            Letters, digits and underscores; none of a view or of what the views read.
        table : pyarrow.Table
            It is read where it is, not copied.

        Raises
        ------
        UsageError
            If the name is none, or means something already.
        """
        with self._turn:
            self._own.register(self._connection, name, table)

    def use_coefficients(self, coefficients: CoefficientSet) -> None:
        """Make a coefficient set the one that ``cte_corrected(...)`` uses in this lake's queries."""
        from cte_lake.model.sqlmacro import use_coefficients

        with self._turn:
            use_coefficients(self._connection, coefficients)

    def close(self) -> None:
        """Close the connection."""
        self._turn.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Lake {self.stored}>"


def opened(
    kind: type[L],
    path: AnyLake | None = None,
    mode: str | None = None,
    threads: int | None = None,
    memory_limit: str | None = None,
    settings: Settings | None = None,
    temp_limit: str = "50GB",
    timeout: float | None = None,
    generation: str | None = None,
) -> L:
    """Open a lake as an object of a kind; the other parameters are those of `open_lake`."""
    stored = find_lake(path)
    connection = connected(threads, memory_limit, temp_limit)
    # Listed before they are read: what comes between is taken up by the first query.
    exposures = stored.dataset("exposures")
    listed = frozenset(exposures.listing())
    binding = Binding(connection, stored, mode, settings, exposures.rows(listed), generation, listed)
    seal(connection, stored)
    return kind(stored, connection, listed, binding.config.names(), binding, timeout, settings)


#: Opens a lake for reading; parameters and errors are those of `cte_lake.open_lake`.
open_lake = partial(opened, Lake)
