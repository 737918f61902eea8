"""Stars of the FLC that the FLT still shows, near to the amplifiers and far from them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from cte_lake.model.tables import column, has, numbers
from cte_lake.plots.axes import limits, time_axis
from cte_lake.plots.series import KEYS, Series, Split, bins_of, in_bin, sides, split
from cte_lake.plots.style import finish, panels, pt, styled, y_label
from cte_lake.wording import bin_text, count_text, sentence, word, year_of

#: Near is a wide ring and far a small square, so that both are seen where they fall on each other.
_SIZES = {False: 9.5, True: 5.8}


@styled
def recovery_plot(table: Any, title: str = "", caption: str = "") -> Figure:
    """Draw the share of stars recovered against time, one panel a flux bin.

    Parameters
    ----------
    table : table or mapping
        Rows of the view ``recovery``: mjd, bin_lo, bin_hi (electrons), far (bool), recovered (0 to 1), n_flc
        (stars looked for) and any of n_unjudged, target, filter, length, flash, rootname; recovered_low and
        recovered_high, the ends of the bars, where there are any.
    title, caption
        As of `cte_lake.plots.style.styled`.
    """
    bins, columns = bins_of(table), sides(table, ("target", "filter", "length"))
    count = max(len(bins), 1)
    figure, axes = panels(
        count,
        len(columns),
        height=0.9 + 1.9 * count,
        sharex=True,
        sharey="row",
        width=8.0 if len(columns) == 1 else 5.5 * len(columns),
    )
    parts = split(table, KEYS, but=("chip", *columns[0].values))
    looked_for = numbers(table, "n_flc")
    for across, side in enumerate(columns):
        for one, flux_bin in zip(axes[:, across], bins, strict=False):
            of_bin = in_bin(table, flux_bin)
            here = of_bin & side.index
            for series in parts.series:
                _draw_halves(one, table, here, series)
            _share_axis(one, 100.0 * np.concatenate([edge[of_bin] for edge in _edges(table)]))
            stars = count_text(float(np.nansum(looked_for[here])), "star")
            of_side = f"{side.title}, " if side.title else ""
            one.set_title(f"{of_side}{bin_text(*flux_bin)} in the FLC: {stars}")
        time_axis(axes[:, across], numbers(table, "mjd"))
    y_label(figure, "Stars of the FLC recovered in the FLT (%)")
    summary = f"{_summary(table, parts)} {caption}".strip()
    return finish(figure, title or "Stars recovered", summary, axes[0, 0])


def _edges(table: Any) -> tuple[Any, Any]:
    if has(table, ("recovered_low", "recovered_high")):
        return numbers(table, "recovered_low"), numbers(table, "recovered_high")
    return numbers(table, "recovered"), numbers(table, "recovered")


def _draw_halves(axes: Axes, table: Any, here: Any, series: Series) -> None:
    share, year, far = numbers(table, "recovered"), year_of(numbers(table, "mjd")), column(table, "far")
    low, high = _edges(table)
    for half, size in _SIZES.items():
        chosen = here & series.index & (far == half) & np.isfinite(share)
        look = replace(series, filled=half, marker="s" if half else "o")
        bars = 100.0 * np.stack([(share - low)[chosen], (high - share)[chosen]])
        axes.errorbar(
            year[chosen],
            100.0 * share[chosen],
            yerr=np.clip(bars, 0.0, None),
            fmt=look.marker,
            color=look.colour,
            markerfacecolor=look.face,
            markeredgecolor=look.colour,
            markeredgewidth=1.6 if not half else 0.0,
            markersize=pt(size),
            elinewidth=pt(1.3),
            label=sentence([series.label, word("far", half)]),
            zorder=3 + half,
        )


def _share_axis(axes: Axes, values: Any) -> None:
    """Limits from the data; no mark above 100 %, however much room the markers need there."""
    low, high = limits(values, include=(100.0,), smallest=12.0)
    axes.set_ylim(max(low, -4.0), min(high, 100.0 + 0.06 * (100.0 - max(low, 0.0))))
    marks = MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]).tick_values(max(low, 0.0), 100.0)
    axes.set_yticks([mark for mark in marks if max(low, 0.0) <= mark <= 100.0])


def _summary(table: Any, parts: Split) -> str:
    images = len(set(column(table, "rootname").tolist())) if has(table, ("rootname",)) else 0
    stars = count_text(float(np.nansum(numbers(table, "n_flc"))), "star") + " looked for"
    summary = sentence([parts.shared, count_text(images, "exposure") if images else "", stars])
    summary += ": those that the FLC shows at 3 sigma. Recovered: the FLT shows them at 3 sigma too"
    if has(table, ("recovered_low",)):
        summary += "; bars: 1 sigma of the share"
    if has(table, ("n_unjudged",)):
        unjudged = float(np.nansum(numbers(table, "n_unjudged")))
        summary += f". {count_text(unjudged, 'star')} without a usable measurement in the FLT are in no share"
    return summary + "."
