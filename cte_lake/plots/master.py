"""Figure of a master catalog: its stars on the sky and how many there are of each flux."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import cycle

import numpy as np
from matplotlib.figure import Figure

from cte_lake.arrays import FloatArray
from cte_lake.plots.palette import PALETTE
from cte_lake.plots.style import finish, panels, styled


@styled
def master_plot(
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
        Over the figure.
    """
    has_flux = flux is not None and bool(np.isfinite(flux).any())
    figure, axes = panels(2 if has_flux else 1, 1, height=9.5 if has_flux else 6.5, height_ratios=None)
    middle = float(np.median(ra)), float(np.median(dec))
    x = ((ra - middle[0] + 180) % 360 - 180) * np.cos(np.radians(dec)) * 3600
    y = (dec - middle[1]) * 3600
    names = np.array([name or "" for name in filters])
    for name, colour in zip(sorted(set(names.tolist())), cycle(PALETTE), strict=False):
        here = names == name
        label = f"{name or 'catalog'}: {here.sum()} stars"
        axes[0, 0].plot(x[here], y[here], ".", ms=2.5, color=colour, alpha=0.6, label=label)
        if has_flux and flux is not None:
            bins = np.logspace(1, 5.5, 46).tolist()
            axes[1, 0].hist(flux[here & np.isfinite(flux)], bins, color=colour, alpha=0.6)
    axes[0, 0].set(
        aspect="equal",
        xlabel=f"RA - {middle[0]:.4f} deg (arcsec, east to the left)",
        ylabel=f"Dec - {middle[1]:.4f} deg (arcsec)",
    )
    axes[0, 0].invert_xaxis()
    if has_flux:
        axes[1, 0].set(xscale="log", xlabel="Flux (e-)", ylabel="Stars in a bin of 0.1 dex")
    caption = f"{len(ra)} stars, by the filter in which each was first found."
    return finish(figure, title or "Master catalog", caption, axes[0, 0])
