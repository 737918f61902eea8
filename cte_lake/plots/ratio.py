"""Flux ratio of the stars of a pair against their row, one panel a flux bin."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cte_lake.detector import DETECTOR
from cte_lake.model.estimators import ratio_on_line
from cte_lake.model.loss_unit import PERCENT, LossUnit
from cte_lake.model.tables import column, has, numbers
from cte_lake.plots.axes import band_of_line, beside_title, limits, reference
from cte_lake.plots.palette import INK, colour, darker
from cte_lake.plots.series import bins_of, in_bin
from cte_lake.plots.style import finish, panels, pt, styled, y_label
from cte_lake.wording import OVER, OVER_ROLLED, bin_text, count_text, power_text

_LINE_POINTS = 60


@styled
def ratio_plot(
    stars: Any,
    fits: Any | None = None,
    title: str = "",
    caption: str = "",
    rolled: bool = False,
    unit: LossUnit = PERCENT,
) -> Figure:
    """Draw flux ratio against row with the fitted lines.

    Parameters
    ----------
    stars : table or mapping
        One row a star and flux bin: bin_lo, bin_hi (electrons), y (row on chip 2, px), ratio (flux on
        chip 1 over flux on chip 2) and, where there is one, kept (bool; False where the sigma clip left the
        star out).
    fits : table or mapping, optional
        Fitted lines, one row a flux bin: bin_lo, bin_hi, slope, slope_err (1/px), intercept, distance_mean,
        distance_std (px; of the rows of the stars kept), cte_loss and cte_loss_err (fraction per 2048 rows);
        estimator, where lines may be those of the ratio's logarithm.
    title, caption : str, optional
        What pair it is; what else a reader must know.
    rolled : bool, optional
        Whether it is a pair of a 180-degree set: second visit over first, y counted from the amplifiers.
    unit : LossUnit, optional
        Unit of the losses above the panels.
    """
    bins = bins_of(stars) or [(0.0, 0.0)]
    columns = min(len(bins), 2)
    rows = -(-len(bins) // columns)
    figure, axes = panels(rows, columns, height=0.5 + 2.75 * rows, sharex=True, sharey=True)
    low, high = _ratio_limits(stars)
    for number, (one, flux_bin) in enumerate(zip(axes.flat, bins, strict=False)):
        one.set_title(bin_text(*flux_bin), color=darker(colour(number)), pad=pt(22))
        _draw_stars(one, stars, flux_bin, colour(number), (low, high))
        if fits is not None and (on := in_bin(fits, flux_bin)).any():
            _draw_line(one, fits, on, colour(number), unit)
    for spare in axes.flat[len(bins) :]:
        spare.set_axis_off()
    axes[0, 0].set_ylim(low, high)
    axes[0, 0].set_xlim(-30, DETECTOR.rows + 30)
    axes[0, 0].set_xticks(np.linspace(0, DETECTOR.loss_rows, 5))
    for position, one in enumerate(axes.flat[: len(bins)]):
        if position + columns >= len(bins):
            one.set_xlabel("Rows to the amplifiers (px)" if rolled else "Row y on chip 2 (px)")
            one.tick_params(labelbottom=True)
    y_label(figure, f"Flux ratio {OVER_ROLLED if rolled else OVER} (1)")
    shown = _what_is_shown(stars, (low, high), fits, unit)
    return finish(figure, title or "Flux ratio against row", f"{caption} {shown}".strip())


def _what_is_shown(stars: Any, span: tuple[float, float], fits: Any | None, unit: LossUnit) -> str:
    parts = []
    if fits is not None:
        estimators = set(column(fits, "estimator").tolist()) if has(fits, ("estimator",)) else set()
        of = "of the ratio's logarithm " if estimators == {"log_ratio"} else ""
        parts.append(
            f"Line: least squares {of}after the sigma clip, band: its 1 sigma; above each panel its slope "
            f"(1/px) and the loss per {unit.rows} rows"
        )
    if not _kept(stars).all():
        parts.append("Crosses: stars that the sigma clip left out")
    ratio = numbers(stars, "ratio")
    outside = int(((ratio < span[0]) | (ratio > span[1])).sum())
    if outside:
        parts.append(f"Triangles at the edge: {count_text(outside, 'star')} beyond it")
    return ". ".join(parts) + ("." if parts else "")


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


def _draw_stars(
    axes: Axes, stars: Any, flux_bin: tuple[float, float], shade: str, span: tuple[float, float]
) -> None:
    here, kept = in_bin(stars, flux_bin), _kept(stars)
    y, ratio = numbers(stars, "y"), numbers(stars, "ratio")
    many, clipped = int((here & kept).sum()), int((here & ~kept).sum())
    alpha = float(np.clip(12.0 / np.sqrt(max(many, 1)), 0.12, 0.7))
    dots: dict[str, Any] = {"linestyle": "", "rasterized": True}
    axes.plot(
        y[here & kept],
        ratio[here & kept],
        "o",
        color=shade,
        markersize=pt(3.4),
        markeredgewidth=0,
        alpha=alpha,
        zorder=2,
        **dots,
    )
    cross: dict[str, Any] = {"color": INK, "markersize": pt(4.5), "markeredgewidth": pt(1.1), "zorder": 2.5}
    axes.plot(y[here & ~kept], ratio[here & ~kept], marker="x", alpha=0.7, **cross, **dots)
    for shape, edge, outside in (("^", span[1], ratio > span[1]), ("v", span[0], ratio < span[0])):
        for stays, look in ((kept, shade), (~kept, INK)):
            at = y[here & outside & stays]
            if at.size:
                edged: dict[str, Any] = {"markersize": pt(4.5), "markeredgewidth": 0, "clip_on": False}
                axes.plot(at, np.full(at.size, edge), shape, color=look, alpha=0.7, zorder=2.6, **edged)
    reference(axes, 1.0)
    reference(axes, DETECTOR.middle_row, "v")
    said = count_text(many, "star") + (f", {clipped:,} clipped" if clipped else "")
    beside_title(axes, said, 1.0, 22.0)


def _draw_line(axes: Axes, fits: Any, on: Any, shade: str, unit: LossUnit) -> None:
    names = ("slope", "slope_err", "intercept", "distance_mean", "distance_std")
    slope, slope_err, intercept, centre, spread = (float(numbers(fits, name)[on][0]) for name in names)
    y = np.linspace(0.0, DETECTOR.top, _LINE_POINTS)
    fit = intercept + slope * y
    # The error of the line at the stars' mean row is slope_err times the spread of the rows.
    error = slope_err * np.hypot(spread, y - centre)
    estimator = str(column(fits, "estimator")[on][0]) if has(fits, ("estimator",)) else ""
    low, fit, high = (ratio_on_line(estimator, fit + side * error) for side in (-1.0, 0.0, 1.0))
    band_of_line(axes, y, low, fit, high, shade)
    loss, loss_err = (float(numbers(fits, name)[on][0]) for name in ("cte_loss", "cte_loss_err"))
    beside_title(axes, power_text(slope, slope_err), 0.0, 5.0)
    beside_title(axes, f"{unit.text(loss, loss_err)} {unit.symbol}", 1.0, 5.0)
