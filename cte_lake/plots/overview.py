"""Coverage: which visit, flash level, filter and file type is in the lake."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from cte_lake.model.tables import column, numbers
from cte_lake.plots.axes import time_axis
from cte_lake.plots.palette import GRID, SOFT, colour, marker
from cte_lake.plots.series import split
from cte_lake.plots.style import finish, panels, pt, styled, y_label
from cte_lake.wording import count_text, target_text, year_of

#: Width of a letter of the labels in that of a panel.
_LETTER = 0.0125
#: Height of panels, inches before scaling, from which on the long label of the y axis fits.
_ROOM = 2.2


@styled
def overview_plot(table: Any, title: str = "", caption: str = "") -> Figure:
    """Draw what is in the lake: date along, flash level up, filter and length by marker, one panel a target.

    Parameters
    ----------
    table : table or mapping
        Rows of the view ``coverage``: target, proposal, visit, filter, length, flash (electrons per
        pixel), mjd, n_exposures (FLT and FLC apart), n_pairs.
    title, caption
        As of `cte_lake.plots.style.styled`.
    """
    target = column(table, "target")
    targets = sorted(set(target.tolist()))
    levels = {one: sorted(set(numbers(table, "flash")[target == one].tolist())) for one in targets}
    heights = [1.3 + 0.42 * len(levels[one]) for one in targets] or [1.0]
    figure, axes = panels(
        len(heights), 1, height=0.9 + 0.8 * sum(heights), sharex=True, height_ratios=tuple(heights)
    )
    kinds = sorted(set(zip(column(table, "filter").tolist(), column(table, "length").tolist(), strict=True)))
    for one, name in zip(axes[:, 0], targets, strict=False):
        _draw_target(one, table, target == name, levels[name], kinds)
        _name_visits(one, table, target == name)
        one.set_title(target_text(name))
    time_axis(axes[:, 0], numbers(table, "mjd"))
    # One level alone has no room for the long label.
    y_label(figure, "Post-flash level (e⁻/px)" if sum(heights) > _ROOM else "Flash (e⁻/px)")
    _name_kinds(axes[0, 0], kinds)
    exposures = float(numbers(table, "n_exposures").sum())
    visits = len(set(zip(column(table, "proposal").tolist(), column(table, "visit").tolist(), strict=True)))
    shared = split(table, ("filter", "length")).shared
    summary = (
        f"{shared + ', ' if shared else ''}"
        f"{count_text(exposures, 'exposure and file type', 'exposures and file types')} of "
        f"{count_text(visits, 'visit')}; the area grows with their number; a ring: none of them is in a "
        "pair. Above: proposal and visits"
    )
    return finish(figure, title or "What is in the lake", f"{summary}. {caption}".strip(), axes[0, 0])


def _draw_target(axes: Any, table: Any, here: Any, levels: list[float], kinds: list[tuple[Any, Any]]) -> None:
    year, count, pairs = (
        year_of(numbers(table, "mjd")),
        numbers(table, "n_exposures"),
        numbers(table, "n_pairs"),
    )
    place = {level: float(number) for number, level in enumerate(levels)}
    row = np.array([place.get(level, np.nan) for level in numbers(table, "flash").tolist()])
    filters, lengths = column(table, "filter"), column(table, "length")
    for number, (filter_, length) in enumerate(kinds):
        chosen = here & (filters == filter_) & (lengths == length)
        # Kinds stand above each other within a level, so none hides another.
        lift = 0.5 * ((number + 0.5) / len(kinds) - 0.5)
        shade = colour(number)
        axes.scatter(
            year[chosen],
            row[chosen] + lift,
            s=pt(pt(26.0)) * np.sqrt(np.clip(count[chosen], 1, 64)),
            marker=marker(number),
            facecolors=np.where(pairs[chosen] > 0, shade, "white"),
            edgecolors=shade,
            linewidths=1.4,
            zorder=3,
        )
    axes.set_yticks(list(place.values()), [f"{level:g}" for level in levels])
    axes.set_ylim(-0.6, len(levels) - 0.4 + 0.8)
    axes.grid(axis="y", visible=False)
    for between in range(1, len(levels)):
        axes.axhline(between - 0.5, color=GRID, linewidth=0.8, zorder=0)
    axes.tick_params(axis="y", length=0, labelcolor=SOFT)


def _name_visits(axes: Any, table: Any, here: Any) -> None:
    """Write proposal and visits above their dates; the proposal alone, or nothing, where there is no room."""
    proposal, visit, year = column(table, "proposal"), column(table, "visit"), year_of(numbers(table, "mjd"))
    labels = []
    for number in sorted(set(proposal[here].tolist())):
        of_proposal = here & (proposal == number)
        visits = sorted(set(visit[of_proposal].tolist()))
        both_ends = f"{number}/{visits[0]}" + (f" to {visits[-1]}" if len(visits) > 1 else "")
        labels.append((float(year[of_proposal].mean()), str(number), both_ends))
    labels.sort()
    span = max(float(np.ptp(year)), 1.0)
    apart = np.diff([date for date, _, _ in labels], prepend=-np.inf, append=np.inf) / span
    for (date, *texts), before, after in zip(labels, apart[:-1], apart[1:], strict=True):
        fitting = [text for text in texts if _LETTER * (len(text) + 1) < min(before, after)]
        axes.annotate(
            max(fitting, key=len, default=""),
            (date, 1.0),
            xycoords=("data", "axes fraction"),
            xytext=(0, -5),
            textcoords="offset points",
            ha="center",
            va="top",
            fontsize=pt(10),
            color=SOFT,
        )


def _name_kinds(axes: Any, kinds: list[tuple[Any, Any]]) -> None:
    for number, (filter_, length) in enumerate(kinds):
        name = f"{filter_}, {'short' if length == 's' else 'long'}"
        axes.plot([], [], marker(number), color=colour(number), label=name, markersize=pt(8))
