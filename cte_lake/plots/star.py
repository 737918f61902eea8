"""The history of one master star: its flux in every exposure."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from cte_lake.model.tables import column, has, numbers
from cte_lake.plots.axes import limits, time_axis
from cte_lake.plots.series import Series, draw_points, split
from cte_lake.plots.style import colour, finish, panels, styled
from cte_lake.plots.words import ELECTRONS, count_text, sentence, year_of

_CHIP_LOOKS = {2: (colour(1), "s"), 1: (colour(0), "o")}


@styled
def star_plot(table: Any, title: str = "", caption: str = "") -> Figure:
    """Draw flux, background and row of one star in all its exposures.

    Parameters
    ----------
    table : table or mapping
        Rows of the view ``star_history`` of one star: mjd, chip, flux, flux_err (electrons), sky
        (electrons per pixel), y (px) and, where there are any, filetype, target, filter,
        length, flash, master_id, flags.
    title, caption : str, optional
        Title; what else a reader must know.

    Returns
    -------
    Figure
    """
    figure, axes = panels(3, 1, height=7.4, sharex=True, height_ratios=(2.2, 1, 1))
    year = year_of(numbers(table, "mjd"))
    flux, error = numbers(table, "flux"), numbers(table, "flux_err")
    sky, row = numbers(table, "sky"), numbers(table, "y")
    zero = np.zeros(flux.size)
    for series in _series(table):
        here = series.index
        draw_points(axes[0, 0], year[here], flux[here], error[here], series)
        draw_points(axes[1, 0], year[here], sky[here], zero[here], series, label="_")
        draw_points(axes[2, 0], year[here], row[here], zero[here], series, label="_")
    axes[0, 0].set_ylim(*limits(flux, error, smallest=10.0))
    axes[1, 0].set_ylim(*limits(sky, smallest=2.0))
    axes[2, 0].set_ylim(*limits(row, smallest=50.0))
    axes[0, 0].set_ylabel(f"Flux ({ELECTRONS})")
    axes[1, 0].set_ylabel(f"Sky ({ELECTRONS}/px)")
    axes[2, 0].set_ylabel("Row y (px)")
    time_axis(axes[:, 0], numbers(table, "mjd"))
    figure.align_ylabels(axes[:, 0])
    told = sentence(
        [split(table, but=("chip",)).shared, count_text(flux.size, "measurement"), "bars: 1 sigma"]
    )
    return finish(figure, title or "History of a star", f"{told}. {caption}".strip(), axes[0, 0])


def _series(table: Any) -> list[Series]:
    chip = numbers(table, "chip")
    kind = column(table, "filetype") if has(table, ("filetype",)) else np.full(chip.size, "flt")
    both = len(set(kind.tolist())) > 1
    result = []
    for number in sorted(set(chip.tolist()), reverse=True):
        for filetype in sorted(set(kind.tolist()), reverse=True):
            shade, shape = _CHIP_LOOKS.get(int(number), (colour(2), "^"))
            label = f"chip {number:.0f}" + (f", {filetype.upper()}" if both else "")
            result.append(
                Series(label, (chip == number) & (kind == filetype), shade, shape, filetype != "flc")
            )
    return [series for series in result if series.index.any()]
