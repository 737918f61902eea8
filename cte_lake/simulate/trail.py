"""Charge that is released late: the trail behind a star, and what it does to the star's flux and centroid."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cte_lake.arrays import FloatArray
from cte_lake.simulate.psf import paint_stars

FloatImage = NDArray[np.float32]

#: Side of the image on which a star and its trail are looked at, px, and the shares of lost light tried.
_SIZE, _LOST = 201, np.linspace(0.0, 0.95, 20)
#: Places within a pixel over which the shift of the centroid is averaged.
_PHASES = np.array([-0.4, -0.2, 0.0, 0.2, 0.4])


def trail(charge: FloatImage, chip: int, length: float) -> FloatImage:
    """Charge released behind the pixels it was taken from: an exponential away from the amplifiers.

    Parameters
    ----------
    charge : ndarray of float32, shape (ny, nx)
        What was taken, e-.
    chip : int
        Chip 2 is read towards row 0, chip 1 towards the last row.
    length : float
        Scale of the exponential, px.
    """
    keep = np.float32(np.exp(-1.0 / length))
    kept, freed = np.float64(keep), np.float64(1.0 - keep)
    towards_top = charge if chip == 2 else charge[::-1]
    released = np.empty(charge.shape, dtype=np.float32)
    held = np.zeros(charge.shape[1:])
    # A filter of scipy.signal does the same; its import is half of what `simulate` takes to start.
    for row, taken in enumerate(towards_top):
        released[row] = held
        held = freed * taken + kept * held
    return released if chip == 2 else released[::-1]


@lru_cache(maxsize=8)
def returned(length: float, filter_name: str, radius: float) -> float:
    """Part of a star's lost flux within `radius` px that its own trail brings back into it."""
    from photutils.aperture import CircularAperture

    star, behind = _star_and_trail(length, filter_name, 0.0)
    aperture = CircularAperture((_SIZE // 2, _SIZE // 2), radius)
    own, _ = aperture.do_photometry(star.astype(float))
    back, _ = aperture.do_photometry(behind.astype(float))
    return float(back[0] / own[0])


def trail_shift(lost: ArrayLike, length: float, filter_name: str) -> FloatArray:
    """How far a star's windowed centroid moves away from the amplifiers, px.

    Parameters
    ----------
    lost : array_like
        Share of the star's light that readout took and released in the trail.
    length : float
        Scale of the trail, px.
    filter_name : str
        Filter, for the shape of the star.

    Returns
    -------
    ndarray
        Shape of `lost`; the mean over the star's places within a pixel, without noise.
    """
    return np.asarray(np.interp(np.asarray(lost, dtype=float), _LOST, _shifts(length, filter_name)))


@lru_cache(maxsize=8)
def _shifts(length: float, filter_name: str) -> FloatArray:
    """Shift of the centroid (px) for each share of `_LOST`."""
    from cte_lake.photometry.centring import windowed_centroids
    from cte_lake.photometry.modes import settings_for

    sigma, middle = settings_for().window_sigma, np.array([_SIZE // 2], dtype=float)
    good, sky = np.ones((_SIZE, _SIZE), dtype=np.uint8), np.zeros(1)
    shifts = np.zeros((_PHASES.size, _LOST.size))
    for k, phase in enumerate(_PHASES):
        star, behind = _star_and_trail(length, filter_name, phase)
        for j, lost in enumerate(_LOST):
            image = star + np.float32(lost) * (behind - star)
            shifts[k, j] = windowed_centroids(image, good, middle, middle + phase, sky, sigma, 3.0)[1][0]
    return np.asarray((shifts - shifts[:, :1]).mean(axis=0))


def _star_and_trail(length: float, filter_name: str, phase: float) -> tuple[FloatImage, FloatImage]:
    """Return a star of 1e6 e- in the middle of an image, and all of its light as the trail has it."""
    star = np.zeros((_SIZE, _SIZE), dtype=np.float32)
    middle = np.array([_SIZE // 2], dtype=float)
    paint_stars(star, middle, middle + phase, np.array([1.0e6]), filter_name)
    return star, trail(star, 2, length)
