"""What a figure's points have in common and what sets them apart."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike, NDArray

from cte_lake.arrays import FloatArray
from cte_lake.model.loss_unit import PERCENT, LossUnit
from cte_lake.model.tables import column, column_names, has, numbers
from cte_lake.plots.axes import limits, note, reference
from cte_lake.plots.palette import SOFT, colour, marker, marker_size
from cte_lake.plots.style import pt
from cte_lake.wording import count_text, sentence, word

#: Columns that may set series of losses apart, in the order in which a reader needs them.
KEYS = ("target", "proposal", "filter", "length", "flash", "filetype", "chip", "estimator", "aperture")
#: Keys that a series is never split by unless asked for; where they vary they are left unsaid.
_QUIET = frozenset({"proposal"})

Mask = NDArray[np.bool_]


#: How much smaller the points are than in the panel above.
_SMALLER = 0.75


@dataclass(frozen=True)
class Series:
    """Points that are drawn alike.

    Attributes
    ----------
    label : str
        What sets the series apart; '' where it is the only one.
    index : ndarray of bool
        Its rows.
    colour, marker : str
        How it is drawn.
    filled : bool
        False for FLC where FLT is in the figure too.
    name : str
        The label without the file type.
    """

    label: str
    index: Mask
    colour: str
    marker: str
    filled: bool = True
    name: str = ""

    @property
    def face(self) -> str:
        """Colour of a marker's inside."""
        return self.colour if self.filled else "white"


@dataclass(frozen=True)
class Split:
    """A table's series, and what all its rows share, in words."""

    series: list[Series]
    shared: str


def split(table: Any, keys: Sequence[str] = KEYS, but: Sequence[str] = ()) -> Split:
    """Split a table by those of `keys` that vary in it.

    FLT and FLC of one kind share a colour and differ by filled and open markers.

    Parameters
    ----------
    table : table or mapping
        Any of the columns of `keys`.
    keys, but : sequence of str
        Columns to look at, and those not to split by.
    """
    there = [key for key in keys if has(table, (key,)) and key not in but and _known(table, key)]
    values = {key: column(table, key) for key in there}
    distinct = {key: sorted(set(values[key].tolist()), key=_order) for key in there}
    shared = sentence(word(key, distinct[key][0]) for key in there if len(distinct[key]) == 1)
    varying = [key for key in there if len(distinct[key]) > 1 and key not in _QUIET]
    if not varying:
        rows = _length(table)
        return Split([Series("", np.ones(rows, bool), colour(0), marker(0))], shared)
    return Split(list(_series(values, distinct, varying)), shared)


def _series(
    values: dict[str, NDArray[Any]], distinct: dict[str, list[Any]], varying: list[str]
) -> Iterator[Series]:
    looks = [key for key in varying if key != "filetype"]
    styles: dict[tuple[Any, ...], int] = {}
    for combination in product(*(distinct[key] for key in varying)):
        of = dict(zip(varying, combination, strict=True))
        index = np.logical_and.reduce([values[key] == of[key] for key in varying])
        if not index.any():
            continue
        number = styles.setdefault(tuple(of[key] for key in looks), len(styles))
        label = sentence(word(key, of[key]) for key in varying)
        filled = of.get("filetype", "flt") != "flc"
        name = sentence(word(key, of[key]) for key in looks)
        yield Series(label, index, colour(number), marker(number + number // 7), filled, name)


def _order(value: Any) -> tuple[bool, Any]:
    # FLT before FLC, long before short: what a reader looks at first.
    return (isinstance(value, str), {"flt": "0", "flc": "1", "l": "0", "s": "1"}.get(value, value))


def _known(table: Any, key: str) -> bool:
    """Whether a column says anything; a view has NULL where a key does not apply."""
    values = column(table, key)
    return not (values.dtype.kind == "f" and np.isnan(values).all()) and not (values == "").all()


def _length(table: Any) -> int:
    return len(column(table, column_names(table)[0]))


def bins_of(table: Any) -> list[tuple[float, float]]:
    """The flux bins of a table, faintest first."""
    return sorted(set(zip(numbers(table, "bin_lo").tolist(), numbers(table, "bin_hi").tolist(), strict=True)))


def in_bin(table: Any, flux_bin: tuple[float, float]) -> Mask:
    """Rows of a flux bin."""
    inside: Mask = (numbers(table, "bin_lo") == flux_bin[0]) & (numbers(table, "bin_hi") == flux_bin[1])
    return inside


def draw_points(
    axes: Axes,
    x: ArrayLike,
    y: ArrayLike,
    error: ArrayLike,
    series: Series,
    label: str | None = None,
    size: float = 1.0,
) -> None:
    """Draw points with 1-sigma bars in the look of their series; no points make no entry of a legend."""
    if np.size(x) == 0:
        return
    axes.errorbar(
        np.asarray(x),
        np.asarray(y),
        yerr=np.nan_to_num(np.asarray(error, dtype=np.float64)),
        fmt=series.marker,
        color=series.colour,
        markerfacecolor=series.face,
        markeredgecolor=series.colour if not series.filled else "white",
        markeredgewidth=pt(1.6 if not series.filled else 0.5),
        markersize=pt(marker_size(series.marker) * size),
        ecolor=series.colour,
        elinewidth=pt(1.5),
        # A bar hardly longer than its marker would be cut off by the marker's white rim.
        barsabove=series.filled,
        label=series.label if label is None else label,
        zorder=3,
    )


@dataclass(frozen=True)
class Side:
    """Rows that get panels of their own, beside those of others.

    Attributes
    ----------
    title : str
        What sets them apart; '' where there are no others.
    values : dict
        The columns that do, with their values.
    index : ndarray of bool
        The rows.
    """

    title: str
    values: dict[str, Any]
    index: Mask

    def of(self, table: Any) -> Mask:
        """The rows of another table, such as one of curves, that belong here."""
        chosen = np.ones(_length(table), bool)
        for key, value in self.values.items():
            chosen &= of_value(table, key, value)
        return chosen


def sides(table: Any, keys: Sequence[str] = ("target", "filter", "length", "chip")) -> list[Side]:
    """Part a table by those of `keys` that vary in it, for panels side by side; one part where none does."""
    varying = [key for key in keys if len(known(table, key)) > 1 and _known(table, key)]
    result = []
    for values in product(*(known(table, key) for key in varying)):
        of = dict(zip(varying, values, strict=True))
        side = Side(sentence(word(key, value) for key, value in of.items()), of, np.zeros(0, bool))
        index = side.of(table)
        if index.any() or not of:
            result.append(replace(side, index=index))
    return result


def curves_of(curves: Any, table: Any, rows: Mask, also: Mask) -> Iterator[Mask]:
    """Rows of each curve that is for some rows of a table: those alike in all keys that both have.

    Parameters
    ----------
    curves, table : table or mapping
        The curves, and the points.
    rows : ndarray of bool
        Rows of `table`.
    also : ndarray of bool
        Rows of `curves` that come into question.
    """
    keys = [key for key in KEYS if has(curves, (key,)) and has(table, (key,))]
    of_table, of_curves = ([column(one, key) for key in keys] for one in (table, curves))
    for values in sorted({tuple(values[k] for values in of_table) for k in np.flatnonzero(rows)}, key=str):
        chosen = also.copy()
        for stated, value in zip(of_curves, values, strict=True):
            chosen &= stated == value
        if chosen.any():
            yield chosen


def losses(table: Any, unit: LossUnit = PERCENT) -> tuple[FloatArray, FloatArray]:
    """Return the losses and their errors in a unit, NaN where a row has none."""
    return unit.of(numbers(table, "cte_loss"), numbers(table, "cte_loss_err"))


def has_model(table: Any) -> bool:
    """Whether a model says something of any row."""
    return has(table, ("model_loss",)) and bool(np.isfinite(numbers(table, "model_loss")).any())


def residuals(table: Any, unit: LossUnit = PERCENT) -> tuple[FloatArray, FloatArray]:
    """Return loss less that of the model, and the error of the loss; NaN where there is no model."""
    loss, error = losses(table, unit)
    return loss - unit.of(numbers(table, "model_loss"), error)[0], error


def curve_losses(curves: Any, unit: LossUnit = PERCENT) -> tuple[FloatArray, FloatArray]:
    """Return a model's losses and their errors in a unit; the errors are 0 where none are known."""
    loss = numbers(curves, "loss")
    error = numbers(curves, "loss_err") if has(curves, ("loss_err",)) else np.zeros(loss.size)
    return unit.of(loss, error)


def known(table: Any, key: str) -> list[Any]:
    """The values of a column in the order in which a reader wants them; [''] without such a column."""
    return sorted(set(column(table, key).tolist()), key=_order) if has(table, (key,)) else [""]


def of_value(table: Any, key: str, value: Any) -> Mask:
    """Rows with a value in a column; all rows where there is no such column."""
    if not has(table, (key,)):
        return np.ones(_length(table), bool)
    return np.asarray(column(table, key) == value, dtype=bool)


def sample_of(series: Series) -> Line2D:
    """A marker that shows the look of a series in a legend."""
    return Line2D(
        [],
        [],
        linestyle="",
        marker=series.marker,
        color=series.colour,
        markerfacecolor=series.face,
        markeredgecolor=series.colour if not series.filled else "white",
        markeredgewidth=pt(1.6 if not series.filled else 0.5),
        markersize=pt(marker_size(series.marker)),
        label=series.label,
    )


def legend_of(parts: Split) -> list[Line2D]:
    """The entries of a legend: a colour a kind, and what filled and open markers are where there are both."""
    kinds = {series.name: replace(series, label=series.name, filled=True) for series in parts.series}
    samples = [sample_of(series) for name, series in kinds.items() if name]
    only = parts.series[0] if len(kinds) == 1 and parts.series else None
    fills = {series.filled for series in parts.series}
    return samples + (filetype_samples(only) if len(fills) > 1 else [])


def filetype_samples(look: Series | None = None) -> list[Line2D]:
    """What filled and open markers are, in grey or in the look of a series."""
    shown = look or Series("", np.zeros(0, bool), SOFT, "o")
    kinds = (("FLT", True), ("FLC", False))
    return [sample_of(replace(shown, label=kind, filled=filled)) for kind, filled in kinds]


def basis(table: Any) -> str:
    """From how many pairs and stars a table of losses is, in words."""
    pairs = len(set(column(table, "pair_id").tolist())) if has(table, ("pair_id",)) else 0
    parts = [count_text(pairs, "pair")] if pairs else []
    if has(table, ("n",)):
        parts.append(count_text(float(np.nansum(numbers(table, "n"))), "flux ratio") + " of stars")
    return " and ".join(parts)


def residual_panel(
    axes: Axes, table: Any, x: ArrayLike, series: Iterable[Series], here: Mask, scale: Mask, unit: LossUnit
) -> None:
    """Draw losses less the model's.

    The panel shows the rows `here` of a table with model_loss beside cte_loss; its axis holds those of
    `scale`.
    """
    across, (left, error) = np.asarray(x), residuals(table, unit)
    for one in series:
        chosen = here & one.index & np.isfinite(left)
        draw_points(axes, across[chosen], left[chosen], error[chosen], one, label="_", size=_SMALLER)
    reference(axes, 0.0)
    if here.any() and not (here & np.isfinite(left)).any():
        note(axes, "no coefficients")
    axes.set_ylim(*limits(left[scale], error[scale], include=(0.0,), smallest=0.5 * unit.least, margin=0.15))
    axes.yaxis.set_major_locator(MaxNLocator(3))


def residual_label(axes: Axes, unit: LossUnit) -> None:
    """Say what the small panel shows."""
    axes.set_ylabel(f"Residual\n({unit.symbol})", fontsize=pt(10.5))
