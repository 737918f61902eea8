"""Share of the master catalog's stars that an exposure recovers, FLT against FLC."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from cte_lake.model.tables import column, has, numbers
from cte_lake.plots.axes import limits, time_axis, year_of
from cte_lake.plots.series import bins_of, draw_points, in_bin, split
from cte_lake.plots.style import finish, panels, styled, y_label
from cte_lake.plots.words import bin_text, count_text, sentence


@styled
def recovery_plot(table: Any, title: str = "", caption: str = "") -> Figure:
    """Draw the fraction of stars recovered against time, one panel a flux bin, FLC with open markers.

    Parameters
    ----------
    table : table or mapping
        Rows of the view ``recovery``: mjd, filetype, fraction (0 to 1), n_expected (stars looked for) and,
        where there are any, bin_lo, bin_hi (electrons), fraction_err, target, filter, length, flash.
    title, caption : str, optional
        Title; what else a reader must know.

    Returns
    -------
    Figure
    """
    fraction = 100.0 * numbers(table, "fraction")
    error = (
        100.0 * numbers(table, "fraction_err") if has(table, ("fraction_err",)) else np.zeros_like(fraction)
    )
    year = year_of(numbers(table, "mjd"))
    binned = has(table, ("bin_lo", "bin_hi"))
    bins = bins_of(table) if binned else [(0.0, 0.0)]
    count = max(len(bins), 1)
    figure, axes = panels(count, 1, height=0.9 + 2.05 * count, sharex=True)
    parts = split(table)
    for one, flux_bin in zip(axes[:, 0], bins, strict=False):
        here = in_bin(table, flux_bin) if binned else np.ones(fraction.size, bool)
        for series in parts.series:
            chosen = here & series.index
            draw_points(one, year[chosen], fraction[chosen], error[chosen], series)
        low, high = limits(fraction[here], error[here], smallest=5.0)
        one.set_ylim(max(low, -2.0), min(high, 102.0))
        if binned:
            one.set_title(bin_text(*flux_bin))
    time_axis(axes[:, 0], numbers(table, "mjd"))
    y_label(figure, "Stars recovered (% of those looked for)")
    images = len(set(column(table, "imagename").tolist())) if has(table, ("imagename",)) else 0
    looked_for = count_text(float(np.nansum(numbers(table, "n_expected"))), "star") + " looked for"
    told = sentence([parts.shared, count_text(images, "exposure") if images else "", looked_for])
    return finish(figure, title or "Stars recovered", f"{told}. {caption}".strip(), axes[0, 0])
