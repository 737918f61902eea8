"""The loss of each chip by itself against time, a panel a flux bin."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from cte_lake.model.loss_unit import PERCENT, LossUnit
from cte_lake.model.tables import column, numbers
from cte_lake.plots.axes import limits, reference, time_axis
from cte_lake.plots.series import bins_of, draw_points, in_bin, legend_of, split
from cte_lake.plots.style import finish, panels, styled, y_label
from cte_lake.plots.words import bin_text, sentence, year_of


@styled
def chips_plot(table: Any, title: str = "", caption: str = "", unit: LossUnit = PERCENT) -> Figure:
    """Draw the losses of each chip against their dates.

    Parameters
    ----------
    table : table or mapping
        Rows of the view ``chips``: chip, mjd, bin_lo, bin_hi, loss, loss_err (fraction per 2048 rows of what
        is left), fixed_by and any of target, filter, length, flash, filetype; where these vary, they make
        series, as the chips do.
    title, caption, unit
        As of `cte_lake.plots.style.styled`.
    """
    bins, parts = bins_of(table), split(table)
    across = 2 if len(bins) > 1 else 1
    down = -(-len(bins) // across)
    figure, axes = panels(down, across, height=0.9 + 2.1 * down, sharex=True)
    year = year_of(numbers(table, "mjd"))
    loss, error = unit.of(numbers(table, "loss"), numbers(table, "loss_err"))
    for one, flux_bin in zip(axes.flat, bins, strict=False):
        here = in_bin(table, flux_bin) & np.isfinite(loss)
        for series in parts.series:
            chosen = here & series.index
            draw_points(one, year[chosen], loss[chosen], error[chosen], series)
        reference(one, 0.0)
        one.set_ylim(*limits(loss[here], error[here], include=(0.0,), smallest=unit.least))
        one.set_title(bin_text(*flux_bin))
    for one in axes.flat[len(bins) :]:
        one.set_visible(False)
    for k in range(across):
        time_axis(axes[:, k], numbers(table, "mjd"))
        if across > 1:
            # Two panels share the width of one: half of the years fit.
            axes[-1, k].xaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
    y_label(figure, unit.label)
    fixed = sorted(set(column(table, "fixed_by").tolist()))
    words = sentence(
        [
            parts.shared,
            "each chip by itself from all exposures, with or without a partner",
            "flux bins: electrons before the loss",
            f"tilt fixed by {' or '.join(fixed)}",
            "bars: 1 sigma",
        ]
    )
    return finish(figure, title or "CTE loss of each chip", f"{words}. {caption}".strip(), legend_of(parts))
