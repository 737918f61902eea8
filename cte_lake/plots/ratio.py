"""Flux ratio of the stars of a pair against their row, one panel a flux bin."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cte_lake.detector import DETECTOR
from cte_lake.model.estimators import ratio_on_line
from cte_lake.model.tables import column, has, numbers
from cte_lake.plots.axes import band_of_line, headed, limits, reference
from cte_lake.plots.series import bins_of, in_bin
from cte_lake.plots.style import FAINT, colour, finish, panels, styled
from cte_lake.plots.words import bin_text, count_text


@styled
def ratio_plot(
    stars: Any, fits: Any | None = None, title: str = "", caption: str = "", rolled: bool = False
) -> Figure:
    """Draw flux ratio against row with the fitted lines.

    Parameters
    ----------
    stars : table or mapping
        One row a star and flux bin: bin_lo, bin_hi (electrons), y (row on chip 2, px), ratio (flux 1 / flux
        2) and, where there is one, kept (bool; False where the sigma clip left the star out).
    fits : table or mapping, optional
        Fitted lines, one row a flux bin: bin_lo, bin_hi, slope, slope_err (1/px), intercept, distance_mean,
        distance_std (px; of the rows of the stars kept), cte_loss and cte_loss_err (fraction per 2048 rows);
        estimator, where lines may be those of the ratio's logarithm.
    title, caption : str, optional
        What pair it is; what else a reader must know.
    rolled : bool, optional
        Whether it is a pair of a 180-degree set, whose y is counted from the amplifiers.

    Returns
    -------
    Figure
    """
    bins = bins_of(stars) or [(0.0, 0.0)]
    columns = min(len(bins), 3 if len(bins) != 4 else 2)
    rows = -(-len(bins) // columns)
    figure, axes = panels(
        rows, columns, height=0.5 + 2.95 * rows, sharex=True, sharey=True, width=8.0 if columns < 3 else 10.0
    )
    low, high = _ratio_limits(stars)
    for number, (one, flux_bin) in enumerate(zip(axes.flat, bins, strict=False)):
        _draw_bin(one, stars, fits, flux_bin, colour(number))
    for spare in axes.flat[len(bins) :]:
        spare.set_axis_off()
    axes[0, 0].set_ylim(low, high)
    axes[0, 0].set_xlim(-30, DETECTOR.rows + 30)
    axes[0, 0].set_xticks(np.linspace(0, DETECTOR.loss_rows, 5))
    for one in axes[:, 0]:
        one.set_ylabel("Flux ratio (1)")
    for position, one in enumerate(axes.flat[: len(bins)]):
        if position + columns >= len(bins):
            one.set_xlabel("Rows to the amplifiers (px)" if rolled else "Row y on chip 2 (px)")
            one.tick_params(labelbottom=True)
    return finish(figure, title or "Flux ratio against row", caption)


def _ratio_limits(stars: Any) -> tuple[float, float]:
    ratio = numbers(stars, "ratio")
    ratio = ratio[_kept(stars) & np.isfinite(ratio)]
    # A handful of wild stars must not flatten the rest: the middle 99% set the scale.
    middle = np.percentile(ratio, [0.5, 99.5]) if ratio.size else np.array([0.9, 1.1])
    return limits(middle, include=(1.0,), margin=0.12, smallest=0.05)


def _kept(stars: Any) -> Any:
    if not has(stars, ("kept",)):
        return np.ones(numbers(stars, "ratio").size, dtype=bool)
    return column(stars, "kept").astype(bool)


def _draw_bin(axes: Axes, stars: Any, fits: Any | None, flux_bin: tuple[float, float], shade: str) -> None:
    here, kept = in_bin(stars, flux_bin), _kept(stars)
    y, ratio = numbers(stars, "y"), numbers(stars, "ratio")
    many = int((here & kept).sum())
    alpha = float(np.clip(12.0 / np.sqrt(max(many, 1)), 0.12, 0.7))
    axes.plot(y[here & ~kept], ratio[here & ~kept], "x", color=FAINT, markersize=4, rasterized=True, zorder=1)
    axes.plot(
        y[here & kept],
        ratio[here & kept],
        "o",
        color=shade,
        markersize=3.4,
        markeredgewidth=0,
        alpha=alpha,
        rasterized=True,
        zorder=2,
    )
    reference(axes, 1.0)
    reference(axes, DETECTOR.middle_row, "v")
    summary = count_text(many, "star")
    if fits is not None and (on := in_bin(fits, flux_bin)).any():
        summary = f"{_draw_line(axes, fits, on, shade)}, {summary}"
    headed(axes, bin_text(*flux_bin), summary, shade)


def _draw_line(axes: Axes, fits: Any, on: Any, shade: str) -> str:
    names = ("slope", "slope_err", "intercept", "distance_mean", "distance_std")
    slope, slope_err, intercept, centre, spread = (float(numbers(fits, name)[on][0]) for name in names)
    y = np.linspace(0.0, DETECTOR.top, 60)
    fit = intercept + slope * y
    # The error of the line at the stars' mean row is slope_err times the spread of the rows.
    error = slope_err * np.hypot(spread, y - centre)
    estimator = str(column(fits, "estimator")[on][0]) if has(fits, ("estimator",)) else ""
    low, fit, high = (ratio_on_line(estimator, fit + side * error) for side in (-1.0, 0.0, 1.0))
    band_of_line(axes, y, low, fit, high, shade)
    loss, loss_err = (100.0 * numbers(fits, name)[on][0] for name in ("cte_loss", "cte_loss_err"))
    return f"{loss:.2f} ± {loss_err:.2f} %"
