"""Kept slopes: what was measured is not measured again while all that it follows from is as it was.

In a connection of a lake, `slopes`, `log_slopes` and `growth_loss` are each the union of the kept rows that
hold and of their definition in ``sql/`` over the pairs and flux bins that lack one
(`cte_lake.views.kept_sql`). A row holds as long as its recipe and its source are the same: the SQL, the
settings and facts that enter it; all that its pair states of both exposures; name, size and time of both
photometry files. Nothing else enters a row, and sums are taken in the order of the stars; so a row is the
same wherever it comes from.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import duckdb
import pyarrow as pa

from cte_lake.lake.kept_files import KeptFiles, as_table
from cte_lake.lake.store import Listed
from cte_lake.lake.stored import StoredLake
from cte_lake.views import kept_sql
from cte_lake.views.asked_radii import asked_estimator, asked_radii

if TYPE_CHECKING:
    from cte_lake.config.models import Measure

#: Photometry that is measured in one go.
_BATCH_BYTES, _BATCH_PAIRS = 1 << 28, 125
#: Batches that a worker elsewhere measures in one go: it opens the lake for them.
_SHARE = 4
#: What is shown where the connection's tables hold for no query, and where all is measured.
_UNKNOWN, _ALL_ANEW = object(), object()


class _Lacking(NamedTuple):
    """A pair of which something is to be measured: its number here, what it follows from, bytes to read."""

    pair: int
    source: str
    size: int


@dataclass
class _Kind:
    """One of the views whose rows are kept.

    Attributes
    ----------
    view : str
        Its name.
    files : KeptFiles
        The kept rows.
    estimators : tuple of str
        Those of its rows, of which queries may ask for one; empty if it has none.
    held : dict of str to frozenset of Listed
        Files whose rows the connection holds, by radius.
    shown : object
        What the connection's tables were made for.
    defined, measured : bool
        Whether the connection has the definition, and whether the view shows what it measures.
    """

    view: str
    files: KeptFiles
    estimators: tuple[str, ...]
    held: dict[str, frozenset[Listed]] = field(default_factory=dict)
    shown: object = _UNKNOWN
    defined: bool = False
    measured: bool = False


class KeptSlopes:
    """The kept slopes of a lake in a connection.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        In memory, with the views' settings; it holds the lake's exposures.
    lake : StoredLake
        The lake.
    define : callable
        Makes the definition of a view, given by name, in the connection.
    """

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        lake: StoredLake,
        define: Callable[[str], object],
    ) -> None:
        self._connection, self._lake, self._definition = connection, lake, define
        self._listed: dict[str, Listed] = {}
        #: Whether photometry that was listed once is not listed again.
        self.steady = False
        #: What `kept.pairings` and `kept.sources` were made from: a new number with all new pairs.
        self._pairs, self._sourced = 0, (0, self._listed)

    @functools.cached_property
    def _kinds(self) -> dict[str, _Kind]:
        """What is kept by view; a query that reads none of it pays for none of their recipes."""
        return {
            view: _Kind(
                view,
                KeptFiles(self._lake.place, view, kept_sql.recipe(self._connection, view)),
                kept_sql.KINDS[view] if kept_sql.has_bins(view) else (),
            )
            for view in kept_sql.KINDS
        }

    def forget_pairs(self) -> None:
        """Take notice that the exposures have changed: with them come other pairs."""
        self._pairs += 1

    def show(
        self, objects: Collection[str], tree: Any, parameters: Mapping[str, Any], default: Measure
    ) -> None:
        """Make the connection's tables those of a query: its pairs, the kept rows that hold, what is missing.

        Parameters
        ----------
        objects : collection of str
            Objects of ``sql/`` that the query may read; they have been made.
        tree : object
            Its parse tree, from which the radii are taken; None: it is not known, and nothing kept is shown.
        parameters : mapping
            Values of its parameters.
        default : Measure
            Radius (px) of a view without one, and estimator of ``losses``.
        """
        asked = [self._kinds[view] for view in kept_sql.KINDS if view in objects]
        radii = asked_radii(tree, default.aperture) if asked else None
        estimator = asked_estimator(tree, parameters, default.estimator) if asked else None
        for kind in asked:
            if estimator is not None and kind.estimators and estimator not in kind.estimators:
                # The query leaves out all its rows, which are not worth a plan.
                kind.shown = _UNKNOWN
                self._show_measured(kind, False)
                continue
            parts = kind.files.listing() if radii else {}
            if radii and all(_part(radius) in parts.keys() | kind.held.keys() for radius in radii):
                self._show_held(kind, radii, parts)
            elif kind.shown is not _ALL_ANEW:
                kind.shown = _UNKNOWN
                self._define(kind)
                self._execute(kept_sql.all_anew(kind.view))
                self._show_measured(kind, True)
                kind.shown = _ALL_ANEW

    def _show_held(self, kind: _Kind, radii: Collection[int], parts: Mapping[str, list[Listed]]) -> None:
        for radius in radii:
            self._hold(kind, radius, parts.get(_part(radius), []))
        self._find_sources()
        wanted = (self._pairs, frozenset(radii), dict(kind.held))
        if kind.shown != wanted:
            kind.shown = _UNKNOWN
            self._execute(kept_sql.missing(kind.view, radii))
            (missing,) = self._connection.execute(kept_sql.is_missing(kind.view)).fetchall()[0]
            if missing:
                self._define(kind)
                self._execute(kept_sql.seen(kind.view))
                self._measure_anew(kind)
            self._show_measured(kind, missing)
            kind.shown = wanted

    def _define(self, kind: _Kind) -> None:
        """Have the definition of a view in the connection."""
        if not kind.defined:
            self._definition(kind.view)
            kind.defined = True

    def _show_measured(self, kind: _Kind, measured: bool) -> None:
        if kind.measured != measured:
            self._connection.execute(kept_sql.rows_shown(kind.view, measured))
            kind.measured = measured

    def _hold(self, kind: _Kind, radius: int, files: Sequence[Listed]) -> None:
        """Have the kept rows of a radius in the connection."""
        part, wanted = _part(radius), frozenset(files)
        if kind.held.get(part) == wanted:
            return
        kind.held.pop(part, None)
        schema = kept_sql.schema_of(kind.view)
        self._connection.execute(f"DELETE FROM {schema}.held WHERE aperture = {int(radius)}")
        if (rows := kind.files.read(files, list(kept_sql.held_columns(kind.view)))) is not None:
            self._insert(kind, rows)
        kind.held[part] = wanted

    def _insert(self, kind: _Kind, rows: pa.Table) -> None:
        listed = ", ".join(kept_sql.held_columns(kind.view))
        self._connection.register("incoming_slopes", rows)
        # Two processes may have kept the same rows, each in a file of its own.
        self._connection.execute(
            f"INSERT INTO {kept_sql.schema_of(kind.view)}.held "
            f"SELECT DISTINCT ON (source, aperture, bin_lo, bin_hi, estimator) {listed} FROM incoming_slopes"
        )
        self._connection.unregister("incoming_slopes")

    def _find_sources(self) -> None:
        """Know what each pair follows from, by the files of its photometry as they lie there now."""
        if self.steady and self._sourced[0] == self._pairs:
            return
        listed = {found.path: found for found in self._lake.dataset("phot").listing()}
        if self._sourced == (self._pairs, listed):
            return
        self._pairs += 1
        self._listed, self._sourced = listed, (self._pairs, listed)
        self._connection.register("listed_phot", as_table(listed.values()))
        self._connection.execute(kept_sql.SOURCES)
        self._connection.unregister("listed_phot")

    def _measure_anew(self, kind: _Kind) -> None:
        """Let a definition read the photometry of the pairs of its table ``anew`` alone."""
        named = self._connection.execute(kept_sql.files_anew(kind.view)).fetchall()
        dataset = self._lake.dataset("phot")
        files = [self._lake / name for (name,) in named if name in self._listed]
        source = dataset.scan_of(files)
        self._connection.execute(
            f"CREATE OR REPLACE VIEW {kept_sql.schema_of(kind.view)}.stored_phot AS FROM {source}"
        )

    def _execute(self, statements: Iterator[str]) -> None:
        for statement in statements:
            self._connection.execute(statement)

    def fill(
        self,
        view: str,
        radius: int,
        chosen: tuple[str, Mapping[str, Any]],
        during: Callable[[Callable[[], pa.Table]], pa.Table],
        elsewhere: Callable[[list[list[str]]], Iterator[pa.Table]] | None = None,
    ) -> None:
        """Measure what the kept rows of a radius lack, and keep it.

        Parameters
        ----------
        view : str
            ``slopes`` or ``log_slopes``, which has been made.
        radius : int
            Aperture radius, px.
        chosen : (str, mapping)
            SQL condition on columns of the pairs, with its parameters: which pairs to look at.
        during : callable
            Carries out each query.
        elsewhere : callable, optional
            Measures lists of pairs, given by what they follow from, with `rows_of` in other processes.
        """
        kind, files = self._prepared(view, radius)
        if not (lacking := self._lacking(kind, chosen)):
            return
        kind.shown = _UNKNOWN
        if elsewhere is None:
            tables = list(self._measured(kind, radius, lacking, during))
        else:
            shares = _grouped(lacking, _SHARE * _BATCH_BYTES, _SHARE * _BATCH_PAIRS)
            tables = list(elsewhere([[one.source for one in share] for share in shares]))
        if not tables:
            return
        rows = pa.concat_tables(tables)
        self._insert(kind, rows)
        if (known := kind.files.read(files)) is not None:
            rows = pa.concat_tables([self._still_there(known), rows])
        kind.files.write(_part(radius), rows, files)
        kind.held[_part(radius)] = frozenset(kind.files.listing().get(_part(radius), []))

    def rows_of(self, view: str, radius: int, sources: Collection[str]) -> Iterator[pa.Table]:
        """Yield the rows that `fill` keeps of some pairs, given by what they follow from.

        A pair that follows from something else meanwhile has none.
        """
        kind, _ = self._prepared(view, radius)
        lacking = [one for one in self._lacking(kind, ("true", {})) if one.source in sources]
        kind.shown = _UNKNOWN
        yield from self._measured(kind, radius, lacking, lambda ask: ask())

    def _prepared(self, view: str, radius: int) -> tuple[_Kind, list[Listed]]:
        """Return a view's kind, ready to measure what is missing of a radius, and the files of its rows."""
        kind, part = self._kinds[view], _part(radius)
        files = kind.files.listing().get(part, [])
        self._show_held(kind, [radius], {part: files})
        return kind, files

    def _measured(
        self,
        kind: _Kind,
        radius: int,
        lacking: Sequence[_Lacking],
        during: Callable[[Callable[[], pa.Table]], pa.Table],
    ) -> Iterator[pa.Table]:
        for batch in _grouped(lacking, _BATCH_BYTES, _BATCH_PAIRS):
            self._execute(kept_sql.only(kind.view, [one.pair for one in batch]))
            self._measure_anew(kind)
            yield during(self._connection.sql(kept_sql.rows_to_keep(kind.view, radius)).to_arrow_table)

    def _lacking(self, kind: _Kind, chosen: tuple[str, Mapping[str, Any]]) -> list[_Lacking]:
        """Return the pairs of which something is to be measured, those of a partition together."""
        condition, parameters = chosen
        query = kept_sql.pairs_to_keep(kind.view, condition)
        return [
            _Lacking(pair, source, sum(self._listed[name].size for name in files))
            for pair, source, *files in self._connection.execute(query, dict(parameters) or None).fetchall()
        ]

    def _still_there(self, rows: pa.Table) -> pa.Table:
        """Return the kept rows whose photometry the lake still has, of whatever mode and generation."""
        both = zip(*(rows.column(f"phot_file_{side}").to_pylist() for side in (1, 2)), strict=True)
        return rows.filter(pa.array([self._listed.keys() >= set(files) for files in both], pa.bool_()))


def _grouped(lacking: Iterable[_Lacking], size: int, count: int) -> Iterator[list[_Lacking]]:
    """Yield pairs in groups of so many bytes or so many pairs, whichever comes first."""
    group: list[_Lacking] = []
    held = 0
    for one in lacking:
        group.append(one)
        held += one.size
        if held > size or len(group) == count:
            yield group
            group, held = [], 0
    if group:
        yield group


def _part(radius: int) -> str:
    """Return the name of the part of the kept rows that is of a radius."""
    return f"r{radius:02d}"
