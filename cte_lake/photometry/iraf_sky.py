"""IRAF's sky: the centroid of the annulus pixels' histogram, in single precision as IRAF computes it.

The method is that of ``apphot``'s ``fitsky`` with ``salgorithm = centroid``, ``khist = 3`` and
``binsize = 0.1``, written anew. Its rounding matters: whether the
histogram has 59 or 61 bins hangs on the last bit of a quotient near 30, and half a bin moves the sky by
0.05 sigma; a bin stands for its lower edge.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from numba import njit

from cte_lake.photometry.arrays import FloatArray, IntArray, PixelArray

_Histogram = npt.NDArray[np.float32]

_K_HIST = np.float32(3.0)
_BIN_SIZE = np.float32(0.1)


@njit(cache=True, nogil=True)
def _histogram_moments(
    histogram: _Histogram, low: np.float32, high: np.float32
) -> tuple[np.float32, np.float32]:
    """Return centroid and width of a histogram; NaN if it is empty."""
    step = np.float32((high - low) / np.float32(histogram.size - 1))
    value = low
    total = first = second = np.float32(0.0)
    for i in range(histogram.size):
        if histogram[i] > 0:
            total += histogram[i]
            first += np.float32(histogram[i] * value)
            second += np.float32(np.float32(histogram[i] * value) * value)
        value = np.float32(value + step)
    if total <= 0:
        return np.float32(np.nan), np.float32(np.nan)
    centre = np.float32(first / total)
    variance = np.float32(np.float32(second / total) - np.float32(centre * centre))
    return centre, np.float32(math.sqrt(max(np.float32(0.0), variance)))


@njit(cache=True, nogil=True)
def _mean_and_sigma(row: PixelArray, n: int) -> tuple[np.float32, np.float32]:
    """Return mean and standard deviation of the first n values: sums in double, results in single."""
    s1, s2 = np.float64(0.0), np.float64(0.0)
    for i in range(n):
        value = np.float32(row[i])
        s1 += np.float64(value)
        s2 += np.float64(np.float32(value * value))
    mean = np.float32(s1 / n)
    variance = np.float32(s2 / n - np.float64(np.float32(mean * mean)))
    return mean, np.float32(math.sqrt(max(np.float32(0.0), variance)))


@njit(cache=True, nogil=True)
def _reject(
    row: PixelArray,
    kept: npt.NDArray[np.bool_],
    histogram: _Histogram,
    edges: tuple[np.float32, np.float32],
    limits: tuple[np.float32, np.float32],
) -> int:
    """Take the kept values outside the limits from the histogram; return how many."""
    low, high = edges
    scale = np.float32(np.float32(histogram.size - 1) / np.float32(high - low))
    rejected = 0
    for i in range(kept.size):
        value = np.float32(row[i])
        if kept[i] and not limits[0] <= value <= limits[1]:
            histogram[int(np.float32(np.float32(value - low) * scale))] -= np.float32(1.0)
            kept[i] = False
            rejected += 1
    return rejected


@njit(cache=True, nogil=True)
def _centroid(
    row: PixelArray, n: int, clip_sigma: float, clip_steps: int
) -> tuple[np.float32, np.float32, int]:
    """Return centroid, width and number of pixels left of one star's annulus."""
    mean, sigma = _mean_and_sigma(row, n)
    low, high = np.float32(mean - _K_HIST * sigma), np.float32(mean + _K_HIST * sigma)
    width = np.float32(_BIN_SIZE * sigma)
    if not (width > 0 and high > low):
        return mean, sigma, n
    n_bins = 2 * int(np.float32(np.float32(high - mean) / width)) + 1
    histogram = np.zeros(n_bins, dtype=np.float32)
    scale = np.float32(np.float32(n_bins - 1) / np.float32(high - low))
    kept = np.zeros(n, dtype=np.bool_)
    for i in range(n):
        value = np.float32(row[i])
        if low <= value <= high:
            histogram[int(np.float32(np.float32(value - low) * scale))] += np.float32(1.0)
            kept[i] = True
    left = kept.sum()
    centre, spread = _histogram_moments(histogram, low, high)
    limit = np.float32(clip_sigma)
    for _ in range(clip_steps):
        if clip_sigma <= 0.0 or not spread > width:
            break
        cut = np.float32(limit * spread)
        limits = (np.float32(centre - cut), np.float32(centre + cut))
        rejected = _reject(row, kept, histogram, (low, high), limits)
        left -= rejected
        if rejected == 0 or left == 0:
            break
        centre, spread = _histogram_moments(histogram, low, high)
    return centre, spread, left


@njit(cache=True, nogil=True)
def iraf_centroid_moments(
    pixels: PixelArray, counts: IntArray, clip_sigma: float, clip_steps: int, moments: FloatArray
) -> None:
    """Write IRAF's sky of each row, twice, then its width and the number of pixels left.

    Parameters
    ----------
    pixels : array, shape (n, room)
        The annulus pixels of a star in each row.
    counts : array of int32, shape (n,)
        How many of a row's values count.
    clip_sigma : float
        ``sloreject`` and ``shireject``, both.
    clip_steps : int
        ``snreject``.
    moments : array of float64, shape (n, 4)
        Filled in; NaN and a count of 0 for a row without values.
    """
    for star in range(counts.size):
        moments[star, :3] = np.nan
        moments[star, 3] = 0.0
        if counts[star] > 0:
            centre, spread, left = _centroid(pixels[star], counts[star], clip_sigma, clip_steps)
            moments[star, 0] = moments[star, 1] = centre
            moments[star, 2] = spread
            moments[star, 3] = left
