"""CTE loss against stellar flux, a colour an epoch."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from cte_lake.model.tables import column, has, numbers
from cte_lake.plots.axes import limits, log_axis, reference
from cte_lake.plots.series import Series, basis, draw_points, epoch_years, losses, split
from cte_lake.plots.style import MOST_IN_LEGEND, date_bar, finish, marker, panels, sequence, styled
from cte_lake.plots.words import ELECTRONS, LOSS_LABEL, sentence, target_text


@styled
def flux_plot(table: Any, curves: Any | None = None, title: str = "", caption: str = "") -> Figure:
    """Draw the loss of each bin against the mean flux of its stars, and a model's curve per epoch.

    Parameters
    ----------
    table : table or mapping
        Rows of the view ``cte_vs_flux``: epoch, mjd, mean_flux (electrons), cte_loss, cte_loss_err (fraction
        per 2048 rows), n and any of target, filter, length, flash, filetype. A panel a target.
    curves : table or mapping, optional
        A model's loss: target, epoch, flux (electrons), loss and, where there is one, loss_err (fractions).
    title, caption : str, optional
        Title; what else a reader must know.

    Returns
    -------
    Figure
    """
    targets = sorted(set(column(table, "target").tolist())) if has(table, ("target",)) else [""]
    columns = max(len(targets), 1)
    figure, axes = panels(
        1, columns, height=4.8, sharex=True, sharey=True, width=8.0 if columns == 1 else 10.0
    )
    flux = numbers(table, "mean_flux")
    loss, error = losses(table)
    parts = split(table, but=("target",))
    axes[0, 0].set_ylim(*limits(loss, error, include=(0.0, *_beside(curves, flux)), smallest=1.0))
    axes[0, 0].set_xlim(*_flux_limits(flux))
    for one, target in zip(axes[0], targets, strict=True):
        _draw_target(one, table, curves, target, sorted(set(epoch_years(table).tolist())))
        log_axis(one)
        one.set_xlabel(f"Mean flux ({ELECTRONS})")
        one.set_title(target_text(target))
    axes[0, 0].set_ylabel(LOSS_LABEL)
    _name_epochs(figure, axes[0], table)
    line = "line: model, band: its 1 sigma" if curves is not None else ""
    both = has(table, ("filetype",)) and len(set(column(table, "filetype").tolist())) > 1
    summary = sentence(
        [parts.shared, basis(table), "filled: FLT, open: FLC" if both else "", "bars: 1 sigma", line]
    )
    return finish(figure, title or "CTE loss against flux", f"{summary}. {caption}".strip())


def _beside(curves: Any | None, flux: NDArray[np.float64]) -> list[float]:
    """Losses of the model where there are data, percent: no curve leaves the panel among its points."""
    if curves is None or not flux.size:
        return []
    at = numbers(curves, "flux")
    inside = (at >= np.nanmin(flux)) & (at <= np.nanmax(flux))
    return [float(loss) for loss in 100.0 * numbers(curves, "loss")[inside]]


def _name_epochs(figure: Figure, axes: Iterable[Axes], table: Any) -> None:
    years = sorted(set(epoch_years(table).tolist()))
    if len(years) > MOST_IN_LEGEND:
        date_bar(figure, axes, years)
        return
    for one in axes:
        columns = 1 + (len(years) > 6)
        one.legend(title="Epoch (year)", title_fontsize=11.5, ncols=columns, loc="upper right", fontsize=11.5)


def _flux_limits(flux: NDArray[np.float64]) -> tuple[float, float]:
    low, high = limits(np.log10(flux[flux > 0]), smallest=0.5)
    return (float(10**low), float(10**high))


def _draw_target(axes: Axes, table: Any, curves: Any | None, target: str, years: list[float]) -> None:
    here = column(table, "target") == target if target else np.ones(numbers(table, "mjd").size, bool)
    flux, year = numbers(table, "mean_flux"), epoch_years(table)
    loss, error = losses(table)
    open_too = has(table, ("filetype",)) and len(set(column(table, "filetype").tolist())) > 1
    for number, (one, shade) in enumerate(zip(years, sequence(len(years)), strict=True)):
        of_epoch = here & (year == one)
        for filled, mask in _by_filetype(table, of_epoch, open_too):
            series = Series(f"{one:.2f}" if filled else "_", mask, shade, marker(number), filled)
            draw_points(axes, flux[mask], loss[mask], error[mask], series)
        if curves is not None and of_epoch.any():
            for epoch in sorted(set(column(table, "epoch")[of_epoch].tolist())):
                _draw_curve(axes, curves, target, epoch, shade)
    reference(axes, 0.0)


def _by_filetype(table: Any, here: NDArray[np.bool_], open_too: bool) -> list[tuple[bool, NDArray[np.bool_]]]:
    if not open_too:
        return [(True, here)]
    corrected = column(table, "filetype") == "flc"
    return [(True, here & ~corrected), (False, here & corrected)]


def _draw_curve(axes: Axes, curves: Any, target: str, epoch: Any, shade: str) -> None:
    on = column(curves, "epoch") == epoch
    if target and has(curves, ("target",)):
        on &= column(curves, "target") == target
    if not on.any():
        return
    order = np.argsort(numbers(curves, "flux")[on])
    flux, loss = (numbers(curves, name)[on][order] for name in ("flux", "loss"))
    axes.plot(flux, 100.0 * loss, color=shade, linewidth=2.0, zorder=2)
    if has(curves, ("loss_err",)):
        error = numbers(curves, "loss_err")[on][order]
        axes.fill_between(
            flux,
            100.0 * (loss - error),
            100.0 * (loss + error),
            color=shade,
            alpha=0.18,
            linewidth=0,
            zorder=1.8,
        )
