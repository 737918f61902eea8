"""What is left of stars far from the amplifiers, against the background they lie on."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cte_lake.arrays import FloatArray
from cte_lake.model.tables import numbers
from cte_lake.plots.axes import headed, limits, line_with_band, reference
from cte_lake.plots.palette import colour, darker
from cte_lake.plots.series import Mask, bins_of, in_bin, sides, split
from cte_lake.plots.style import finish, panels, pt, styled, y_label
from cte_lake.wording import ELECTRONS, bin_text, count_text, sentence

#: Share of the way between two levels that is looked at, and how many stars there are few.
_EMPTY, _FEW = 0.6, 3


@styled
def background_plot(stars: Any, means: Any | None = None, title: str = "", caption: str = "") -> Figure:
    """Draw the share of its flux that a far star keeps against the local background, one panel a flux bin.

    Parameters
    ----------
    stars : table or mapping
        One row a star of a pair: bin_lo, bin_hi (electrons), background (electrons per pixel),
        kept_flux (flux far from the amplifiers over flux near them).
    means : table or mapping, optional
        Running clipped mean: bin_lo, bin_hi, background, mean, mean_err, n.
    title, caption
        As of `cte_lake.plots.style.styled`.
    """
    bins, parts = bins_of(stars), sides(stars, ("target", "filter", "length", "filetype"))
    count = max(len(bins), 1)
    figure, axes = panels(
        count,
        len(parts),
        height=0.6 + 2.4 * count,
        sharex=True,
        sharey=True,
        width=8.0 if len(parts) == 1 else 5.5 * len(parts),
    )
    background, kept = numbers(stars, "background"), numbers(stars, "kept_flux")
    good = np.isfinite(background) & np.isfinite(kept)
    for number, flux_bin in enumerate(bins):
        for one, side in zip(axes[number], parts, strict=True):
            here = in_bin(stars, flux_bin) & good & side.index
            _draw_stars(one, background[here], kept[here], colour(number))
            if means is not None:
                on = in_bin(means, flux_bin) & side.of(means)
                _draw_mean(one, means, on, background[here], colour(number))
            reference(one, 1.0)
            head = sentence([bin_text(*flux_bin), side.title])
            headed(one, head, count_text(int(here.sum()), "star"), colour(number))
    axes[0, 0].set_xlim(*_middle(background[good], smallest=2.0))
    axes[0, 0].set_ylim(*_middle(kept[good], include=(1.0,), smallest=0.2))
    for one in axes[-1]:
        one.set_xlabel(f"Background at readout: sky and post-flash ({ELECTRONS}/px)")
    y_label(figure, "Flux far from the amplifiers / flux near them (1)")
    summary = sentence([split(stars).shared, count_text(int(good.sum()), "star")])
    if means is not None:
        summary += ", large points: clipped mean of a level of background with its standard error"
        summary += ", joined where there are stars between"
    return finish(figure, title or "Flux kept against background", f"{summary}. {caption}".strip())


def _middle(values: Any, **options: Any) -> tuple[float, float]:
    return limits(np.percentile(values, [0.5, 99.5]) if values.size else values, **options)


def _draw_stars(axes: Axes, background: FloatArray, kept: FloatArray, shade: str) -> None:
    alpha = float(np.clip(10.0 / np.sqrt(max(background.size, 1)), 0.1, 0.6))
    look: dict[str, Any] = {"color": shade, "markersize": pt(3.2), "markeredgewidth": 0, "alpha": alpha}
    axes.plot(background, kept, "o", rasterized=True, **look)


def _draw_mean(axes: Axes, means: Any, on: Mask, stars: FloatArray, shade: str) -> None:
    order = np.argsort(numbers(means, "background")[on])
    x, mean, error = (numbers(means, name)[on][order] for name in ("background", "mean", "mean_err"))
    if not x.size:
        return
    dark, edge = darker(shade), "white"
    points: dict[str, Any] = {"color": dark, "markersize": pt(6.5), "markeredgecolor": edge, "zorder": 5}
    axes.errorbar(x, mean, yerr=error, fmt="o", elinewidth=pt(1.6), **points)
    for run in np.split(np.arange(x.size), 1 + np.flatnonzero(_gaps(x, stars))):
        line_with_band(axes, x[run], mean[run], error[run], shade)


def _gaps(levels: FloatArray, stars: FloatArray) -> Mask:
    """Between which neighbours of sorted levels there are no stars, so that no line may join them."""
    middle, half = 0.5 * (levels[1:] + levels[:-1]), 0.5 * _EMPTY * np.diff(levels)
    between = np.array(
        [int((np.abs(stars - at) < reach).sum()) for at, reach in zip(middle, half, strict=True)]
    )
    return between < _FEW
