"""What repeated clipping about the median does to the error of a sky, for a Gaussian sky.

Clipping takes pixels and width, and its limits move with the noise of the median they are set about. All
of it follows from the estimators' influence functions (the change of the estimate per unit of one pixel's
weight): with limits +-h about a median whose influence is p(z), the next median's is
``(phi(h) p(z) + sign(z) [|z| < h] / 2) / phi(0)``, the next mean's
``(2 h phi(h) p(z) + z [|z| < h]) / P(|z| < h)``; an estimate's variance is the mean of its influence squared,
over the number of pixels before clipping.

IRAF's centroid of the histogram's bins above its mean bin has the influence ``z [|z| < a]`` over its own mean
slope, a being where the density crosses the mean bin's. IRAF's mode is the mean less three times what the
mean exceeds the median by, if it does: for two Gaussian estimates that has a variance in closed form.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np

from cte_lake.photometry.arrays import FloatArray

_HISTOGRAM_REACH = 3.0
_HISTOGRAM_WIDTH = 6.1
"""IRAF's histogram: +-3 sigma in 61 bins of 0.1 sigma."""


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
    """Return how a Gaussian sky's width, number and error come out of clipping.

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
