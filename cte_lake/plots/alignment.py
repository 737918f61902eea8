"""Diagnostic figure of an alignment: votes for the offset, residuals against x and y, residual vectors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure
from numpy.typing import NDArray

from cte_lake.detector import DETECTOR
from cte_lake.plots.palette import FAINT, INK, PALETTE
from cte_lake.plots.style import finish, panels, styled

_COLOURS = {2: PALETTE[0], 1: PALETTE[1]}
_MOST_VECTORS = 300

Column = NDArray[Any]


@styled
def alignment_plot(
    matches: Mapping[str, Column], votes: NDArray[np.integer[Any]], title: str = "", bin_px: float = 0.5
) -> Figure:
    """Draw the diagnostics of one exposure.

    Parameters
    ----------
    matches : mapping of str to ndarray, shape (n,)
        Matched stars: chip (1 or 2), x, y (0-based pixels), dx, dy (catalog minus source, px), used (bool;
        False where the residual was clipped).
    votes : ndarray, shape (k, k)
        Pairs of sources and stars by offset in y (rows) and x, zero in the middle.
    title : str
        Over the figure.
    bin_px : float
        Width of a bin of `votes`, px.
    """
    figure, axes = panels(3, 2, height=10.5)
    used = np.asarray(matches["used"], bool)
    _draw_votes(figure, axes[0, 0], votes, bin_px)
    _draw_vectors(axes[0, 1], matches, used)
    for row, across in ((1, "dx"), (2, "dy")):
        for column, along in ((0, "x"), (1, "y")):
            _draw_residuals(axes[row, column], matches, used, along, across)
    rms = [
        float(np.sqrt((matches[name][used] ** 2).mean())) if used.any() else np.nan for name in ("dx", "dy")
    ]
    caption = (
        f"{used.sum()} stars fitted, {(~used).sum()} clipped (pale); residual rms {rms[0]:.3f} px in x and "
        f"{rms[1]:.3f} px in y. Votes are pairs of a source and a star, at the best rotation."
    )
    return finish(figure, title or "Alignment", caption, axes[1, 0])


def _draw_votes(figure: Figure, axis: Axes, votes: NDArray[np.integer[Any]], bin_px: float) -> None:
    half = votes.shape[0] * bin_px / 2
    image = axis.imshow(
        votes, origin="lower", extent=(-half, half, -half, half), cmap="magma", norm=PowerNorm(0.4)
    )
    axis.grid(visible=False)
    axis.set(title="Votes for the offset", xlabel="Offset in x (px)", ylabel="Offset in y (px)")
    figure.colorbar(image, ax=axis, label="Pairs")


def _draw_residuals(
    axis: Axes, matches: Mapping[str, Column], used: NDArray[np.bool_], along: str, across: str
) -> None:
    for chip, colour in _COLOURS.items():
        of_chip = np.asarray(matches["chip"]) == chip
        for chosen, alpha, label in (
            (of_chip & used, 0.6, f"chip {chip}"),
            (of_chip & ~used, 0.15, "_clipped"),
        ):
            axis.plot(
                matches[along][chosen], matches[across][chosen], ".", ms=4, c=colour, alpha=alpha, label=label
            )
    limit = 4 * max(float(np.std(matches[across][used])) if used.any() else 0.0, 0.02)
    axis.axhline(0, color=INK, lw=0.8)
    axis.set(ylim=(-limit, limit), xlabel=f"{along} (px)", ylabel=f"Residual in {across[1]} (px)")


def _draw_vectors(axis: Axes, matches: Mapping[str, Column], used: NDArray[np.bool_]) -> None:
    chosen = np.flatnonzero(used)
    chosen = chosen[:: max(1, len(chosen) // _MOST_VECTORS)]
    above = np.where(np.asarray(matches["chip"])[chosen] == 1, DETECTOR.rows, 0)
    x, y = matches["x"][chosen], matches["y"][chosen] + above
    axis.axhline(DETECTOR.rows, color=FAINT, lw=1)
    arrows = axis.quiver(x, y, matches["dx"][chosen], matches["dy"][chosen], width=0.004, scale=3, color=INK)
    axis.quiverkey(arrows, 0.7, 1.05, 0.2, "0.2 px", labelpos="E")
    axis.set(title="Residuals", xlabel="x (px)", ylabel="y (px), chip 1 above chip 2")
