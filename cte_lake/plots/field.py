"""A frame with the stars that were matched on it: the old diagnostic of WCS and centring."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from cte_lake.model.tables import has, numbers
from cte_lake.plots.palette import colour
from cte_lake.plots.stretch import round_levels, stretch
from cte_lake.plots.style import finish, panels, pt, styled
from cte_lake.wording import ELECTRONS, count_text, sentence

#: Stars of which each is drawn as its own circle; of more, only the brightest.
MOST_CIRCLES = 1500


@styled
def field_plot(
    image: ArrayLike, stars: Any, chip: int, step: float = 1.0, title: str = "", caption: str = ""
) -> Figure:
    """Draw a chip in an asinh stretch with a circle around each matched star.

    Parameters
    ----------
    image : array_like, shape (ny, nx)
        The chip in electrons, as it is or averaged over blocks of `step` pixels; NaN where there is no data.
    stars : table or mapping
        Matched stars: x, y (0-based pixels of the full chip) and, where there is one, flux (electrons).
    chip : int
        1 or 2; sets which way it is read out.
    step : float, optional
        Pixels of the chip per pixel of `image`.
    title, caption
        As of `cte_lake.plots.style.styled`.
    """
    pixels = np.asarray(image, dtype=np.float64)
    ny, nx = pixels.shape
    # The picture keeps its proportions, so the figure takes them too.
    across = min(8.0, max(2.2, 8.6 * nx / ny))
    figure, axes = panels(1, 1, width=across + 2.3, height=min(9.2, across * ny / nx) + 0.75)
    one = axes[0, 0]
    shown, low, high = stretch(pixels)
    picture = one.imshow(
        shown,
        origin="lower",
        cmap="gray_r",
        extent=(-0.5, nx * step - 0.5, -0.5, ny * step - 0.5),
        interpolation="nearest",
        vmin=0.0,
        vmax=1.0,
    )
    x, y, chosen = _brightest(stars)
    circle = {"markerfacecolor": "none", "markeredgecolor": colour(1), "markeredgewidth": 0.7}
    one.plot(x, y, "o", markersize=5.0, alpha=0.8, **circle)
    one.set_xlim(-0.5, nx * step - 0.5)
    one.set_ylim(-0.5, ny * step - 0.5)
    one.grid(visible=False)
    one.set_xlabel("Column x (px)")
    one.set_ylabel("Row y (px)")
    _arrow_to_amplifiers(one, chip, across)
    _signal_bar(one, picture, low, high, across)
    all_stars = numbers(stars, "x").size
    summary = sentence(
        [
            count_text(all_stars, "matched star"),
            f"the {chosen:,} brightest with circles" if chosen < all_stars else "",
            f"mean of {step:g} x {step:g} px" if step > 1 else "",
        ]
    )
    return finish(figure, title or f"Chip {chip} with its matched stars", f"{summary}. {caption}".strip())


def _brightest(stars: Any) -> tuple[NDArray[np.float64], NDArray[np.float64], int]:
    x, y = numbers(stars, "x"), numbers(stars, "y")
    if x.size > MOST_CIRCLES:
        rank = numbers(stars, "flux") if has(stars, ("flux",)) else np.zeros(x.size)
        order = np.argsort(-np.nan_to_num(rank, nan=-np.inf), kind="stable")[:MOST_CIRCLES]
        x, y = x[order], y[order]
    return x, y, x.size


def _signal_bar(axes: Axes, picture: Any, low: float, high: float, across: float) -> None:
    """Draw which signal a grey is, beside the picture, which is `across` inch wide."""
    marks = round_levels(low, high)
    # Fastened to the picture, whose box is narrower or lower than what the figure has room for.
    beside = axes.inset_axes((1.0 + 0.5 / across, 0.1, 0.14 / across, 0.8))
    bar = axes.figure.colorbar(picture, cax=beside, ticks=[place for place, _ in marks])
    bar.ax.set_yticklabels([f"{value:g}" for _, value in marks])
    bar.set_label(f"Signal ({ELECTRONS}/px, asinh)")


def _arrow_to_amplifiers(axes: Any, chip: int, across: float) -> None:
    """Draw which way the chip is read out beside the picture, which is `across` inch wide."""
    # Chip 2 is read towards y = 0, chip 1 towards the top.
    start, end = (0.72, 0.97) if chip == 1 else (0.28, 0.03)
    axes.annotate(
        "",
        (1.0 + 0.1 / across, end),
        (1.0 + 0.1 / across, start),
        xycoords="axes fraction",
        arrowprops={"arrowstyle": "-|>", "color": colour(0), "linewidth": 2.2},
        annotation_clip=False,
    )
    axes.annotate(
        "readout",
        (1.0 + 0.16 / across, 0.5 * (start + end)),
        xycoords="axes fraction",
        rotation=90,
        va="center",
        ha="left",
        fontsize=pt(11),
        color=colour(0),
        annotation_clip=False,
    )
