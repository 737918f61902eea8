"""The sky of each star from the pixels of its annulus."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from cte_lake.compiled import compiled
from cte_lake.photometry.arrays import FloatArray, IntArray, PixelArray
from cte_lake.photometry.iraf_sky import iraf_moments
from cte_lake.photometry.kernel import aperture_sums
from cte_lake.photometry.modes import IRAF_SKIES, PhotometrySettings
from cte_lake.photometry.sky_error import clip_factors

_STARS_AT_ONCE = 512
"""Stars whose annuli are held together: their pixels stay in the processor's cache."""


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
        Gaussian sky of the observed width, see `cte_lake.photometry.sky_error`.
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
