"""Cosmic rays on one image alone: sharper than the telescope's images of stars, and not where stars are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cte_lake.arrays import BoolArray, FloatArray

#: Read noise of the UVIS amplifiers, electrons (READNSEA to READNSED, within 0.1).
_READ_NOISE = 3.0
_SATURATION = 70000.0
#: A third and a fourth pass find 0.4% more of the pixels, of no further hit, at twice the cost.
_PASSES = 2


@dataclass(frozen=True)
class SingleSettings:
    """Settings of L.A.Cosmic (van Dokkum 2001) and the radius around stars that it must keep out of, px."""

    sigclip: float
    sigfrac: float
    objlim: float
    protect_radius: float


def find_on_one_image(
    data: NDArray[np.float32], bad: BoolArray, x: FloatArray, y: FloatArray, settings: SingleSettings
) -> BoolArray:
    """Find cosmic rays on one image, by L.A.Cosmic kept away from the catalog's stars.

    UVIS undersamples its stars, so that a Laplacian alone takes their cores for cosmic rays. A hit on a star
    is missed: dropping every star of an exposure costs more than measuring a few with a hit on them, which
    the clipping of the ratios removes.

    Parameters
    ----------
    data : ndarray, shape (ny, nx)
        Image with its sky, electrons.
    bad : ndarray of bool, shape (ny, nx)
        Pixels that are bad already.
    x, y : ndarray, shape (n,)
        Catalog stars on the image, 0-based pixels.
    settings : SingleSettings
        How to look.

    Returns
    -------
    ndarray of bool, shape (ny, nx)
        True on a cosmic ray.
    """
    from astroscrappy import detect_cosmics

    clean = np.where(np.isfinite(data), data, 0.0).astype(np.float32)
    found = detect_cosmics(
        clean,
        inmask=bad | ~np.isfinite(data),
        sigclip=settings.sigclip,
        sigfrac=settings.sigfrac,
        objlim=settings.objlim,
        gain=1.0,
        readnoise=_READ_NOISE,
        satlevel=_SATURATION,
        niter=_PASSES,
        sepmed=True,
        fsmode="median",
        cleantype="medmask",
    )[0]
    mask: BoolArray = np.asarray(found, bool) & ~near_stars(data.shape, x, y, settings.protect_radius)
    return mask


def near_stars(shape: tuple[int, ...], x: FloatArray, y: FloatArray, radius: float) -> BoolArray:
    """Return True for pixels whose centre is within `radius` px of a star."""
    near = np.zeros(shape, bool)
    if radius <= 0 or len(x) == 0:
        return near
    half = int(np.ceil(radius))
    dy, dx = (grid.ravel() for grid in np.mgrid[-half : half + 1, -half : half + 1])
    columns = np.rint(x).astype(int)[:, None] + dx
    rows = np.rint(y).astype(int)[:, None] + dy
    close = np.hypot(columns - x[:, None], rows - y[:, None]) <= radius
    close &= (columns >= 0) & (columns < shape[1]) & (rows >= 0) & (rows < shape[0])
    near[rows[close], columns[close]] = True
    return near
