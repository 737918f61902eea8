"""CTE loss against time: of pairs, a row of panels a flux bin, a column a length; and of each chip."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from cte_lake.model.loss_unit import PERCENT, LossUnit
from cte_lake.model.tables import column, numbers
from cte_lake.plots.axes import limits, note, reference, time_axis
from cte_lake.plots.series import (
    Mask,
    Split,
    basis,
    bins_of,
    curve_losses,
    curves_of,
    draw_points,
    has_model,
    in_bin,
    known,
    legend_of,
    losses,
    of_value,
    residual_label,
    residual_panel,
    split,
)
from cte_lake.plots.style import finish, panels, pt, styled, y_label
from cte_lake.wording import bin_text, sentence, word, year_of


@styled
def time_plot(
    table: Any, curves: Any | None = None, title: str = "", caption: str = "", unit: LossUnit = PERCENT
) -> Figure:
    """Draw the loss of each pair against its date.

    Parameters
    ----------
    table : table or mapping
        Rows of the view ``cte_vs_time``: mjd, bin_lo, bin_hi, cte_loss, cte_loss_err (fraction per 2048
        rows), n and any of target, filter, length, flash, filetype; where these vary, they make series, and
        lengths make columns. With model_loss (fraction) there are residuals under each panel.
    curves : table or mapping, optional
        A model's loss: target, bin_lo, bin_hi, mjd, loss (fraction).
    title, caption, unit
        As of `cte_lake.plots.style.styled`.
    """
    bins, lengths, modelled = bins_of(table), known(table, "length"), has_model(table)
    count, both = max(len(bins), 1), len(lengths) > 1
    each = 2 if modelled else 1
    figure, axes = panels(
        count * each,
        max(len(lengths), 1),
        height=0.9 + (2.05 + 0.95 * modelled) * count,
        sharex=True,
        sharey="row",
        width=11.0 if both else 8.0,
        height_ratios=((2.2, 1.0) * count) if modelled else None,
    )
    parts = split(table, but=("length",) if both else ())
    loss, error = losses(table, unit)
    for across, length in enumerate(lengths):
        here = of_value(table, "length", length)
        for down, flux_bin in enumerate(bins):
            one, of_bin = axes[down * each, across], in_bin(table, flux_bin)
            _draw_bin(one, table, curves, flux_bin, parts, here & of_bin, unit)
            one.set_ylim(*limits(loss[of_bin], error[of_bin], include=(0.0,), smallest=unit.least))
            one.set_title(sentence([bin_text(*flux_bin), word("length", length) if both else ""]))
            if modelled:
                year = year_of(numbers(table, "mjd"))
                residual_panel(
                    axes[down * each + 1, across], table, year, parts.series, here & of_bin, of_bin, unit
                )
        time_axis(axes[:, across], numbers(table, "mjd"))
    y_label(figure, unit.label)
    if modelled:
        for one in axes[1::2, 0]:
            residual_label(one, unit)
        figure.align_ylabels(axes[1::2, 0])
    line = "line: model" if curves is not None else ""
    small = "small panels: measured less model" if modelled else ""
    summary = sentence([parts.shared, basis(table), "bars: 1 sigma", line, small])
    words = f"{summary}. {caption}".strip()
    return finish(figure, title or "CTE loss against time", words, legend_of(parts))


def _draw_bin(
    axes: Axes,
    table: Any,
    curves: Any | None,
    flux_bin: tuple[float, float],
    parts: Split,
    here: Mask,
    unit: LossUnit,
) -> None:
    year = year_of(numbers(table, "mjd"))
    loss, error = losses(table, unit)
    for series in parts.series:
        chosen = here & series.index
        draw_points(axes, year[chosen], loss[chosen], error[chosen], series)
        if curves is None:
            continue
        at, height = year_of(numbers(curves, "mjd")), curve_losses(curves, unit)[0]
        for on in curves_of(curves, table, chosen, in_bin(curves, flux_bin)):
            look: dict[str, Any] = {"color": series.colour, "linewidth": pt(1.8), "alpha": 0.75, "zorder": 2}
            axes.plot(at[on], height[on], **look)
    reference(axes, 0.0)
    if not here.any():
        note(axes, "no pair")


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
