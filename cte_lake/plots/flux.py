"""CTE loss against stellar flux: a panel a target, a colour an epoch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from cte_lake.model.loss_unit import PERCENT, LossUnit
from cte_lake.model.tables import column, numbers
from cte_lake.plots.axes import limits, log_axis, reference
from cte_lake.plots.epochs import Epochs, epochs_of
from cte_lake.plots.series import (
    Mask,
    Series,
    Side,
    basis,
    curve_losses,
    curves_of,
    draw_points,
    has_model,
    known,
    losses,
    residual_label,
    residual_panel,
    sides,
    split,
)
from cte_lake.plots.style import date_bar, finish, panels, pt, styled
from cte_lake.wording import ELECTRONS, sentence, target_text


@styled
def flux_plot(
    table: Any, curves: Any | None = None, title: str = "", caption: str = "", unit: LossUnit = PERCENT
) -> Figure:
    """Draw the loss of each bin against the mean flux of its stars, and a model's curve per epoch.

    Parameters
    ----------
    table : table or mapping
        Rows of the view ``cte_vs_flux``: epoch, mjd, mean_flux (electrons), cte_loss, cte_loss_err (fraction
        per 2048 rows), n and any of target, filter, length, flash, filetype. A panel a target. With
        model_loss (fraction) there are residuals under each panel.
    curves : table or mapping, optional
        A model's loss: target, epoch, flux (electrons), loss and, where there is one, loss_err (fractions).
    title, caption, unit
        As of `cte_lake.plots.style.styled`.
    """
    parts, modelled = sides(table), has_model(table)
    figure, axes = panels(
        1 + modelled,
        len(parts),
        height=4.8 + 1.5 * modelled,
        sharex=True,
        sharey="row",
        width=8.0 if len(parts) == 1 else 5.0 * len(parts),
        height_ratios=(3.2, 1.0) if modelled else None,
    )
    epochs = epochs_of(table)
    flux, (loss, error) = numbers(table, "mean_flux"), losses(table, unit)
    span = _flux_limits(flux)
    seen = [0.0, *_curves_in_view(curves, table, span, unit)]
    axes[0, 0].set_ylim(*limits(loss, error, include=seen, smallest=unit.least))
    axes[0, 0].set_xlim(*span)
    for across, side in enumerate(parts):
        one = axes[0, across]
        _draw_side(one, table, curves, side, epochs, span, unit)
        if not epochs.in_bar:
            epochs.name_in(one, side.index)
        if modelled:
            series = epochs.series(side.index)
            residual_panel(axes[1, across], table, flux, series, side.index, np.isfinite(loss), unit)
        log_axis(axes[-1, across], few=len(parts) > 1)
        axes[-1, across].set_xlabel(f"Mean flux ({ELECTRONS})")
        one.set_title(side.title or target_text(*known(table, "target")))
    axes[0, 0].set_ylabel(unit.label)
    if modelled:
        residual_label(axes[1, 0], unit)
        figure.align_ylabels(axes[:, 0])
    if epochs.in_bar:
        date_bar(figure, axes.flat, epochs.years)
    words = f"{_legend(table, curves, modelled)}. {caption}".strip()
    return finish(
        figure, title or "CTE loss against flux", words, epochs.filetypes() if epochs.in_bar else None
    )


def _legend(table: Any, curves: Any | None, modelled: bool) -> str:
    """Say what is drawn."""
    return sentence(
        [
            split(table, but=("target",)).shared,
            basis(table),
            "bars: 1 sigma",
            "line: model, band: its 1 sigma" if curves is not None else "",
            "small panels: measured less model" if modelled else "",
        ]
    )


def _curves_in_view(
    curves: Any | None, table: Any, span: tuple[float, float], unit: LossUnit
) -> NDArray[np.float64]:
    """Losses of the model between the ends of the flux axis: no curve leaves its panel."""
    if curves is None:
        return np.zeros(0)
    at, loss = numbers(curves, "flux"), curve_losses(curves, unit)[0]
    return loss[(at >= span[0]) & (at <= span[1]) & np.isfinite(loss)]


def _flux_limits(flux: NDArray[np.float64]) -> tuple[float, float]:
    low, high = limits(np.log10(flux[flux > 0]), smallest=0.5)
    return (float(10**low), float(10**high))


def _draw_side(
    axes: Axes,
    table: Any,
    curves: Any | None,
    side: Side,
    epochs: Epochs,
    span: tuple[float, float],
    unit: LossUnit,
) -> None:
    flux, (loss, error) = numbers(table, "mean_flux"), losses(table, unit)
    drawn: set[bytes] = set()
    for series in epochs.series(side.index):
        draw_points(axes, flux[series.index], loss[series.index], error[series.index], series)
        for on in () if curves is None else _curves_of_epochs(curves, table, series):
            # FLT and FLC share a curve that does not say which of them it is for.
            if on.tobytes() not in drawn:
                _draw_curve(axes, curves, table, on, series, span, unit)
            drawn.add(on.tobytes())
    reference(axes, 0.0)


def _curves_of_epochs(curves: Any, table: Any, series: Series) -> Iterator[Mask]:
    """Rows of the curves of a series: one for each epoch, and for each mode if it has several."""
    of_rows, of_curves = column(table, "epoch"), column(curves, "epoch")
    for number in sorted(set(of_rows[series.index].tolist())):
        yield from curves_of(curves, table, series.index & (of_rows == number), of_curves == number)


def _draw_curve(
    axes: Axes, curves: Any, table: Any, on: Mask, series: Series, span: tuple[float, float], unit: LossUnit
) -> None:
    shade, style = series.colour, "-" if series.filled else (0, (4, 2))
    flux, (loss, error) = numbers(curves, "flux"), curve_losses(curves, unit)
    on = on & (flux >= span[0]) & (flux <= span[1])
    order = np.flatnonzero(on)[np.argsort(flux[on])]
    flux, loss, error = flux[order], loss[order], error[order]
    axes.plot(flux, loss, color=shade, linestyle=style, linewidth=pt(2.0), zorder=2)
    axes.fill_between(flux, loss - error, loss + error, color=shade, alpha=0.18, linewidth=0, zorder=1.8)
