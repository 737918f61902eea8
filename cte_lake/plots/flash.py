"""CTE loss against post-flash level: a row of panels a flux bin, a column a target."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cte_lake.model.loss_unit import PERCENT, LossUnit
from cte_lake.model.tables import numbers
from cte_lake.plots.axes import limits, reference
from cte_lake.plots.epochs import Epochs, epochs_of
from cte_lake.plots.series import Mask, basis, bins_of, draw_points, in_bin, losses, sides, split
from cte_lake.plots.style import date_bar, finish, panels, pt, styled, y_label
from cte_lake.wording import ELECTRONS, bin_text, sentence


@styled
def flash_plot(table: Any, title: str = "", caption: str = "", unit: LossUnit = PERCENT) -> Figure:
    """Draw the loss against the post-flash level, a colour an epoch; FLC with open markers.

    Parameters
    ----------
    table : table or mapping
        Rows of the view ``cte_vs_flash``: flash (electrons per pixel), epoch or mjd, bin_lo, bin_hi,
        cte_loss, cte_loss_err (fraction per 2048 rows), n and any of target, filter, length, filetype.
    title, caption, unit
        As of `cte_lake.plots.style.styled`.
    """
    bins, parts, epochs = bins_of(table), sides(table), epochs_of(table)
    count = max(len(bins), 1)
    figure, axes = panels(
        count,
        len(parts),
        height=0.6 + 2.15 * count,
        sharex=True,
        sharey="row",
        width=8.0 if len(parts) == 1 else 5.5 * len(parts),
    )
    loss, error = losses(table, unit)
    for down, flux_bin in enumerate(bins):
        of_bin = in_bin(table, flux_bin)
        for one, side in zip(axes[down], parts, strict=True):
            _draw(one, table, epochs, of_bin & side.index, unit)
            one.set_title(sentence([bin_text(*flux_bin), side.title]))
        axes[down, 0].set_ylim(*limits(loss[of_bin], error[of_bin], include=(0.0,), smallest=unit.least))
    axes[0, 0].set_xlim(*limits(numbers(table, "flash"), smallest=10.0, margin=0.05))
    for one in axes[-1]:
        one.set_xlabel(f"Post-flash level ({ELECTRONS}/px)")
    y_label(figure, unit.label)
    everything = np.ones(loss.size, bool)
    if epochs.in_bar:
        date_bar(figure, axes.flat, epochs.years)
        legend = epochs.filetypes()
    else:
        legend = epochs.samples(everything)
    summary = sentence([split(table, but=("flash",)).shared, basis(table), "bars: 1 sigma"])
    words = f"{summary}. {caption}".strip()
    return finish(figure, title or "CTE loss against post-flash level", words, legend, columns=5)


def _draw(axes: Axes, table: Any, epochs: Epochs, here: Mask, unit: LossUnit) -> None:
    flash, (loss, error) = numbers(table, "flash"), losses(table, unit)
    for series in epochs.series(here):
        order = np.flatnonzero(series.index)[np.argsort(flash[series.index], kind="stable")]
        style = "-" if series.filled else (0, (4, 2))
        look: dict[str, Any] = {"linewidth": pt(1.2), "alpha": 0.55, "linestyle": style, "zorder": 2}
        levels = np.unique(flash[order])
        means = [loss[order][flash[order] == level].mean() for level in levels]
        axes.plot(levels, means, color=series.colour, **look)
        draw_points(axes, flash[order], loss[order], error[order], series)
    reference(axes, 0.0)
