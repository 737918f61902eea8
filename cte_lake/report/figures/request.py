"""What is asked of a figure, and what comes back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from cte_lake.errors import NothingToDo
from cte_lake.lake.selection import Selection
from cte_lake.model.loss_unit import PERCENT, LossUnit, loss_unit
from cte_lake.names import ESTIMATORS, Estimator, one_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from cte_lake.api import Lake
    from cte_lake.model.coefficients import CoefficientSet

Bin = tuple[float, float]


@dataclass(frozen=True)
class Request:
    """Which rows a figure shows.

    Attributes
    ----------
    selection : Selection
        What exposures must have.
    aperture : int
        Radius, px.
    estimator : str
        How slopes are measured.
    bins : tuple of (low, high)
        Flux bins, electrons; empty: those of the kind.
    time_bins : tuple of (low, high)
        Bins of the loss-against-time figure, electrons.
    pair : int, optional
        A pair's number.
    star : int, optional
        A star's number in the master catalog.
    image : str
        An image's name; '' for the newest selected.
    coefficients : tuple of CoefficientSet
        Sets whose curves are drawn.
    other : Lake, optional
        What is compared with.
    names : tuple of str
        What the two compared are called.
    unit : LossUnit
        Unit of the losses.
    """

    selection: Selection = field(default_factory=Selection)
    aperture: int = 3
    estimator: Estimator = "log_ratio"
    bins: tuple[Bin, ...] = ()
    time_bins: tuple[Bin, ...] = ()
    pair: int | None = None
    star: int | None = None
    image: str = ""
    coefficients: tuple[CoefficientSet, ...] = ()
    other: Lake | None = None
    names: tuple[str, str] = ("first", "second")
    unit: LossUnit = PERCENT

    def __post_init__(self) -> None:
        object.__setattr__(self, "estimator", one_of("estimator", self.estimator, ESTIMATORS))
        # A notebook names it: lake.plot.cte_time(unit="mag").
        if isinstance(self.unit, str):
            object.__setattr__(self, "unit", loss_unit(self.unit))

    def defaulting(self, source: Lake | pa.Table, **values: tuple[Any, ...]) -> Request:
        """Fill in what the user left open: of the usual values those that are there, else the first there."""
        asked = self
        for name, usual in values.items():
            if usual and not getattr(asked.selection, name):
                there = asked.of_exposures()._values_in(source, name)
                value = tuple(one for one in usual if one in there) or tuple(there[:1]) or usual
                chosen: dict[str, Any] = {name: value}
                asked = replace(asked, selection=replace(asked.selection, **chosen))
        return asked

    def _values_in(self, source: Lake | pa.Table, name: str) -> list[Any]:
        """Return the values of a column in the exposures of a lake, or rows of a table, that are selected."""
        if isinstance(source, pa.Table):
            until = set[str]() if self.selection.until is None else {"mjd"}
            deciding = {name, "newest", "filetype", *self.selection.wanted(), *until}
            columns = [column for column in source.column_names if column in deciding]
            kinds = source.group_by(columns).aggregate([]).to_pylist()
            return sorted({row[name] for row in kinds if self.selection.matches(row)})
        chosen, parameters = self.where()
        query = f"SELECT DISTINCT {name} FROM exposures WHERE {chosen} ORDER BY {name}"
        return [row[name] for row in source.sql(query, **parameters).rows()]

    def of_exposures(self) -> Request:
        """Return the request for a figure of exposures instead of pairs."""
        return replace(self, selection=self.selection.of_exposures())

    def beside(self, other: Lake) -> Request:
        """Return the request with the lake that is compared with."""
        return replace(self, other=other)

    def where(self, *also: str) -> tuple[str, dict[str, Any]]:
        """Return a SQL condition with named parameters."""
        condition, parameters = self.selection.where()
        return " AND ".join((condition, *also)), parameters

    def rows(self, table: pa.Table) -> pa.Table:
        """Keep the selected rows of a table.

        Raises
        ------
        NothingToDo
            If none is left.
        """
        chosen = [self.selection.matches(row) for row in table.to_pylist()]
        if not any(chosen):
            raise NothingToDo(f"nothing to plot for {self}; see `cte-lake status` for what the lake holds")
        return table.filter(chosen)

    def __str__(self) -> str:
        words = (str(self.selection), self.image and f"image {self.image}")
        return ", ".join(filter(None, words)) or "all exposures"


@dataclass(frozen=True)
class Drawing:
    """A figure with the numbers in it.

    Attributes
    ----------
    figure : Figure
        The figure.
    tables : mapping of str to pyarrow.Table
        What is plotted; the first table is the main one.
    said : tuple of str
        What the user should know of what was chosen.
    """

    figure: Figure
    tables: Mapping[str, pa.Table]
    said: tuple[str, ...] = ()


def rows_of(lake: Lake, query: str, asked: Request, **parameters: Any) -> pa.Table:
    """Run a query that must find something.

    Raises
    ------
    NothingToDo
        If it finds nothing; the sentence says what was selected.
    """
    table = lake.sql(query, **parameters).arrow()
    if table.num_rows == 0:
        raise NothingToDo(nothing_for(lake, asked, f"nothing to plot for {asked}"))
    return table


def nothing_for(lake: Lake, asked: Request, otherwise: str) -> str:
    """Return the reason why a figure has no rows: no exposure is selected, or what is said otherwise."""
    exposures = lake.exposures().rows()
    if asked.selection and not any(asked.selection.matches(row) for row in exposures):
        return f"nothing to plot: {asked.selection.nothing_among(exposures)}"
    return f"{otherwise}; see `cte-lake status` for what the lake holds"


def only_bins(table: pa.Table, bins: Iterable[Bin]) -> pa.Table:
    """Keep the rows of some flux bins."""
    wanted = set(bins)
    pairs = zip(table["bin_lo"].to_pylist(), table["bin_hi"].to_pylist(), strict=True)
    return table.filter([pair in wanted for pair in pairs])


def bins_in(table: pa.Table) -> list[Bin]:
    """The distinct flux bins of a table, faintest first."""
    return sorted(set(zip(table["bin_lo"].to_pylist(), table["bin_hi"].to_pylist(), strict=True)))


def chosen_bins(table: pa.Table, asked: Request, default: Sequence[Bin]) -> pa.Table:
    """Keep the bins that were asked for, else the kind's own.

    Raises
    ------
    NothingToDo
        If the table has none of them.
    """
    kept = only_bins(table, asked.bins or default)
    if kept.num_rows == 0:
        have = ", ".join(f"{low:g}-{high:g}" for low, high in bins_in(table))
        raise NothingToDo(f"none of the flux bins that were asked for was measured; there are {have}")
    return kept
