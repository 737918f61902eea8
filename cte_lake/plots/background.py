"""What is left of stars far from the amplifiers, against the background they lie on."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from cte_lake.model.tables import numbers
from cte_lake.plots.axes import headed, limits, line_with_band, reference
from cte_lake.plots.series import bins_of, in_bin, split
from cte_lake.plots.style import colour, finish, panels, styled, y_label
from cte_lake.plots.words import ELECTRONS, bin_text, count_text, sentence


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
    title, caption : str, optional
        Title; what else a reader must know.

    Returns
    -------
    Figure
    """
    bins = bins_of(stars)
    count = max(len(bins), 1)
    figure, axes = panels(count, 1, height=0.6 + 2.4 * count, sharex=True, sharey=True)
    background, kept = numbers(stars, "background"), numbers(stars, "kept_flux")
    good = np.isfinite(background) & np.isfinite(kept)
    for number, (one, flux_bin) in enumerate(zip(axes[:, 0], bins, strict=False)):
        here = in_bin(stars, flux_bin) & good
        alpha = float(np.clip(10.0 / np.sqrt(max(int(here.sum()), 1)), 0.1, 0.6))
        one.plot(
            background[here],
            kept[here],
            "o",
            color=colour(number),
            markersize=3.2,
            markeredgewidth=0,
            alpha=alpha,
            rasterized=True,
        )
        if means is not None:
            _draw_mean(one, means, flux_bin, colour(number))
        reference(one, 1.0)
        headed(one, bin_text(*flux_bin), count_text(int(here.sum()), "star"), colour(number))
    axes[0, 0].set_xlim(*_middle(background[good], smallest=2.0))
    axes[0, 0].set_ylim(*_middle(kept[good], include=(1.0,), smallest=0.2))
    axes[-1, 0].set_xlabel(f"Background at readout: sky and post-flash ({ELECTRONS}/px)")
    y_label(figure, "Flux far from the amplifiers / flux near them (1)")
    summary = sentence([split(stars).shared, count_text(int(good.sum()), "star")])
    if means is not None:
        summary += ", line: running clipped mean, band: its standard error"
    return finish(figure, title or "Flux kept against background", f"{summary}. {caption}".strip())


def _middle(values: Any, **options: Any) -> tuple[float, float]:
    return limits(np.percentile(values, [0.5, 99.5]) if values.size else values, **options)


def _draw_mean(axes: Any, means: Any, flux_bin: tuple[float, float], shade: str) -> None:
    on = in_bin(means, flux_bin)
    order = np.argsort(numbers(means, "background")[on])
    x, mean, error = (numbers(means, name)[on][order] for name in ("background", "mean", "mean_err"))
    line_with_band(axes, x, mean, error, shade, marker="o", markersize=5.5, markeredgecolor="white")
