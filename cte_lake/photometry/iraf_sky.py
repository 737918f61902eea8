"""IRAF's two skies: the centroid of the annulus pixels' histogram, and the mode.

What ``fitsky`` does with ``salgorithm = centroid``, the default of ``phot``, in words. The histogram stands
about the median and reaches 3 sigma (``khist``) to both sides, or as far as the nearer of the two extreme
pixels if that is less; it has 61 bins (``binsize = 0.1``). What lies outside is rejected. The sky is the
centroid of the bins that rise above the mean bin. Then pixels beyond 3 sigma of it are rejected, sigma being
that of the pixels left, and the centroid is taken again, until nothing is rejected. Values are held in single
precision where IRAF does, as the bin of a pixel hangs on it.

With ``salgorithm = mode`` the sky is 3 median - 2 mean, or the mean where that is below the median. The
median is an average over the middle twentieth of the sorted pixels. The first clip is symmetric about the
median, at 3 sigma or at the nearer of the two extreme pixels; the next are at 3 sigma about the mode.
"""

from __future__ import annotations

import math

import numpy as np

from cte_lake.arrays import FloatArray
from cte_lake.compiled import compiled
from cte_lake.photometry.arrays import IntArray, PixelArray

_K_HIST = np.float32(3.0)
_BIN_SIZE = np.float32(0.1)
#: Half of the part of the pixels that IRAF's median is an average over.
_MEDIAN_HALF = 0.025


@compiled
def _sigma(row: PixelArray, lo: int, hi: int, zero: float) -> np.float32:
    """Return the standard deviation of a part of a row, its moments taken about `zero`."""
    s1, s2 = 0.0, 0.0
    for i in range(lo, hi):
        d = np.float64(row[i]) - zero
        s1 += d
        s2 += d * d
    mean = s1 / (hi - lo)
    return np.float32(math.sqrt(max(0.0, s2 / (hi - lo) - mean * mean)))


@compiled
def _peak(row: PixelArray, lo: int, hi: int, low: np.float32, high: np.float32, n_bins: int) -> np.float32:
    """Return the centroid of the bins above the mean bin; NaN if there is none."""
    histogram = np.zeros(n_bins, dtype=np.float32)
    scale = np.float32(np.float32(n_bins - 1) / np.float32(high - low))
    for i in range(lo, hi):
        bin_ = int(np.float32(np.float32(np.float32(row[i]) - low) * scale))
        # Values near the end of float32 overflow; compiled code writes wherever an index leads.
        histogram[min(max(bin_, 0), n_bins - 1)] += np.float32(1.0)
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


@compiled
def _narrow(row: PixelArray, lo: int, hi: int, low: np.float32, high: np.float32) -> tuple[int, int]:
    """Return the part of a part of a sorted row that lies within the limits."""
    while lo < hi and row[lo] < low:
        lo += 1
    while hi > lo and row[hi - 1] > high:
        hi -= 1
    return lo, hi


@compiled
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


@compiled
def _mode_of(row: PixelArray, n: int, lo: int, hi: int, zero: float) -> tuple[np.float32, np.float32]:
    """Return IRAF's mode and median of the part lo to hi of a sorted row of n values."""
    middle = (n + 1) // 2 if hi - lo == n else (lo + 1 + hi) // 2
    half = int(_MEDIAN_HALF * (hi - lo) + 0.5)
    first, last = max(1, middle - half), min(n, middle + half + (1 - middle % 2))
    total = np.float32(0.0)
    for i in range(first - 1, last):
        total = np.float32(total + row[i])
    lowest, highest = np.float32(row[0]), np.float32(row[n - 1])
    median = max(lowest, min(highest, np.float32(total / np.float32(last - first + 1))))
    offset = 0.0
    for i in range(lo, hi):
        offset += np.float64(row[i]) - zero
    mean = max(lowest, min(highest, np.float32(zero + offset / (hi - lo))))
    mode = mean if mean < median else np.float32(np.float32(3.0) * median - np.float32(2.0) * mean)
    return max(lowest, min(highest, mode)), median


@compiled
def _mode(row: PixelArray, n: int, clip_sigma: float, clip_steps: int) -> tuple[np.float32, np.float32, int]:
    """Return mode, width and number of pixels left of one star's annulus, its values sorted."""
    total = 0.0
    for i in range(n):
        total += np.float64(row[i])
    zero = np.float64(np.float32(np.float32(total) / np.float32(n)))
    lowest, highest = np.float32(row[0]), np.float32(row[n - 1])
    lo, hi = 0, n
    sky, median = _mode_of(row, n, lo, hi, zero)
    sigma = _sigma(row, lo, hi, zero)
    limit = np.float32(clip_sigma)
    for step in range(clip_steps if clip_sigma > 0.0 else 0):
        if sigma <= 0.0:
            break
        reach, centre = np.float32(limit * sigma), sky
        if step == 0:
            centre = median
            reach = min(reach, np.float32(median - lowest), np.float32(highest - median))
        new_lo, new_hi = _narrow(row, lo, hi, np.float32(centre - reach), np.float32(centre + reach))
        if (new_lo == lo and new_hi == hi) or new_lo == new_hi:
            break
        lo, hi = new_lo, new_hi
        sky, median = _mode_of(row, n, lo, hi, zero)
        sigma = _sigma(row, lo, hi, zero)
    return sky, sigma, hi - lo


@compiled
def iraf_moments(
    pixels: PixelArray, counts: IntArray, mode: bool, clip_sigma: float, clip_steps: int, moments: FloatArray
) -> None:
    """Write IRAF's sky of each row, twice, then its width and the number of pixels left.

    Parameters
    ----------
    pixels : array, shape (n, room)
        The annulus pixels of a star in each row, ascending.
    counts : array of int32, shape (n,)
        How many of a row's values count.
    mode : bool
        ``salgorithm``: mode, else centroid.
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
            if mode:
                sky, sigma, left = _mode(pixels[star], counts[star], clip_sigma, clip_steps)
            else:
                sky, sigma, left = _centroid(pixels[star], counts[star], clip_sigma, clip_steps)
            moments[star, 0] = moments[star, 1] = sky
            moments[star, 2] = sigma
            moments[star, 3] = left
