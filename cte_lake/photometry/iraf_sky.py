"""IRAF's sky: the centroid of the annulus pixels' histogram.

What ``fitsky`` does with ``salgorithm = centroid``, in words. The histogram stands about the median and
reaches 3 sigma (``khist``) to both sides, or as far as the nearer of the two extreme pixels if that is less;
it has 61 bins (``binsize = 0.1``). What lies outside is rejected. The sky is the centroid of the bins that
rise above the mean bin. Then pixels beyond 3 sigma of it are rejected, sigma being that of the pixels left,
and the centroid is taken again, until nothing is rejected. Values are held in single precision where IRAF
does, as the bin of a pixel hangs on it.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from cte_lake.photometry.arrays import FloatArray, IntArray, PixelArray

_K_HIST = np.float32(3.0)
_BIN_SIZE = np.float32(0.1)


@njit(cache=True, nogil=True)
def _sigma(row: PixelArray, lo: int, hi: int, zero: float) -> np.float32:
    """Return the standard deviation of a part of a row, its moments taken about `zero`."""
    s1, s2 = 0.0, 0.0
    for i in range(lo, hi):
        d = np.float64(row[i]) - zero
        s1 += d
        s2 += d * d
    mean = s1 / (hi - lo)
    return np.float32(math.sqrt(max(0.0, s2 / (hi - lo) - mean * mean)))


@njit(cache=True, nogil=True)
def _peak(row: PixelArray, lo: int, hi: int, low: np.float32, high: np.float32, n_bins: int) -> np.float32:
    """Return the centroid of the bins above the mean bin; NaN if there is none."""
    histogram = np.zeros(n_bins, dtype=np.float32)
    scale = np.float32(np.float32(n_bins - 1) / np.float32(high - low))
    for i in range(lo, hi):
        histogram[int(np.float32(np.float32(np.float32(row[i]) - low) * scale))] += np.float32(1.0)
    mean = np.float32(np.float32(hi - lo) / np.float32(n_bins))
    step = np.float32(np.float32(high - low) / np.float32(n_bins - 1))
    value = np.float64(np.float32(low + np.float32(0.5) * step))
    total, first = 0.0, 0.0
    for i in range(n_bins):
        rise = np.float64(np.float32(histogram[i] - mean))
        if rise > 0.0:
            total += rise
            first += rise * value
        value += np.float64(step)
    return np.float32(first / total) if total > 0.0 else np.float32(np.nan)


@njit(cache=True, nogil=True)
def _narrow(row: PixelArray, lo: int, hi: int, low: np.float32, high: np.float32) -> tuple[int, int]:
    """Return the part of a part of a sorted row that lies within the limits."""
    while lo < hi and row[lo] < low:
        lo += 1
    while hi > lo and row[hi - 1] > high:
        hi -= 1
    return lo, hi


@njit(cache=True, nogil=True)
def _centroid(
    row: PixelArray, n: int, clip_sigma: float, clip_steps: int
) -> tuple[np.float32, np.float32, int]:
    """Return centroid, width and number of pixels left of one star's annulus, its values sorted."""
    total = 0.0
    for i in range(n):
        total += np.float64(row[i])
    zero = np.float64(np.float32(np.float32(total) / np.float32(n)))
    median = np.float32(row[(n + 1) // 2 - 1])
    lowest, highest = np.float32(row[0]), np.float32(row[n - 1])
    sigma = _sigma(row, 0, n, zero)
    cut = min(np.float32(median - lowest), np.float32(highest - median), np.float32(_K_HIST * sigma))
    low, high = np.float32(median - cut), np.float32(median + cut)
    width = np.float32(np.float32(_BIN_SIZE * cut) / _K_HIST)
    if not (width > 0.0 and high > low):
        return median, np.float32(0.0), n
    n_bins = 2 * int(np.float32(np.float32(high - median) / width) + 0.5) + 1
    width = np.float32(np.float32(high - low) / np.float32(n_bins - 1))
    if sigma < width:
        return median, np.float32(0.0), n
    lo, hi = _narrow(row, 0, n, low, high)
    if hi - lo < n:
        sigma = _sigma(row, lo, hi, zero)
    sky = min(highest, max(lowest, _peak(row, lo, hi, low, high, n_bins)))
    limit = np.float32(clip_sigma)
    for _ in range(clip_steps):
        if clip_sigma <= 0.0 or sigma < width:
            break
        reach = np.float32(limit * sigma)
        new_lo, new_hi = _narrow(row, lo, hi, np.float32(sky - reach), np.float32(sky + reach))
        if (new_lo == lo and new_hi == hi) or new_lo == new_hi:
            break
        lo, hi = new_lo, new_hi
        sigma = _sigma(row, lo, hi, zero)
        sky = min(highest, max(lowest, _peak(row, lo, hi, low, high, n_bins)))
    return sky, sigma, hi - lo


@njit(cache=True, nogil=True)
def iraf_centroid_moments(
    pixels: PixelArray, counts: IntArray, clip_sigma: float, clip_steps: int, moments: FloatArray
) -> None:
    """Write IRAF's sky of each row, twice, then its width and the number of pixels left.

    Parameters
    ----------
    pixels : array, shape (n, room)
        The annulus pixels of a star in each row, ascending.
    counts : array of int32, shape (n,)
        How many of a row's values count.
    clip_sigma : float
        ``sloreject`` and ``shireject``, both; 0 for no rejection.
    clip_steps : int
        ``smaxiter``.
    moments : array of float64, shape (n, 4)
        Filled in; NaN and a count of 0 for a row without values.
    """
    for star in range(counts.size):
        moments[star, :3] = np.nan
        moments[star, 3] = 0.0
        if counts[star] > 0:
            sky, sigma, left = _centroid(pixels[star], counts[star], clip_sigma, clip_steps)
            moments[star, 0] = moments[star, 1] = sky
            moments[star, 2] = sigma
            moments[star, 3] = left
