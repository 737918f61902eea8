"""What is asked of a figure, and what comes back."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from cte_lake.errors import NothingToDo
from cte_lake.lake.selection import Selection

if TYPE_CHECKING:
    import pyarrow as pa
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
    length : str
        's' or 'l'; '' for both, where the kind has no default.
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
    """

    selection: Selection = field(default_factory=Selection)
    length: str = ""
    aperture: int = 3
    estimator: str = "mean_flux"
    bins: tuple[Bin, ...] = ()
    time_bins: tuple[Bin, ...] = ()
    pair: int | None = None
    star: int | None = None
    image: str = ""
    coefficients: tuple[CoefficientSet, ...] = ()
    other: Lake | None = None
    names: tuple[str, str] = ("first", "second")

    def defaulting(self, length: str = "", **values: tuple[Any, ...]) -> Request:
        """Fill in what the user left open."""
        chosen = {key: value for key, value in values.items() if not getattr(self.selection, key) and value}
        return replace(self, selection=replace(self.selection, **chosen), length=self.length or length)

    def beside(self, other: Lake) -> Request:
        """Return the request with the lake that is compared with."""
        return replace(self, other=other)

    def where(self, *also: str) -> tuple[str, dict[str, Any]]:
        """Return a SQL condition with named parameters."""
        condition, values = self.selection.where()
        numbers = iter(range(len(values)))
        named = re.sub(r"\?", lambda _: f"$selected_{next(numbers)}", condition)
        parameters = {f"selected_{number}": value for number, value in enumerate(values)}
        conditions = [named, *also]
        if self.length:
            conditions.append("length = $length")
            parameters["length"] = self.length
        return " AND ".join(conditions), parameters

    def rows(self, table: pa.Table) -> pa.Table:
        """Keep the selected rows of a table.

        Raises
        ------
        NothingToDo
            If none is left.
        """
        chosen = [
            self.selection.matches(row) and (not self.length or row["length"] == self.length)
            for row in table.to_pylist()
        ]
        if not any(chosen):
            raise NothingToDo(f"nothing to plot for {self}; see `cte-lake status` for what the lake holds")
        return table.filter(chosen)

    def __str__(self) -> str:
        length = {"s": "short exposures", "l": "long exposures"}.get(self.length, "")
        return " ".join(part for part in (str(self.selection), length) if part) or "all exposures"


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
        raise NothingToDo(f"nothing to plot for {asked}; see `cte-lake status` for what the lake holds")
    return table


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
