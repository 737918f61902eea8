"""Figure of a master catalog: its stars on the sky and how many there are of each flux."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from cte_lake.plots.style import PALETTE

FloatArray = NDArray[np.float64]


def master_figure(
    ra: FloatArray, dec: FloatArray, flux: FloatArray | None, filters: Sequence[str | None], title: str = ""
) -> Figure:
    """Draw a master catalog.

    Parameters
    ----------
    ra, dec : ndarray, shape (n,)
        Positions, degrees.
    flux : ndarray, shape (n,), or None
        Electrons; NaN where there is none.
    filters : sequence of str or None, length n
        Filter in which each star was first found.
    title : str
        Title of the figure.

    Returns
    -------
    Figure
        Not attached to any backend; with a second panel where there are fluxes.
    """
    has_flux = flux is not None and bool(np.isfinite(flux).any())
    figure = Figure(figsize=(11 if has_flux else 6.5, 6), layout="constrained")
    axes = figure.subplots(1, 2 if has_flux else 1, squeeze=False)[0]
    middle = float(np.median(ra)), float(np.median(dec))
    x = ((ra - middle[0] + 180) % 360 - 180) * np.cos(np.radians(dec)) * 3600
    y = (dec - middle[1]) * 3600
    size = np.full(len(ra), 1.5)
    if has_flux and flux is not None:
        size = 0.4 * np.sqrt(np.nan_to_num(np.clip(flux, 1, 1e5), nan=1.0)) ** 0.8
    names = np.array([name or "" for name in filters])
    for name, colour in zip(sorted(set(names.tolist())), PALETTE * (1 + len(names) // 7), strict=False):
        here = names == name
        label = f"{name or 'catalog'}: {here.sum()} stars"
        axes[0].scatter(x[here], y[here], s=size[here], c=colour, lw=0, alpha=0.6, label=label)
    axes[0].set(
        aspect="equal",
        xlabel=f"RA - {middle[0]:.4f} deg (arcsec, east to the left)",
        ylabel=f"Dec - {middle[1]:.4f} deg (arcsec)",
        title=title,
    )
    axes[0].invert_xaxis()
    axes[0].legend(loc="upper right", fontsize="small", markerscale=3)
    if has_flux and flux is not None:
        bins = np.logspace(1, 5.5, 46)
        for name, colour in zip(sorted(set(names.tolist())), PALETTE * (1 + len(names) // 7), strict=False):
            axes[1].hist(flux[(names == name) & np.isfinite(flux)], bins, color=colour, alpha=0.6)
        axes[1].set(xscale="log", xlabel="flux (e-)", ylabel="stars in a bin of 0.1 dex")
    return figure
