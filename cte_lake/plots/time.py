"""CTE loss against time, one panel a flux bin."""

from __future__ import annotations

from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cte_lake.model.tables import numbers
from cte_lake.plots.axes import limits, reference, time_axis
from cte_lake.plots.series import Split, basis, bins_of, curves_of, draw_points, in_bin, losses, split
from cte_lake.plots.style import finish, panels, styled, y_label
from cte_lake.plots.words import LOSS_LABEL, bin_text, sentence, year_of


@styled
def time_plot(table: Any, curves: Any | None = None, title: str = "", caption: str = "") -> Figure:
    """Draw the loss of each pair against its date.

    Parameters
    ----------
    table : table or mapping
        Rows of the view ``cte_vs_time``: mjd, bin_lo, bin_hi, cte_loss, cte_loss_err (fraction per 2048
        rows), n and any of target, filter, length, flash, filetype; where these vary, they make series.
    curves : table or mapping, optional
        A model's loss: target, bin_lo, bin_hi, mjd, loss (fraction).
    title, caption : str, optional
        Title; what else a reader must know.

    Returns
    -------
    Figure
    """
    bins = bins_of(table)
    figure, axes = panels(max(len(bins), 1), 1, height=0.9 + 2.05 * max(len(bins), 1), sharex=True)
    parts = split(table)
    for one, flux_bin in zip(axes[:, 0], bins, strict=False):
        _draw_bin(one, table, curves, flux_bin, parts)
    time_axis(axes[:, 0], numbers(table, "mjd"))
    y_label(figure, LOSS_LABEL)
    summary = sentence(
        [parts.shared, basis(table), "bars: 1 sigma", "line: model" if curves is not None else ""]
    )
    return finish(
        figure, title or "CTE loss against time", f"{summary}. {caption}".strip(), axes[0, 0], columns=4
    )


def _draw_bin(
    axes: Axes, table: Any, curves: Any | None, flux_bin: tuple[float, float], parts: Split
) -> None:
    here = in_bin(table, flux_bin)
    year = year_of(numbers(table, "mjd"))
    loss, error = losses(table)
    for series in parts.series:
        chosen = here & series.index
        draw_points(axes, year[chosen], loss[chosen], error[chosen], series)
        if curves is not None:
            for on in curves_of(curves, table, chosen, in_bin(curves, flux_bin)):
                axes.plot(
                    year_of(numbers(curves, "mjd")[on]),
                    100.0 * numbers(curves, "loss")[on],
                    color=series.colour,
                    linewidth=1.8,
                    alpha=0.75,
                    zorder=2,
                )
    reference(axes, 0.0)
    axes.set_ylim(*limits(loss[here], error[here], include=(0.0,), smallest=1.0))
    axes.set_title(bin_text(*flux_bin))
