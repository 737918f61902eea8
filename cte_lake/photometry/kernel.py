"""Sums of data, variance and area over all apertures of a star in one pass over its pixels.

Row by row: the pixels that lie wholly inside an aperture form one span, and the spans of growing
radii are nested, so that each pixel is added once and carried on to all larger radii. Only the pixels
that a circle crosses need their overlap, for each circle they are crossed by.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from numba import njit

from cte_lake.photometry.arrays import FloatArray

EXACT = 0
IRAF = 1


@njit(cache=True, nogil=True, inline="always")
def _segment_area(chord_squared: float, radius: float) -> float:
    """Return the area between a chord and its arc: r^2 (asin s - s sqrt(1 - s^2)), s = chord / 2r."""
    u = chord_squared / (4.0 * radius * radius)
    s = math.sqrt(u)
    if u > 0.01:
        return radius * radius * (math.asin(s) - s * math.sqrt(max(0.0, 1.0 - u)))
    # Its Taylor series: 2 sum binom(2n, n) / 4^n s^(2n+3) / (2n+3). No cancellation, and no asin.
    series = 2.0 / 3.0 + u * (
        1.0 / 5.0
        + u
        * (
            3.0 / 28.0
            + u
            * (
                5.0 / 72.0
                + u * (35.0 / 704.0 + u * (63.0 / 1664.0 + u * (231.0 / 7680.0 + u * 429.0 / 17408.0)))
            )
        )
    )
    return radius * radius * u * s * series


@njit(cache=True, nogil=True, inline="always")
def _quadrant_overlap(xa: float, xb: float, ya: float, yb: float, radius: float) -> float:
    """Return the overlap of the circle about 0 with [xa, xb] x [ya, yb], 0 <= xa <= xb, 0 <= ya <= yb."""
    r2 = radius * radius
    if xa * xa + ya * ya >= r2:
        return 0.0
    if xb * xb + yb * yb <= r2:
        return (xb - xa) * (yb - ya)
    # The circle's height over x falls: above yb up to x = left, below ya from x = right on.
    left = xa
    h_left = math.sqrt(r2 - xa * xa)
    if h_left > yb:
        left = math.sqrt(r2 - yb * yb)
        h_left = yb
    right = xb
    h_right = ya
    if xb * xb + ya * ya < r2:
        h_right = math.sqrt(r2 - xb * xb)
    else:
        right = math.sqrt(r2 - ya * ya)
    width = right - left
    drop = h_left - h_right
    return (
        (left - xa) * (yb - ya)
        + width * (0.5 * (h_left + h_right) - ya)
        + _segment_area(width * width + drop * drop, radius)
    )


@njit(cache=True, nogil=True)
def circle_pixel_overlap(dx: float, dy: float, radius: float) -> float:
    """Return the area that a unit pixel shares with a circle.

    Parameters
    ----------
    dx, dy : float
        Centre of the pixel relative to the centre of the circle, pixels.
    radius : float
        Radius of the circle, pixels.

    Returns
    -------
    float
        Overlap, 0 to 1.
    """
    x = abs(dx)
    y = abs(dy)
    total = _quadrant_overlap(max(x - 0.5, 0.0), x + 0.5, max(y - 0.5, 0.0), y + 0.5, radius)
    # A pixel across an axis is cut there, and its parts are turned into the first quadrant.
    if x < 0.5:
        total += _quadrant_overlap(0.0, 0.5 - x, max(y - 0.5, 0.0), y + 0.5, radius)
    if y < 0.5:
        total += _quadrant_overlap(max(x - 0.5, 0.0), x + 0.5, 0.0, 0.5 - y, radius)
        if x < 0.5:
            total += _quadrant_overlap(0.0, 0.5 - x, 0.0, 0.5 - y, radius)
    return total


@njit(cache=True, nogil=True, inline="always")
def _weight(dx: float, dy: float, radius: float, overlap: int) -> float:
    if overlap == EXACT:
        return circle_pixel_overlap(dx, dy, radius)
    return min(1.0, max(0.0, radius + 0.5 - math.sqrt(dx * dx + dy * dy)))


@njit(cache=True, nogil=True, inline="always")
def _half_widths(dy: float, radius: float, overlap: int) -> tuple[float, float]:
    """Return how far from the centre's column pixels are wholly inside (-1: none), and touched."""
    y = abs(dy)
    if overlap == EXACT:
        far, near = y + 0.5, max(y - 0.5, 0.0)
        inner, outer, edge = radius, radius, 0.5
    else:
        far, near = y, y
        inner, outer, edge = radius - 0.5, radius + 0.5, 0.0
    touched = -1.0
    if near < outer:
        touched = math.sqrt(outer * outer - near * near) + edge
    inside = -1.0
    if far < inner:
        inside = math.sqrt(inner * inner - far * far) - edge
    return inside, touched


@njit(cache=True, nogil=True)
def aperture_sums(
    data: npt.NDArray[np.floating],
    error: npt.NDArray[np.floating],
    good: npt.NDArray[np.uint8],
    x: FloatArray,
    y: FloatArray,
    radii: FloatArray,
    overlap: int,
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Sum data, variance and area over circular apertures.

    Parameters
    ----------
    data, error : array, shape (ny, nx)
        Signal and its standard error per pixel; both must be 0 where `good` is 0.
    good : array of uint8, shape (ny, nx)
        1 where a pixel counts.
    x, y : array, shape (n,)
        Centres, 0-based pixels; not finite: the star's row is 0.
    radii : array, shape (m,)
        Radii in pixels, ascending.
    overlap : int
        `EXACT` or `IRAF`.

    Returns
    -------
    sums, variances, areas, chip_areas : arrays of float64, shape (n, m)
        Weighted sums of the data, of the squared error and of `good`; the last is the area on the chip,
        good or not.
    """
    ny, nx = data.shape
    n_radii = radii.size
    out = np.zeros((4, x.size, n_radii))
    largest = radii[n_radii - 1] + 0.5
    for star in range(x.size):
        cx, cy = x[star], y[star]
        if not (abs(cx) < 1e9 and abs(cy) < 1e9):
            continue
        sums, variances, areas, chip = out[0, star], out[1, star], out[2, star], out[3, star]
        for j in range(max(0, math.ceil(cy - largest)), min(ny - 1, math.floor(cy + largest)) + 1):
            dy = j - cy
            s_data, s_var, s_good, s_chip = 0.0, 0.0, 0, 0
            first, last = 0, -1
            for k in range(n_radii):
                inside, touched = _half_widths(dy, radii[k], overlap)
                if touched < 0.0:
                    continue
                lo = max(0, math.ceil(cx - touched))
                hi = min(nx - 1, math.floor(cx + touched))
                a = max(lo, math.ceil(cx - inside))
                b = min(hi, math.floor(cx + inside))
                if inside < 0.0 or a > b:
                    a, b = hi + 1, hi
                else:
                    if last < first:
                        first, last = a, a - 1
                    for i in range(a, first):
                        s_data += data[j, i]
                        s_var += np.float64(error[j, i]) * np.float64(error[j, i])
                        s_good += good[j, i]
                    for i in range(last + 1, b + 1):
                        s_data += data[j, i]
                        s_var += np.float64(error[j, i]) * np.float64(error[j, i])
                        s_good += good[j, i]
                    s_chip += (first - a) + (b - last)
                    first, last = a, b
                    sums[k] += s_data
                    variances[k] += s_var
                    areas[k] += s_good
                    chip[k] += s_chip
                for side in range(2):
                    start, stop = (lo, a) if side == 0 else (b + 1, hi + 1)
                    for i in range(start, stop):
                        w = _weight(i - cx, dy, radii[k], overlap)
                        chip[k] += w
                        if good[j, i]:
                            sums[k] += w * data[j, i]
                            variances[k] += w * np.float64(error[j, i]) * np.float64(error[j, i])
                            areas[k] += w
    return out[0], out[1], out[2], out[3]


@njit(cache=True, nogil=True)
def core_counts(
    good: npt.NDArray[np.uint8],
    saturated: npt.NDArray[np.uint8],
    x: FloatArray,
    y: FloatArray,
    radius: float,
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """Count the good, masked and saturated pixels whose centres lie in a circle.

    Rows of positions that are not finite are 0.

    Parameters
    ----------
    good, saturated : array of uint8, shape (ny, nx)
        1 where a pixel counts, 1 where it is saturated.
    x, y : array, shape (n,)
        Centres, 0-based pixels.
    radius : float
        Radius, pixels.

    Returns
    -------
    n_good, n_masked, n_saturated : arrays of int32, shape (n,)
    """
    ny, nx = good.shape
    counts = np.zeros((3, x.size), dtype=np.int32)
    for star in range(x.size):
        cx, cy = x[star], y[star]
        if not (abs(cx) < 1e9 and abs(cy) < 1e9):
            continue
        for j in range(max(0, math.ceil(cy - radius)), min(ny - 1, math.floor(cy + radius)) + 1):
            half = math.sqrt(max(0.0, radius * radius - (j - cy) * (j - cy)))
            for i in range(max(0, math.ceil(cx - half)), min(nx - 1, math.floor(cx + half)) + 1):
                counts[0, star] += good[j, i]
                counts[1, star] += 1 - good[j, i]
                counts[2, star] += saturated[j, i]
    return counts[0], counts[1], counts[2]
