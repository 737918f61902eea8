"""The history of one master star: its flux in every exposure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from cte_lake.model.tables import column, has, numbers
from cte_lake.plots.axes import limits, log_axis, time_axis
from cte_lake.plots.palette import SOFT, colour, sequence
from cte_lake.plots.series import Series, draw_points, split
from cte_lake.plots.style import finish, panels, styled
from cte_lake.wording import ELECTRONS, count_text, sentence, word, year_of

_MARKERS = {1: "o", 2: "s"}
_CHIP_COLOURS = {1: colour(0), 2: colour(1)}
#: What makes fluxes of one star differ beside the loss, in the order in which a reader needs it.
_KINDS = ("filter", "length", "flash")
#: From this ratio of the largest to the least flux on, the axis is logarithmic.
_WIDE = 30.0
#: Points of one date stand side by side: apart, and all together at most, in the range of dates.
_ASIDE, _ASIDE_ALL = 0.007, 0.06


@styled
def star_plot(table: Any, title: str = "", caption: str = "") -> Figure:
    """Draw flux, background and row of one star in all its exposures.

    Parameters
    ----------
    table : table or mapping
        Rows of the view ``star_history`` of one star: mjd, chip, flux, flux_err (electrons), sky
        (electrons per pixel), y (px) and, where there are any, filetype, target, filter,
        length, flash, master_id, flags. Where filter, length or flash vary, they differ in colour.
    title, caption
        As of `cte_lake.plots.style.styled`.
    """
    figure, axes = panels(3, 1, height=7.4, sharex=True, height_ratios=(2.2, 1, 1))
    year = year_of(numbers(table, "mjd"))
    flux, error = numbers(table, "flux"), numbers(table, "flux_err")
    sky, row = numbers(table, "sky"), numbers(table, "y")
    zero = np.zeros(flux.size)
    span = max(float(np.ptp(year)), 1.0) if year.size else 1.0
    for place, series in _side_by_side(_series(table)):
        here = series.index
        at = year[here] + span * place
        draw_points(axes[0, 0], at, flux[here], error[here], series)
        draw_points(axes[1, 0], at, sky[here], zero[here], series, label="_")
        draw_points(axes[2, 0], at, row[here], zero[here], series, label="_")
    _flux_axis(axes[0, 0], flux, error)
    axes[1, 0].set_ylim(*limits(sky, smallest=2.0))
    axes[2, 0].set_ylim(*limits(row, smallest=50.0))
    axes[1, 0].set_ylabel(f"Sky ({ELECTRONS}/px)")
    axes[2, 0].set_ylabel("Row y (px)")
    time_axis(axes[:, 0], numbers(table, "mjd"))
    figure.align_ylabels(axes[:, 0])
    summary = sentence(
        [
            split(table, but=("chip",)).shared,
            count_text(flux.size, "measurement"),
            "bars: 1 sigma",
            "side by side: of one date",
        ]
    )
    return finish(figure, title or "History of a star", f"{summary}. {caption}".strip(), axes[0, 0])


def _flux_axis(axes: Axes, flux: NDArray[np.float64], error: NDArray[np.float64]) -> None:
    if flux.size and np.nanmin(flux) > 0 and np.nanmax(flux) > _WIDE * np.nanmin(flux):
        low, high = limits(np.log10(flux))
        axes.set_ylim(10**low, 10**high)
        log_axis(axes, "y")
    else:
        axes.set_ylim(*limits(flux, error, smallest=10.0))
    axes.set_ylabel(f"Flux ({ELECTRONS})")


def _side_by_side(every: Sequence[Series]) -> list[tuple[float, Series]]:
    step = min(_ASIDE, _ASIDE_ALL / max(len(every), 1))
    return [(step * (place - 0.5 * (len(every) - 1)), series) for place, series in enumerate(every)]


def _series(table: Any) -> list[Series]:
    """Chips by marker, FLT and FLC by filled and open ones; colours by chip, or by what else varies."""
    chip = numbers(table, "chip")
    varying = [key for key in _KINDS if has(table, (key,)) and len(set(column(table, key).tolist())) > 1]
    filetype = column(table, "filetype") if has(table, ("filetype",)) else np.full(chip.size, "flt")
    both = len(set(filetype.tolist())) > 1
    kinds = list(zip(*(column(table, key).tolist() for key in varying), strict=True)) or [()] * chip.size
    names = sorted(set(kinds))
    shades = (
        sequence(len(names)) if varying == ["flash"] else [colour(number) for number in range(len(names))]
    )
    result = []
    for number, kind in sorted(
        set(zip(chip.tolist(), kinds, strict=True)), key=lambda one: (one[1], -one[0])
    ):
        of_kind = np.array([other == kind for other in kinds], dtype=bool) & (chip == number)
        for name in sorted(set(filetype[of_kind].tolist()), reverse=True):
            words = [word(key, value) for key, value in zip(varying, kind, strict=True)]
            label = sentence([f"chip {number:.0f}", *words, name.upper() if both else ""])
            shade = shades[names.index(kind)] if varying else _CHIP_COLOURS.get(int(number), SOFT)
            index = of_kind & (filetype == name)
            result.append(Series(label, index, shade, _MARKERS.get(int(number), "^"), name != "flc"))
    return result
