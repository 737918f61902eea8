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
def _crossed_overlap(
    xa: float, xb: float, ya: float, yb: float, top: float, bottom: float, radius: float
) -> float:
    """Return the overlap of the circle about 0 with [xa, xb] x [ya, yb], 0 <= xa <= xb, 0 <= ya <= yb.

    `top` and `bottom` are where the circle crosses yb and ya; `top` may be anything up to 0 if it does not.
    """
    r2 = radius * radius
    if xa >= bottom:
        return 0.0
    if xb <= top:
        return (xb - xa) * (yb - ya)
    # The circle's height over x falls: above yb up to x = left, below ya from x = right on.
    if xa < top:
        left, h_left = top, yb
    else:
        left, h_left = xa, math.sqrt(max(0.0, r2 - xa * xa))
    if xb < bottom:
        right, h_right = xb, math.sqrt(max(0.0, r2 - xb * xb))
    else:
        right, h_right = bottom, ya
    width = right - left
    drop = h_left - h_right
    return (
        (left - xa) * (yb - ya)
        + width * (0.5 * (h_left + h_right) - ya)
        + _segment_area(width * width + drop * drop, radius)
    )


@njit(cache=True, nogil=True, inline="always")
def _quadrant_overlap(xa: float, xb: float, ya: float, yb: float, radius: float) -> float:
    """Return the overlap of the circle about 0 with [xa, xb] x [ya, yb], 0 <= xa <= xb, 0 <= ya <= yb."""
    r2 = radius * radius
    top = math.sqrt(r2 - yb * yb) if yb < radius else 0.0
    bottom = math.sqrt(r2 - ya * ya) if ya < radius else 0.0
    return _crossed_overlap(xa, xb, ya, yb, top, bottom, radius)


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
def _weight(dx: float, dy: float, radius: float, top: float, bottom: float, overlap: int) -> float:
    """Return a pixel's weight; the circle crosses the row's far and near edge at `top` and `bottom`."""
    x, y = abs(dx), abs(dy)
    if overlap == IRAF:
        return min(1.0, max(0.0, radius + 0.5 - math.sqrt(x * x + y * y)))
    if x < 0.5 or y < 0.5:
        return circle_pixel_overlap(dx, dy, radius)
    return _crossed_overlap(x - 0.5, x + 0.5, y - 0.5, y + 0.5, top, bottom, radius)


@njit(cache=True, nogil=True, inline="always")
def _crossings(dy: float, radius: float, overlap: int) -> tuple[float, float]:
    """Return half the chords on which a row's pixels lie wholly inside, and are touched; -1 for none.

    With exact overlap they end where the circle crosses the row's far and near edge; with IRAF's weights
    where the distance of a pixel's centre is r - 0.5 and r + 0.5.
    """
    y = abs(dy)
    if overlap == EXACT:
        far, near, inner, outer = y + 0.5, max(y - 0.5, 0.0), radius, radius
    else:
        far, near, inner, outer = y, y, radius - 0.5, radius + 0.5
    bottom = math.sqrt(outer * outer - near * near) if near < outer else -1.0
    top = math.sqrt(inner * inner - far * far) if far < inner else -1.0
    return top, bottom


@njit(cache=True, nogil=True)
def _add_row(
    data: npt.NDArray[np.floating],
    error: npt.NDArray[np.floating],
    good: npt.NDArray[np.uint8],
    place: tuple[int, float, float],
    radii: FloatArray,
    overlap: int,
    totals: FloatArray,
) -> None:
    """Add one row of pixels to a star's sums, variances, areas and areas on the chip, shape (4, n_radii).

    `place` is the row, its distance from the star and the star's column.
    """
    j, dy, cx = place
    last_column = data.shape[1] - 1
    edge = 0.5 if overlap == EXACT else 0.0
    s_data, s_var, s_good = 0.0, 0.0, 0
    # The span that is summed already: [first, last], empty at the start.
    first, last = 0, -1
    for k in range(radii.size):
        top, bottom = _crossings(dy, radii[k], overlap)
        if bottom < 0.0:
            continue
        lo = max(0, math.ceil(cx - bottom - edge))
        hi = min(last_column, math.floor(cx + bottom + edge))
        a = max(lo, math.ceil(cx - top + edge))
        b = min(hi, math.floor(cx + top - edge))
        if top < 0.0 or a > b:
            a, b = hi + 1, hi
        else:
            if last < first:
                first, last = a, a - 1
            for start, stop in ((a, first), (last + 1, b + 1)):
                for i in range(start, stop):
                    s_data += data[j, i]
                    s_var += np.float64(error[j, i]) * np.float64(error[j, i])
                    s_good += good[j, i]
            first, last = a, b
            totals[0, k] += s_data
            totals[1, k] += s_var
            totals[2, k] += s_good
            totals[3, k] += b - a + 1
        for start, stop in ((lo, a), (b + 1, hi + 1)):
            for i in range(start, stop):
                w = _weight(i - cx, dy, radii[k], top, bottom, overlap)
                totals[3, k] += w
                if good[j, i]:
                    totals[0, k] += w * data[j, i]
                    totals[1, k] += w * np.float64(error[j, i]) * np.float64(error[j, i])
                    totals[2, k] += w


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
    ny = data.shape[0]
    out = np.zeros((x.size, 4, radii.size))
    largest = radii[-1] + 0.5
    for star in range(x.size):
        cx, cy = x[star], y[star]
        if not (abs(cx) < 1e9 and abs(cy) < 1e9):
            continue
        for j in range(max(0, math.ceil(cy - largest)), min(ny - 1, math.floor(cy + largest)) + 1):
            _add_row(data, error, good, (j, j - cy, cx), radii, overlap, out[star])
    return out[:, 0], out[:, 1], out[:, 2], out[:, 3]


@njit(cache=True, nogil=True)
def core_counts(
    good: npt.NDArray[np.uint8], saturated: npt.NDArray[np.uint8], x: FloatArray, y: FloatArray, radius: float
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """Count the good and the saturated pixels whose centres lie in a circle.

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
    n_good, n_saturated : arrays of int32, shape (n,)
    """
    ny, nx = good.shape
    counts = np.zeros((2, x.size), dtype=np.int32)
    for star in range(x.size):
        cx, cy = x[star], y[star]
        if not (abs(cx) < 1e9 and abs(cy) < 1e9):
            continue
        for j in range(max(0, math.ceil(cy - radius)), min(ny - 1, math.floor(cy + radius)) + 1):
            half = math.sqrt(max(0.0, radius * radius - (j - cy) * (j - cy)))
            for i in range(max(0, math.ceil(cx - half)), min(nx - 1, math.floor(cx + half)) + 1):
                counts[0, star] += good[j, i]
                counts[1, star] += saturated[j, i]
    return counts[0], counts[1]
