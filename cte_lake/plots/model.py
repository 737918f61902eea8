"""The model against the data: losses before and after correction over time."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cte_lake.model.loss_unit import PERCENT, LossUnit
from cte_lake.model.tables import column, has, numbers
from cte_lake.plots.axes import limits, reference, time_axis
from cte_lake.plots.palette import colour
from cte_lake.plots.series import (
    Series,
    basis,
    bins_of,
    curve_losses,
    curves_of,
    draw_points,
    in_bin,
    losses,
    split,
)
from cte_lake.plots.style import finish, panels, pt, styled, y_label
from cte_lake.wording import bin_text, sentence, year_of

_LOOKS = {"measured": (colour(0), "o", True), "corrected": (colour(1), "s", False)}


@styled
def model_plot(
    table: Any, curves: Any | None = None, title: str = "", caption: str = "", unit: LossUnit = PERCENT
) -> Figure:
    """Draw measured losses, what is left of them after correction, and the model.

    Parameters
    ----------
    table : table or mapping
        One row a pair, flux bin and state: mjd, bin_lo, bin_hi, state ('measured' or 'corrected'), cte_loss,
        cte_loss_err (fraction per 2048 rows), n; target, filter, ... where there are any.
    curves : table or mapping, optional
        The model's loss: target, bin_lo, bin_hi, mjd, loss and, where there is one, loss_err (fractions).
    title, caption, unit
        As of `cte_lake.plots.style.styled`.
    """
    bins = bins_of(table)
    targets = sorted(set(column(table, "target").tolist())) if has(table, ("target",)) else [""]
    figure, axes = panels(
        max(len(bins), 1),
        len(targets),
        height=0.9 + 2.05 * max(len(bins), 1),
        sharex=True,
        sharey="row",
        width=8.0 if len(targets) == 1 else 11.0,
    )
    for across, target in enumerate(targets):
        of_target = np.ones(numbers(table, "mjd").size, bool)
        if target:
            of_target = column(table, "target") == target
        for one, flux_bin in zip(axes[:, across], bins, strict=False):
            _draw_bin(one, table, curves, flux_bin, of_target, unit)
            where = f", {split({'target': [target]}).shared}" if len(targets) > 1 else ""
            one.set_title(f"{bin_text(*flux_bin)}{where}")
        time_axis(axes[:, across], numbers(table, "mjd"))
    y_label(figure, unit.label)
    measured = {name: column(table, name)[column(table, "state") == "measured"] for name in ("pair_id", "n")
                if has(table, (name,))}  # fmt: skip
    summary = sentence([split(table).shared, basis(measured) if measured else "", "bars and band: 1 sigma"])
    return finish(
        figure, title or "Losses before and after correction", f"{summary}. {caption}".strip(), axes[0, 0]
    )


def _draw_bin(
    axes: Axes, table: Any, curves: Any | None, flux_bin: tuple[float, float], of_target: Any, unit: LossUnit
) -> None:
    here = in_bin(table, flux_bin)
    year = year_of(numbers(table, "mjd"))
    loss, error = losses(table, unit)
    state = column(table, "state")
    for name, (shade, shape, filled) in _LOOKS.items():
        chosen = here & of_target & (state == name)
        series = Series(name, chosen, shade, shape, filled)
        draw_points(axes, year[chosen], loss[chosen], error[chosen], series)
    if curves is not None:
        for number, on in enumerate(curves_of(curves, table, here & of_target, in_bin(curves, flux_bin))):
            order = np.argsort(numbers(curves, "mjd")[on])
            x = year_of(numbers(curves, "mjd")[on][order])
            y, band = (values[on][order] for values in curve_losses(curves, unit))
            look: dict[str, Any] = {"color": colour(0), "linewidth": pt(1.8), "alpha": 0.8, "zorder": 2}
            axes.plot(x, y, label="_" if number else "model", **look)
            if band.any():
                axes.fill_between(x, y - band, y + band, color=colour(0), alpha=0.18, linewidth=0, zorder=1.8)
    reference(axes, 0.0)
    axes.set_ylim(*limits(loss[here], error[here], include=(0.0,), smallest=unit.least))
