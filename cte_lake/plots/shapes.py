"""The shapes of stars: growth curves along the rows, and one number for the sharpness of an exposure."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from cte_lake.model.tables import has, numbers
from cte_lake.plots.axes import limits, time_axis
from cte_lake.plots.series import KEYS, draw_points, split
from cte_lake.plots.style import finish, panels, styled, y_label
from cte_lake.plots.words import count_text, sentence, year_of


@styled
def growth_plot(table: Any, title: str = "", caption: str = "") -> Figure:
    """Draw the light inside a radius over that inside 10 px along the rows, one panel a radius.

    Parameters
    ----------
    table : table or mapping
        Rows of the view ``growth``: aperture (px), chip, row_lo, row_hi (px), growth, growth_err, n and any
        of target, filter, length, flash, filetype, imagename; places with the same rows are drawn beside each
        other.
    title, caption : str, optional
        Title; what else a reader must know.

    Returns
    -------
    Figure
    """
    apertures = sorted(set(numbers(table, "aperture").tolist()))
    count = max(len(apertures), 1)
    figure, axes = panels(count, 1, height=0.9 + 1.9 * count, sharex=True)
    parts = split(table, KEYS, but=("aperture",))
    value, error = numbers(table, "growth"), numbers(table, "growth_err")
    middle = 0.5 * (numbers(table, "row_lo") + numbers(table, "row_hi"))
    if has(table, ("column_lo",)):
        middle = middle + 40.0 * (numbers(table, "column_lo") / 1024.0 - 1.5)
    for one, aperture in zip(axes[:, 0], apertures, strict=False):
        here = (numbers(table, "aperture") == aperture) & np.isfinite(value)
        for series in parts.series:
            chosen = here & series.index
            draw_points(one, middle[chosen], value[chosen], error[chosen], series, size=0.8)
        one.set_ylim(*limits(value[here], error[here], smallest=0.01))
        one.set_title(f"Inside {aperture:g} px")
    axes[-1, 0].set_xlabel("Row on the chip (px)")
    y_label(figure, "Light inside the radius / inside 10 px (1)")
    stars = _stars(table, numbers(table, "aperture") == apertures[0] if apertures else None)
    summary = f"{sentence([parts.shared, stars])}; bars: 1 sigma of the median. {caption}".strip()
    return finish(figure, title or "Growth curves", summary, axes[0, 0])


@styled
def focus_plot(table: Any, title: str = "", caption: str = "") -> Figure:
    """Draw the sharpness of exposures against time.

    Parameters
    ----------
    table : table or mapping
        Rows of the view ``focus``: mjd, chip, focus, focus_err, n and any of target, filter, length,
        filetype.
    title, caption : str, optional
        Title; what else a reader must know.

    Returns
    -------
    Figure
    """
    figure, axes = panels(1, 1, height=3.6)
    parts = split(table, ("target", "filter", "length", "filetype", "chip"))
    value, error, year = numbers(table, "focus"), numbers(table, "focus_err"), year_of(numbers(table, "mjd"))
    one = axes[0, 0]
    for series in parts.series:
        chosen = series.index & np.isfinite(value)
        draw_points(one, year[chosen], value[chosen], error[chosen], series)
    one.set_ylim(*limits(value, error, smallest=0.02))
    time_axis(axes[:, 0], numbers(table, "mjd"))
    y_label(figure, "Light inside 2 px / inside 10 px (1)")
    exposures = count_text(len(value), "exposure")
    summary = f"{sentence([parts.shared, exposures, _stars(table)])}; larger is sharper. {caption}".strip()
    return finish(figure, title or "Focus", summary, one)


def _stars(table: Any, chosen: Any = None) -> str:
    n = numbers(table, "n") if chosen is None else numbers(table, "n")[chosen]
    return count_text(float(np.nansum(n)), "bright star")
