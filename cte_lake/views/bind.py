"""Makes the views of ``sql/`` in a DuckDB connection, over the files of one lake."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Collection, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import duckdb

from cte_lake.lake.added_columns import DATASET as ADDED
from cte_lake.lake.append import OWN
from cte_lake.lake.schemas import dataset_names
from cte_lake.lake.store import Listed
from cte_lake.lake.stored import StoredLake
from cte_lake.views.columns import view_columns
from cte_lake.views.functions import bind_called, bind_settings
from cte_lake.views.kept_slopes import KeptSlopes
from cte_lake.views.kept_sql import DERIVED, KINDS, OWN_SCHEMA, defined_by, definition, derived_view, placed
from cte_lake.views.kept_sql import statements as kept_statements
from cte_lake.views.kept_tables import KeptTables
from cte_lake.views.phot_columns import VIEW, own_columns, with_own
from cte_lake.views.source import SqlObject, built_from, named_in, sql_objects, stored_in
from cte_lake.views.stored_views import STORED, bind_exposures, bind_folder, bind_stored

if TYPE_CHECKING:
    import pyarrow as pa

    from cte_lake.config import Config, Settings
    from cte_lake.views.kept_audits import ImageAudits

#: `shape_loss` where nothing is taken off: growth_loss would add a quarter to the cost of queries of `cte`.
_NO_SHAPES = """
CREATE OR REPLACE MACRO shape_loss(aperture := default_aperture()) AS TABLE
SELECT
    NULL::BIGINT AS pair_id, NULL::VARCHAR AS target, NULL::INTEGER AS proposal, NULL::INTEGER AS flash,
    NULL::VARCHAR AS filetype, NULL::DOUBLE AS growth_loss, NULL::DOUBLE AS growth_loss_err,
    NULL::DOUBLE AS sky_loss, NULL::DOUBLE AS sky_loss_err
WHERE false
"""
#: How names begin that are DuckDB's, or that the lake makes when it needs them.
_OWN_NAMES = (
    "stored_", "kept", "audited", "held_", "incoming_", "listed_", "known_", "duckdb_", "pg_", "sqlite_",
)  # fmt: skip


T = TypeVar("T")


@dataclass(frozen=True)
class _Any(Container[str]):
    """What is in any of several."""

    of: Sequence[Container[str]]

    def __contains__(self, name: object) -> bool:
        return any(name in each for each in self.of)


@dataclass(frozen=True)
class Opening:
    """What a lake is opened by; another process opens it alike. See `Binding`."""

    lake: StoredLake
    mode: str
    settings: Settings
    generation: str | None


class Binding:
    """The views of one lake in a connection, each made with all that it is built on when it is first named.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        In memory, or of a database file that is to hold the views.
    lake : StoredLake
        The lake; the views hold absolute paths.
    mode : str, optional
        Photometry mode that the views show; by default that of the configuration.
    settings : Settings, optional
        By default the lake's own.
    exposures : pyarrow.Table, optional
        All exposure rows (`cte_lake.lake.read.exposure_rows`), to be held in the connection; by default
        their files are read by every query.
    listed : collection of Listed, optional
        The files of these rows; without them no table is taken from what is kept.
    generation : str, optional
        Calibration generation whose rows alone are seen; by default the newest row of each exposure counts.

    Raises
    ------
    LakeError
        If the folder is no lake, or of a version that is not known.
    UsageError
        If there is no such photometry mode.
    """

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        lake: StoredLake,
        mode: str | None = None,
        settings: Settings | None = None,
        exposures: pa.Table | None = None,
        generation: str | None = None,
        listed: Collection[Listed] | None = None,
    ) -> None:
        from cte_lake.config import load_settings

        self._connection, self._lake = connection, lake
        self._lake.place.store.attach(connection, self._lake.place.key)
        self._lake.check_version()
        stated = settings or load_settings(self._lake)
        self.config = stated.config
        #: What opens the same lake with the same views elsewhere.
        self.opening = Opening(lake, mode or self.config.photometry.mode, stated, generation)
        bind_settings(connection, self.config, self.opening.mode, generation)
        #: Columns of this lake alone, by the view that has them.
        self.added = own_columns(self.config)
        self._made: set[str] = set()
        #: Table macros whose view has been made too.
        self._shown: set[str] = set()
        self._files = {*STORED, *_added(self._lake)}
        self._bound: set[str] = set()
        bind_folder(connection, f"{self._lake}/")
        #: What is made empty, so that what it is built on is not made for its sake.
        self._unneeded = frozenset({"shape_loss"} if _without_shapes(self.config) else ())
        #: Where the connection holds the exposures, it knows which slopes are kept.
        self.kept: KeptSlopes | None = None
        #: What follows from the exposures alone, where it is known from which files they are.
        self._tables: KeptTables | None = None
        if exposures is not None:
            self._files.remove("exposures")
            self.kept = KeptSlopes(connection, self._lake, self._define)
            connection.execute("CREATE SCHEMA IF NOT EXISTS kept")
            self.take(exposures, listed)

    def take(self, exposures: pa.Table, listed: Collection[Listed] | None) -> None:
        """Hold all exposure rows in the connection, those of the listed files, in place of those before."""
        bind_exposures(self._connection, exposures)
        self._tables = None if listed is None else KeptTables(self._connection, self._lake, exposures, listed)
        if self.kept is not None:
            self.kept.forget_pairs()
            # Made again where they are named.
            self._made -= set(DERIVED)

    def make(
        self,
        names: Collection[str] | None = None,
        tree: Any = None,
        steady: bool = False,
        parameters: Mapping[str, Any] | None = None,
    ) -> None:
        """Make the named views and what they are built on, where they are not there yet; None for all.

        Parameters
        ----------
        names : collection of str, optional
            Words among which the names are; others are passed over.
        tree : object, optional
            Parse tree of the query that is to run: what of the slopes is kept is shown to it.
        steady : bool, optional
            Whether photometry that was listed for the query before is not listed again.
        parameters : mapping, optional
            Values of the query's parameters.
        """
        objects = self.create(names)
        if self.kept is not None:
            self.kept.steady = steady
            named = {each.name for each in objects}
            self.kept.show(named, tree, parameters or {}, self.config.measure)

    def create(self, names: Collection[str] | None = None) -> tuple[SqlObject, ...]:
        """Make objects as `make` does, for no query yet; return them."""
        objects = sql_objects() if names is None else self._built_from(names)
        # To plan a table macro for its view takes as long as to make it: of the others nobody reads the view.
        shown = [each for each in objects if names is None or each.name in names]
        shown = [each for each in shown if each.kind == "table macro" and each.name not in self._shown]
        self._make(objects, shown, self._files if names is None else stored_in(names))
        return objects

    def _define(self, view: str) -> None:
        """Make the definition of a view whose rows are kept."""
        self._make(self._built_from(defined_by(view)), (), {"phot"})
        _carry_out(self._connection, definition(view), _readable(self._connection))

    def _built_from(self, names: Collection[str]) -> tuple[SqlObject, ...]:
        if self.kept is None:
            return built_from(names, self._unneeded)
        # Kept rows stand on the pairs alone, kept tables on nothing; their definitions are made where
        # something is missing.
        empty = _Any((self._unneeded, KINDS, self._tables or ()))
        objects = built_from(names, empty)
        of_kept = any(each.name in KINDS for each in objects)
        return built_from({*names, "pairings"}, empty) if of_kept else objects

    def _make(
        self, objects: Sequence[SqlObject], shown: Sequence[SqlObject], stored: Collection[str]
    ) -> None:
        missing = [each for each in objects if each.name not in self._made]
        wanted = objects if shown else missing
        read = set(stored).union(*(each.reads for each in wanted))
        if VIEW in self.added and any(each.name == VIEW for each in wanted):
            read.add(ADDED)
        files = (self._files & read) - (set() if wanted else self._bound)
        # Every view lists the files below it when it is made: over the seeds alone that costs nothing.
        for name in files if wanted else ():
            bind_stored(self._connection, self._lake.dataset(name), of_seed=True)
        make_objects(self._connection, self.config, missing, self.kept, self._tables)
        make_views(self._connection, self.config, shown)
        for name in files:
            # DuckDB opens whatever is called like a file, and waits for ever at a pipe.
            self._require_files([name])
            bind_stored(self._connection, self._lake.dataset(name))
        self._made |= {each.name for each in missing}
        self._shown |= {each.name for each in shown}
        self._bound |= files

    def reading(self, ask: Callable[[], T]) -> Callable[[], T]:
        """Return what asks a query and then refuses links that were put among its files meanwhile.

        DuckDB looks where a link leads before it opens it, not while.
        """

        def asked() -> T:
            began = time.time_ns()
            answer = ask()
            self._require_files(self._bound, began)
            return answer

        return asked

    def _require_files(self, names: Collection[str], since_ns: int | None = None) -> None:
        for name in names:
            self._lake.place.store.require_files(self._lake.dataset(name).place.key, ".parquet", since_ns)

    def keep(
        self,
        aperture: int,
        estimators: Collection[str],
        chosen: tuple[str, Mapping[str, Any]],
        during: Callable[[Callable[[], pa.Table]], pa.Table],
        elsewhere: Callable[[str, list[list[str]]], Iterator[pa.Table]] | None = None,
    ) -> None:
        """Measure and keep the slopes that are missing; the parameters are those of `KeptSlopes.fill`.

        `elsewhere` is given the view too.
        """
        asked = {*estimators, *(() if self._unneeded else KINDS["growth_loss"])}
        for name in (name for name, own in KINDS.items() if not asked.isdisjoint(own)):
            self.create([name])
            if self.kept is not None:
                measured = None if elsewhere is None else functools.partial(elsewhere, name)
                self.kept.fill(name, aperture, chosen, during, measured)
        if self._tables is not None:
            self.create(lacking := self._tables.lacking())
            self._tables.keep(lacking)

    def image_audits(self, queries: Mapping[str, str]) -> ImageAudits:
        """Return queries over images, ready to be asked."""
        # Of what opens a lake few audit it.
        from cte_lake.views.kept_audits import ImageAudits

        self.make(frozenset().union(*(named_in(query) or () for query in queries.values())))
        return ImageAudits(self._connection, self._lake, self.opening.mode, queries)


def bind(
    connection: duckdb.DuckDBPyConnection,
    lake: StoredLake,
    mode: str | None = None,
    settings: Settings | None = None,
    views: Collection[str] | None = None,
) -> None:
    """Make views and macros in a connection, None for all; the parameters are those of `Binding`."""
    Binding(connection, lake, mode, settings).make(views)


def bind_sql(connection: duckdb.DuckDBPyConnection, config: Config, views: Collection[str] | None) -> None:
    """Make views with all that they are built on, None for every one."""
    objects = sql_objects() if views is None else built_from(views)
    make_objects(connection, config, objects)
    # As in `Binding.create`.
    make_views(connection, config, (each for each in objects if views is None or each.name in views))


def make_objects(
    connection: duckdb.DuckDBPyConnection,
    config: Config,
    objects: Iterable[SqlObject],
    kept: KeptSlopes | None = None,
    known: KeptTables | None = None,
) -> None:
    """Make objects of ``sql/`` in the given order, table macros without their views."""
    if not (chosen := tuple(objects)):
        return
    bind_called(connection, [each.name for each in chosen])
    tables = _readable(connection)
    for each in chosen:
        if known is not None and each.name in known:
            known.take(each.name)
            connection.execute(derived_view(each.name))
            continue
        statements = _statements(each, config, kept is not None)
        _carry_out(connection, statements, () if each.kind == "view" else tables)


def _readable(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Return the names of what can be read as a table."""
    there = connection.execute("SELECT table_name FROM information_schema.tables").fetchall()
    # A table macro that was made before is not among the tables while nobody has named its view.
    return sorted({name for (name,) in there} | {each.name for each in sql_objects() if each.kind != "macro"})


def _carry_out(
    connection: duckdb.DuckDBPyConnection, statements: Iterable[str], tables: Collection[str]
) -> None:
    for statement in statements:
        # A macro stands in the query that calls it: what a WITH there is called must not take its place.
        connection.execute(placed(statement, tables, OWN_SCHEMA) if tables else statement)


def make_views(connection: duckdb.DuckDBPyConnection, config: Config, objects: Iterable[SqlObject]) -> None:
    """Make the views of those objects that are table macros."""
    for each in objects:
        if each.kind == "table macro":
            connection.execute(default_view(each, config.measure.aperture))


def means_something(connection: duckdb.DuckDBPyConnection, name: str) -> bool:
    """Whether a name is that of a view, of what the views read, or of DuckDB: a table of it would be read."""
    there = connection.execute(
        "SELECT table_name FROM information_schema.tables WHERE table_catalog <> 'temp'"
        " UNION SELECT schema_name FROM information_schema.schemata"
    ).fetchall()
    made = {each.name for each in sql_objects()} | {found for (found,) in there}
    return name in made or name.startswith(_OWN_NAMES)


def _without_shapes(config: Config) -> bool:
    return config.measure.shape_correction == "none"


def _statements(each: SqlObject, config: Config, kept: bool) -> Iterable[str]:
    """Return what makes an object of ``sql/`` in a connection."""
    if each.name == "shape_loss" and _without_shapes(config):
        return (_NO_SHAPES,)
    if (text := with_own(each.name, each.text, config)) != each.text:
        return (text,)
    return kept_statements(each) if kept else (each.text,)


def _added(lake: StoredLake) -> list[str]:
    """Return the datasets that somebody has added to catalog_schemas/ and that the lake has."""
    return [name for name in dataset_names() if name not in OWN and lake.dataset(name).seed is not None]


def default_view(macro: SqlObject, aperture: int) -> str:
    """Return the statement of the view that shows a table macro at the default radius (px)."""
    names = ", ".join(f'"{column.name}"' for column in view_columns(macro.name))
    return f"CREATE OR REPLACE VIEW {macro.name} AS SELECT {names} FROM {macro.name}(aperture := {aperture})"
