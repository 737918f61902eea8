"""Centroids that may go a bounded way from the catalog position."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from cte_lake.arrays import BoolArray, FloatArray
from cte_lake.compiled import compiled
from cte_lake.photometry.arrays import PixelArray

_WINDOW_SIGMAS = 4.0
_WINDOW_STEPS = 30
_WINDOW_TOLERANCE = 1e-4
_IRAF_STEPS = 10


@compiled
def windowed_centroids(
    data: PixelArray,
    good: npt.NDArray[np.uint8],
    x: FloatArray,
    y: FloatArray,
    sky: FloatArray,
    sigma: float,
    max_shift: float,
) -> tuple[FloatArray, FloatArray, BoolArray, BoolArray]:
    """Find the centroid under a Gaussian window that moves along with it (SExtractor's XWIN, YWIN).

    Parameters
    ----------
    data, good : arrays, shape (ny, nx)
        Signal, and 1 where a pixel counts.
    x, y : array, shape (n,)
        Catalog positions, 0-based pixels.
    sky : array, shape (n,)
        Sky per pixel, taken off before.
    sigma : float
        Sigma of the window, pixels.
    max_shift : float
        Largest distance from the catalog position, pixels.

    Returns
    -------
    dx, dy : arrays, shape (n,)
        Shift from the catalog position, pixels; NaN where it failed or went too far.
    failed, far : arrays of bool, shape (n,)
        No centroid (no positive signal, no convergence); more than `max_shift` away.
    """
    ny, nx = data.shape
    dx = np.full(x.size, np.nan)
    dy = np.full(x.size, np.nan)
    failed = np.zeros(x.size, dtype=np.bool_)
    far = np.zeros(x.size, dtype=np.bool_)
    reach = _WINDOW_SIGMAS * sigma
    for star in range(x.size):
        cx, cy = x[star], y[star]
        if not (abs(cx) < 1e9 and abs(cy) < 1e9 and abs(sky[star]) < np.inf):
            failed[star] = True
            continue
        converged = False
        for _ in range(_WINDOW_STEPS):
            total, first_x, first_y = 0.0, 0.0, 0.0
            for j in range(max(0, math.ceil(cy - reach)), min(ny - 1, math.floor(cy + reach)) + 1):
                for i in range(max(0, math.ceil(cx - reach)), min(nx - 1, math.floor(cx + reach)) + 1):
                    d2 = (i - cx) * (i - cx) + (j - cy) * (j - cy)
                    if good[j, i] and d2 <= reach * reach:
                        weight = math.exp(-0.5 * d2 / (sigma * sigma)) * (data[j, i] - sky[star])
                        total += weight
                        first_x += weight * (i - cx)
                        first_y += weight * (j - cy)
            if not total > 0.0:
                break
            # Twice: the window itself pulls the centroid half the way back (Bertin & Arnouts 1996).
            step_x, step_y = 2.0 * first_x / total, 2.0 * first_y / total
            cx += step_x
            cy += step_y
            if math.hypot(cx - x[star], cy - y[star]) > max_shift:
                far[star] = True
                break
            if math.hypot(step_x, step_y) < _WINDOW_TOLERANCE:
                converged = True
                break
        if converged:
            dx[star] = cx - x[star]
            dy[star] = cy - y[star]
        elif not far[star]:
            failed[star] = True
    return dx, dy, failed, far


@compiled
def _marginals(
    data: PixelArray, good: npt.NDArray[np.uint8], left: int, right: int, bottom: int, top: int
) -> tuple[FloatArray, FloatArray, bool]:
    """Sum a box less its least good pixel over its rows and its columns; say whether a pixel is good."""
    lowest = np.inf
    for j in range(bottom, top + 1):
        for i in range(left, right + 1):
            if good[j, i] and data[j, i] < lowest:
                lowest = np.float64(data[j, i])
    columns = np.zeros(right - left + 1)
    rows = np.zeros(top - bottom + 1)
    for j in range(bottom, top + 1):
        for i in range(left, right + 1):
            if good[j, i]:
                columns[i - left] += data[j, i] - lowest
                rows[j - bottom] += data[j, i] - lowest
    return columns, rows, lowest < np.inf


@compiled
def _marginal_centroid(marginal: FloatArray, otherwise: float) -> float:
    """Return the centroid of what rises above the marginal's mean, or `otherwise` if nothing does."""
    mean = marginal.sum() / marginal.size
    total, first = 0.0, 0.0
    for i in range(marginal.size):
        rise = marginal[i] - mean
        if rise > 0.0:
            total += rise
            first += rise * i
    if total <= 1e-6 * abs(mean) or total == 0.0:
        return otherwise
    return first / total


@compiled
def iraf_centroids(
    data: PixelArray, good: npt.NDArray[np.uint8], x: FloatArray, y: FloatArray, box: int, max_shift: float
) -> tuple[FloatArray, FloatArray, BoolArray, BoolArray]:
    """Find IRAF's ``centroid``: the box less its minimum, its marginals clipped below their means.

    It is repeated about the new centre only after a step of 1 px or more, at most 10 times. A shift over
    `max_shift` in x or y is flagged but kept, as IRAF does. A masked pixel counts as the box' minimum.

    Parameters
    ----------
    data, good : arrays, shape (ny, nx)
        Signal, and 1 where a pixel counts.
    x, y : array, shape (n,)
        Catalog positions, 0-based pixels.
    box : int
        Side of the box, pixels, odd (``cbox``).
    max_shift : float
        ``maxshift``, pixels.

    Returns
    -------
    dx, dy : arrays, shape (n,)
        Shift from the catalog position, pixels; NaN where it failed.
    failed, far : arrays of bool, shape (n,)
        The box lies off the chip or holds no good pixel; a shift over `max_shift`.
    """
    ny, nx = data.shape
    dx = np.full(x.size, np.nan)
    dy = np.full(x.size, np.nan)
    failed = np.zeros(x.size, dtype=np.bool_)
    far = np.zeros(x.size, dtype=np.bool_)
    half = (box - 1) // 2
    for star in range(x.size):
        cx, cy = x[star], y[star]
        for _ in range(_IRAF_STEPS):
            if not (-half <= cx <= nx - 1 + half and -half <= cy <= ny - 1 + half):
                failed[star] = True
                break
            left = math.floor(max(0.0, min(nx - 1.0, cx - half)) + 0.5)
            right = math.floor(min(nx - 1.0, max(0.0, cx + half)) + 0.5)
            bottom = math.floor(max(0.0, min(ny - 1.0, cy - half)) + 0.5)
            top = math.floor(min(ny - 1.0, max(0.0, cy + half)) + 0.5)
            columns, rows, any_good = _marginals(data, good, left, right, bottom, top)
            if not any_good:
                failed[star] = True
                break
            step_x = _marginal_centroid(columns, cx - left) + left - cx
            step_y = _marginal_centroid(rows, cy - bottom) + bottom - cy
            cx += step_x
            cy += step_y
            if abs(step_x) < 1.0 and abs(step_y) < 1.0:
                break
        if not failed[star]:
            dx[star] = cx - x[star]
            dy[star] = cy - y[star]
            far[star] = abs(dx[star]) > max_shift or abs(dy[star]) > max_shift
    return dx, dy, failed, far
