"""Diagnostic figure of an alignment: votes for the offset, residuals against x and y, residual vectors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure
from numpy.typing import NDArray

#: Rows of a chip; chip 1 is drawn above chip 2, as on the sky side of the detector.
_CHIP_ROWS = 2051
_COLOURS = {2: "#1b6ca8", 1: "#c8553d"}
_MOST_VECTORS = 400

Column = NDArray[Any]


def alignment_figure(
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
        Title of the figure.
    bin_px : float
        Width of a bin of `votes`, px.

    Returns
    -------
    Figure
        Not attached to any backend.
    """
    figure = Figure(figsize=(11, 8.5), layout="constrained")
    axes = figure.subplots(2, 3, width_ratios=(1, 1, 1.1))
    _draw_votes(figure, axes[0, 0], votes, bin_px)
    used = np.asarray(matches["used"], bool)
    for axis, along, across in (
        (axes[0, 1], "x", "dx"),
        (axes[0, 2], "y", "dx"),
        (axes[1, 1], "x", "dy"),
        (axes[1, 2], "y", "dy"),
    ):
        _draw_residuals(axis, matches, used, along, across)
    _draw_vectors(axes[1, 0], matches, used)
    figure.suptitle(f"{title}   {used.sum()} stars".strip())
    return figure


def _draw_votes(figure: Figure, axis: Axes, votes: NDArray[np.integer[Any]], bin_px: float) -> None:
    half = votes.shape[0] * bin_px / 2
    image = axis.imshow(
        votes, origin="lower", extent=(-half, half, -half, half), cmap="magma", norm=PowerNorm(0.4)
    )
    axis.set(title="votes for the offset", xlabel="offset in x (px)", ylabel="offset in y (px)")
    figure.colorbar(image, ax=axis, label="pairs", shrink=0.8)


def _draw_residuals(
    axis: Axes, matches: Mapping[str, Column], used: NDArray[np.bool_], along: str, across: str
) -> None:
    for chip, colour in _COLOURS.items():
        of_chip = np.asarray(matches["chip"]) == chip
        for chosen, alpha, label in ((of_chip & used, 0.6, f"chip {chip}"), (of_chip & ~used, 0.15, None)):
            axis.plot(
                matches[along][chosen], matches[across][chosen], ".", ms=3, c=colour, alpha=alpha, label=label
            )
    limit = 4 * max(float(np.std(matches[across][used])) if used.any() else 0.0, 0.02)
    axis.axhline(0, color="0.4", lw=0.8)
    axis.set(ylim=(-limit, limit), xlabel=f"{along} (px)", ylabel=f"residual {across} (px)")
    axis.legend(markerscale=3, fontsize="small", loc="upper right")


def _draw_vectors(axis: Axes, matches: Mapping[str, Column], used: NDArray[np.bool_]) -> None:
    chosen = np.flatnonzero(used)
    chosen = chosen[:: max(1, len(chosen) // _MOST_VECTORS)]
    above = np.where(np.asarray(matches["chip"])[chosen] == 1, _CHIP_ROWS, 0)
    x, y = matches["x"][chosen], matches["y"][chosen] + above
    arrows = axis.quiver(
        x, y, matches["dx"][chosen], matches["dy"][chosen], angles="uv", width=0.003, color="0.25"
    )
    axis.quiverkey(arrows, 0.8, -0.13, 0.1, "0.1 px", labelpos="E")
    axis.axhline(_CHIP_ROWS, color="0.6", lw=0.8)
    axis.set(title="residuals on the detector", xlabel="x (px)", ylabel="y (px), chip 1 above chip 2")
