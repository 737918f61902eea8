"""Stars of the FLC that the FLT still shows, near to the amplifiers and far from them."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from cte_lake.model.tables import column, has, numbers
from cte_lake.plots.axes import limits, time_axis
from cte_lake.plots.series import KEYS, bins_of, draw_points, in_bin, split
from cte_lake.plots.style import finish, panels, styled, y_label
from cte_lake.plots.words import bin_text, count_text, sentence, year_of


@styled
def recovery_plot(table: Any, title: str = "", caption: str = "") -> Figure:
    """Draw the share of stars recovered against time, one panel a flux bin.

    Parameters
    ----------
    table : table or mapping
        Rows of the view ``recovery``: mjd, bin_lo, bin_hi (electrons), far (bool), recovered (0 to 1), n_flc
        (stars looked for) and any of target, filter, length, flash, rootname.
    title, caption : str, optional
        Title; what else a reader must know.

    Returns
    -------
    Figure
    """
    share, year = 100.0 * numbers(table, "recovered"), year_of(numbers(table, "mjd"))
    bins = bins_of(table)
    count = max(len(bins), 1)
    figure, axes = panels(count, 1, height=0.9 + 2.05 * count, sharex=True)
    parts = split(table, (*KEYS, "far"), but=("chip",))
    for one, flux_bin in zip(axes[:, 0], bins, strict=False):
        here = in_bin(table, flux_bin)
        for series in parts.series:
            chosen = here & series.index
            draw_points(one, year[chosen], share[chosen], np.zeros(int(chosen.sum())), series)
        low, high = limits(share[here], smallest=5.0)
        one.set_ylim(max(low, -2.0), min(high, 102.0))
        one.set_title(bin_text(*flux_bin))
    time_axis(axes[:, 0], numbers(table, "mjd"))
    y_label(figure, "Stars of the FLC recovered in the FLT (%)")
    images = len(set(column(table, "rootname").tolist())) if has(table, ("rootname",)) else 0
    looked_for = count_text(float(np.nansum(numbers(table, "n_flc"))), "star") + " looked for"
    told = sentence([parts.shared, count_text(images, "exposure") if images else "", looked_for])
    what = "Recovered: the flux in the FLT is over three of its errors."
    return finish(figure, title or "Stars recovered", f"{told}. {what} {caption}".strip(), axes[0, 0])
