"""Axes of all figures: limits from the data, dates, logarithms, lines of reference."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter, ScalarFormatter
from numpy.typing import ArrayLike

from cte_lake.plots.palette import INK, SOFT, darker
from cte_lake.plots.style import pt
from cte_lake.wording import mjd_of, year_of


def limits(
    values: ArrayLike,
    errors: ArrayLike | None = None,
    include: Iterable[float] = (),
    margin: float = 0.07,
    smallest: float = 0.0,
) -> tuple[float, float]:
    """Return axis limits that hold all values, and error bars that are not out of all proportion.

    Parameters
    ----------
    values, errors : array_like
        What is plotted; NaN is left out.
    include : iterable of float, optional
        Values that must be in view, such as 0.
    margin : float, optional
        Share of the range that is added at either end.
    smallest : float, optional
        Least range.
    """
    value = np.asarray(values, dtype=np.float64).ravel()
    reach = np.zeros_like(value) if errors is None else np.asarray(errors, dtype=np.float64).ravel()
    good = np.isfinite(value)
    value, reach = value[good], np.nan_to_num(reach[good])
    fixed = np.array([*include], dtype=np.float64)
    centre = np.concatenate([value, fixed])
    if centre.size == 0:
        return (0.0, 1.0)
    span = max(float(np.ptp(centre)), smallest)
    if value.size > 1:
        reach = np.minimum(reach, max(0.6 * span, float(np.median(reach)) * 3))
    low = float(np.concatenate([value - reach, fixed]).min())
    high = float(np.concatenate([value + reach, fixed]).max())
    if high - low < smallest or high == low:
        half = 0.5 * (smallest or abs(low) * 0.1 or 1.0)
        low, high = 0.5 * (low + high) - half, 0.5 * (low + high) + half
    pad = margin * (high - low)
    return (low - pad, high + pad)


def time_axis(axes: Iterable[Axes], mjd: ArrayLike) -> None:
    """Give panels with Julian years along x their limits and labels, the first one with MJD on top."""
    every = list(axes)
    low, high = limits(year_of(mjd), smallest=1.0, margin=0.05)
    for one in every:
        one.set_xlim(low, high)
    every[-1].set_xlabel("Date (year)")
    # On a narrow panel eight dates would run into each other.
    spec, figure = every[-1].get_subplotspec(), every[-1].get_figure(root=True)
    beside = 1 if spec is None else spec.get_gridspec().ncols
    wide = figure is None or figure.get_figwidth() > pt(7.0) * beside
    marks = 8 if wide else 5
    every[-1].xaxis.set_major_locator(MaxNLocator(marks, steps=[1, 2, 5, 10]))
    every[-1].xaxis.set_major_formatter(ScalarFormatter(useOffset=False))
    top = every[0].secondary_xaxis("top", functions=(mjd_of, year_of))
    top.tick_params(labelsize=pt(10.5), labelcolor=SOFT)
    top.set_xlabel("MJD (d)", fontsize=pt(10.5), color=SOFT, loc="right", labelpad=pt(5))
    top.xaxis.set_major_locator(MaxNLocator(6))
    title = every[0].get_title(loc="left")
    if title:
        # At a height of its own, else the title would climb over the label of the second axis.
        every[0].set_title(title, y=1.0, pad=pt(24))


def log_axis(axes: Axes, which: str = "x", few: bool = False) -> None:
    """Make an axis logarithmic with plain numbers at 1, 2 and 5; at 1 and 3 if there is room for few."""
    getattr(axes, f"set_{which}scale")("log")
    axis = getattr(axes, f"{which}axis")
    low, high = sorted(getattr(axes, f"get_{which}lim")())
    wide = high / max(low, 1e-300) > 3e4
    axis.set_major_locator(LogLocator(10, subs=(1.0,) if wide else (1.0, 3.0) if few else (1.0, 2.0, 5.0)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_locator(LogLocator(10, subs=tuple(range(1, 10))))
    axis.set_minor_formatter(NullFormatter())


def reference(axes: Axes, value: float, which: str = "h") -> None:
    """Draw a line of reference, behind the data."""
    line = axes.axhline if which == "h" else axes.axvline
    line(value, color=SOFT, linewidth=pt(1.1), linestyle=(0, (4, 3)), zorder=1.5)


def headed(axes: Axes, title: str, text: str, shade: str) -> None:
    """Give a panel a title in its colour, and under it what was found in it, clear of the data."""
    axes.set_title(title, color=darker(shade), pad=pt(22))
    beside_title(axes, text, 0.0, 5.0)


def beside_title(axes: Axes, text: str, across: float, up: float) -> None:
    """Write above a panel: at its left (0) or right end (1), so many points up."""
    written = axes.annotate(
        text,
        (across, 1.0),
        xycoords="axes fraction",
        xytext=(0, pt(up)),
        textcoords="offset points",
        ha="right" if across else "left",
        fontsize=pt(11),
        color=INK,
    )
    # The title's pad keeps its room; text wider than a panel not laid out yet would squeeze that to nothing.
    written.set_in_layout(False)


def line_with_band(axes: Axes, x: ArrayLike, y: ArrayLike, error: ArrayLike, shade: str, **look: Any) -> None:
    """Draw a line and its 1-sigma band over points; thin, so that the band shows beside it."""
    value, half = np.asarray(y, dtype=np.float64), np.asarray(error, dtype=np.float64)
    band_of_line(axes, x, value - half, value, value + half, shade, **look)


def band_of_line(
    axes: Axes, x: ArrayLike, low: ArrayLike, middle: ArrayLike, high: ArrayLike, shade: str, **look: Any
) -> None:
    """Draw a line and the band between two others over points."""
    for colour, alpha in (("white", 0.5), (shade, 0.42)):
        axes.fill_between(x, low, high, color=colour, alpha=alpha, linewidth=0, zorder=3)
    axes.plot(x, middle, color=darker(shade), linewidth=pt(1.6), zorder=4, **look)


def note(axes: Axes, text: str) -> None:
    """Write a short remark into the upper right corner of a panel."""
    axes.annotate(
        text,
        (0.985, 0.97),
        xycoords="axes fraction",
        ha="right",
        va="top",
        fontsize=pt(11),
        color=INK,
        bbox={"boxstyle": "round,pad=0.25", "facecolor": "white", "edgecolor": "none", "alpha": 0.82},
        zorder=6,
    )
