"""The sky of each star from the pixels of its annulus, and its error after clipping."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from cte_lake.arrays import FloatArray
from cte_lake.compiled import compiled
from cte_lake.photometry.arrays import IntArray, PixelArray
from cte_lake.photometry.iraf_sky import iraf_moments
from cte_lake.photometry.kernel import aperture_sums
from cte_lake.photometry.modes import IRAF_SKIES, PhotometrySettings

_STARS_AT_ONCE = 512
"""Stars whose annuli are held together: their pixels stay in the processor's cache."""


_HISTOGRAM_REACH = 3.0
_HISTOGRAM_WIDTH = 6.1
"""IRAF's histogram: +-3 sigma in 61 bins of 0.1 sigma."""


@compiled
def _gather(
    data: PixelArray,
    good: npt.NDArray[np.uint8],
    x: FloatArray,
    y: FloatArray,
    inner: float,
    outer: float,
    pixels: PixelArray,
    counts: IntArray,
) -> None:
    """Copy the good pixels with inner < d <= outer into a row a star; the rest of a row is infinite."""
    ny, nx = data.shape
    for star in range(x.size):
        cx, cy = x[star], y[star]
        n = 0
        if abs(cx) < 1e9 and abs(cy) < 1e9:
            for j in range(max(0, math.ceil(cy - outer)), min(ny - 1, math.floor(cy + outer)) + 1):
                dy2 = (j - cy) * (j - cy)
                half = math.sqrt(max(0.0, outer * outer - dy2)) + 1e-9
                for i in range(max(0, math.ceil(cx - half)), min(nx - 1, math.floor(cx + half)) + 1):
                    d2 = (i - cx) * (i - cx) + dy2
                    if good[j, i] and d2 > inner * inner and d2 <= outer * outer:
                        pixels[star, n] = data[j, i]
                        n += 1
        counts[star] = n
        for i in range(n, pixels.shape[1]):
            pixels[star, i] = np.inf


@compiled
def _clip(
    pixels: PixelArray, counts: IntArray, clip_sigma: float, clip_steps: int, moments: FloatArray
) -> None:
    """Clip sorted rows about their median; write median, mean, standard deviation and count."""
    for star in range(counts.size):
        row = pixels[star]
        lo, hi = 0, counts[star]
        moments[star, 0] = moments[star, 1] = moments[star, 2] = np.nan
        moments[star, 3] = 0.0
        if hi == 0:
            continue
        step = 0
        while True:
            n = hi - lo
            median = 0.5 * (np.float64(row[lo + (n - 1) // 2]) + np.float64(row[lo + n // 2]))
            s1, s2 = 0.0, 0.0
            for i in range(lo, hi):
                d = row[i] - median
                s1 += d
                s2 += d * d
            offset = s1 / n
            deviation = math.sqrt(max(0.0, s2 / n - offset * offset))
            moments[star, 0] = median
            moments[star, 1] = median + offset
            moments[star, 2] = deviation
            moments[star, 3] = n
            if clip_sigma <= 0.0 or step >= clip_steps:
                break
            step += 1
            # Equal values must survive: their deviation is rounding.
            limit = clip_sigma * deviation + 1e-15 * abs(median)
            new_lo, new_hi = lo, hi
            while row[new_lo] < median - limit:
                new_lo += 1
            while row[new_hi - 1] > median + limit:
                new_hi -= 1
            if new_lo == lo and new_hi == hi:
                break
            lo, hi = new_lo, new_hi


def _annulus_moments(
    data: PixelArray, good: npt.NDArray[np.uint8], x: FloatArray, y: FloatArray, settings: PhotometrySettings
) -> FloatArray:
    """Return median, mean, standard deviation and count of the clipped annulus, shape (n, 4)."""
    inner, outer = settings.annulus_inner, settings.annulus_outer
    # No pixel centre within the annulus lies in a unit square that leaves it by more than half a diagonal.
    room = math.ceil(math.pi * ((outer + 0.71) ** 2 - max(0.0, inner - 0.71) ** 2))
    moments = np.full((x.size, 4), np.nan)
    pixels = np.empty((min(_STARS_AT_ONCE, x.size), room), dtype=data.dtype)
    counts = np.empty(len(pixels), dtype=np.int32)
    for start in range(0, x.size, _STARS_AT_ONCE):
        part = slice(start, start + _STARS_AT_ONCE)
        n = x[part].size
        _gather(data, good, x[part], y[part], inner, outer, pixels[:n], counts[:n])
        pixels[:n].sort(axis=1)
        if settings.sky_method in IRAF_SKIES:
            mode = settings.sky_method == "iraf_mode"
            iraf_moments(
                pixels[:n], counts[:n], mode, settings.clip_sigma, settings.clip_steps, moments[part]
            )
        else:
            _clip(pixels[:n], counts[:n], settings.clip_sigma, settings.clip_steps, moments[part])
    return moments


def _exact_mean(
    data: PixelArray,
    error: PixelArray,
    good: npt.NDArray[np.uint8],
    x: FloatArray,
    y: FloatArray,
    settings: PhotometrySettings,
) -> tuple[FloatArray, FloatArray, IntArray]:
    """Return the 2017 sky: the good pixels' weighted sum over the whole area of the annulus."""
    radii = np.array([settings.annulus_inner, settings.annulus_outer])
    sums, variances, areas, _ = aperture_sums(data, error, good, x, y, radii)
    whole = math.pi * (radii[1] ** 2 - radii[0] ** 2)
    n_sky = np.rint(areas[:, 1] - areas[:, 0]).astype(np.int32)
    sky = np.where(n_sky > 0, (sums[:, 1] - sums[:, 0]) / whole, np.nan)
    sky_err = np.where(n_sky > 0, np.sqrt(np.maximum(0.0, variances[:, 1] - variances[:, 0])) / whole, np.nan)
    return sky, sky_err, n_sky


def measure_sky(
    data: PixelArray,
    error: PixelArray,
    good: npt.NDArray[np.uint8],
    x: FloatArray,
    y: FloatArray,
    settings: PhotometrySettings,
) -> tuple[FloatArray, FloatArray, IntArray]:
    """Measure the sky in the annulus about each position.

    Parameters
    ----------
    data, error, good : arrays, shape (ny, nx)
        As for `cte_lake.photometry.kernel.aperture_sums`.
    x, y : array of float64, shape (n,)
        Centres, 0-based pixels.
    settings : PhotometrySettings
        Annulus, method and clip.

    Returns
    -------
    sky, sky_err : arrays of float64, shape (n,)
        Electrons per pixel; NaN where the annulus has no good pixel. The error is that of the estimator for a
        Gaussian sky of the observed width, see `clip_factors`.
    n_sky : array of int32, shape (n,)
        Pixels left after clipping.
    """
    if settings.sky_method == "mean_exact":
        return _exact_mean(data, error, good, x, y, settings)
    median, mean, deviation, count = _annulus_moments(data, good, x, y, settings).T
    if settings.sky_method == "median":
        sky = median.copy()
    elif settings.sky_method == "mode":
        sky = 2.5 * median - 1.5 * mean
    else:
        sky = mean.copy()
    left, kept, factor = clip_factors(settings.sky_method, settings.clip_sigma, settings.clip_steps)
    with np.errstate(divide="ignore", invalid="ignore"):
        sky_err = factor * (deviation / left) / np.sqrt(count / kept)
    sky_err[count == 0] = np.nan
    return sky, sky_err, count.astype(np.int32)


def _histogram_influence(z: FloatArray, weight: FloatArray) -> FloatArray:
    """Return the influence of a pixel at z sigma on the centroid of the bins above the mean bin."""
    mean_level = math.erf(_HISTOGRAM_REACH / math.sqrt(2.0)) / _HISTOGRAM_WIDTH
    a = math.sqrt(-2.0 * math.log(mean_level * math.sqrt(2.0 * math.pi)))
    core = z * (np.abs(z) < a)
    influence: FloatArray = core / float(np.sum(weight * core * core))
    return influence


def _mode_variance(mean: FloatArray, excess: FloatArray, weight: FloatArray) -> float:
    """Return the variance of mean - 3 max(0, excess), excess being mean less median, by their influences."""
    var_mean = float(np.sum(weight * mean * mean))
    var_excess = float(np.sum(weight * excess * excess))
    together = float(np.sum(weight * mean * excess))
    # Of a Gaussian of zero mean, max(0, d) has the mean sigma / sqrt(2 pi) and half of its mean square.
    return var_mean - 3.0 * together + 4.5 * var_excess - 9.0 * var_excess / (2.0 * math.pi)


@lru_cache
def clip_factors(method: str, clip_sigma: float, clip_steps: int) -> tuple[float, float, float]:
    """Return how a Gaussian sky's width, number and error come out of repeated clipping about the median.

    Clipping takes pixels and width, and its limits move with the noise of the median they are set about. All
    of it follows from the estimators' influence functions (the change of the estimate per unit of one pixel's
    weight): with limits +-h about a median whose influence is p(z), the next median's is
    ``(phi(h) p(z) + sign(z) [|z| < h] / 2) / phi(0)``, the next mean's
    ``(2 h phi(h) p(z) + z [|z| < h]) / P(|z| < h)``; an estimate's variance is the mean of its influence
    squared, over the number of pixels before clipping.

    IRAF's centroid of the histogram's bins above its mean bin has the influence ``z [|z| < a]`` over its own
    mean slope, a being where the density crosses the mean bin's. IRAF's mode is the mean less three times
    what the mean exceeds the median by, if it does: for two Gaussian estimates that has a variance in closed
    form.

    Parameters
    ----------
    method : {"median", "mean", "mode", "iraf_centroid", "iraf_mode"}
        The estimator; ``mode`` is 2.5 median - 1.5 mean.
    clip_sigma : float
        Limits in standard deviations of what is left; 0 for no clip.
    clip_steps : int
        How often it is clipped.

    Returns
    -------
    width : float
        Standard deviation of what is left, of 1.
    kept : float
        Part of the pixels that is left.
    factor : float
        Standard error of the estimate times the root of the number of pixels before clipping, of a sky of
        standard deviation 1.
    """
    z = np.linspace(-8.0, 8.0, 160_001)
    weight = np.exp(-0.5 * z * z)
    weight /= weight.sum()
    peak = 1.0 / math.sqrt(2.0 * math.pi)
    median, mean = np.sign(z) / (2.0 * peak), z
    width, kept = 1.0, 1.0
    for _ in range(clip_steps if clip_sigma > 0 else 0):
        limit = clip_sigma * width
        density = peak * math.exp(-0.5 * limit * limit)
        kept = math.erf(limit / math.sqrt(2.0))
        width = math.sqrt(1.0 - 2.0 * limit * density / kept)
        inside = np.abs(z) < limit
        mean = (2.0 * limit * density * median + z * inside) / kept
        median = (density * median + 0.5 * np.sign(z) * inside) / peak
    if method == "iraf_mode":
        return width, kept, math.sqrt(_mode_variance(mean, mean - median, weight))
    if method == "iraf_centroid":
        influence = _histogram_influence(z, weight)
    else:
        influence = {"median": median, "mean": mean, "mode": 2.5 * median - 1.5 * mean}[method]
    return width, kept, math.sqrt(float(np.sum(weight * influence * influence)))
