"""What repeated clipping about the median does to the error of a sky, for a Gaussian sky.

Clipping takes pixels and width, and its limits move with the noise of the median they are set about. All
of it follows from the estimators' influence functions (the change of the estimate per unit of one pixel's
weight): with limits +-h about a median whose influence is p(z), the next median's is
``(phi(h) p(z) + sign(z) [|z| < h] / 2) / phi(0)``, the next mean's
``(2 h phi(h) p(z) + z [|z| < h]) / P(|z| < h)``; an estimate's variance is the mean of its influence squared,
over the number of pixels before clipping.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np


@lru_cache
def clip_factors(method: str, clip_sigma: float, clip_steps: int) -> tuple[float, float, float]:
    """Return how a Gaussian sky's width, number and error come out of clipping.

    Parameters
    ----------
    method : {"median", "mean", "mode", "iraf_centroid"}
        The estimator; ``mode`` is 2.5 median - 1.5 mean. IRAF's centroid sets its limits about itself and
        is taken as an unclipped mean: at 3 sigma, its limits, the difference is 1%.
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
    influence = {"median": median, "mean": mean, "mode": 2.5 * median - 1.5 * mean, "iraf_centroid": z}[
        method
    ]
    return width, kept, math.sqrt(float(np.sum(weight * influence * influence)))
