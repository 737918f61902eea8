"""Sums over apertures with the weights that IRAF's phot gives the pixels a circle crosses."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from cte_lake.compiled import compiled
from cte_lake.photometry.arrays import FloatArray


@compiled
def iraf_sums(
    data: npt.NDArray[np.floating],
    error: npt.NDArray[np.floating],
    good: npt.NDArray[np.uint8],
    x: FloatArray,
    y: FloatArray,
    radii: FloatArray,
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Sum over circular apertures; a pixel at distance d weighs r + 1/2 - d, at least 0 and at most 1.

    Parameters and results are those of `cte_lake.photometry.kernel.aperture_sums`.
    """
    totals = np.zeros((x.size, radii.size, 4))
    whole = np.zeros((radii.size, 4))
    reach = radii[-1] + 0.5
    for star in range(x.size):
        if not (abs(x[star]) < 1e9 and abs(y[star]) < 1e9):
            continue
        # Pixels wholly inside a radius and inside no smaller one; each larger radius takes them over below.
        whole[:] = 0.0
        for j in range(
            max(0, math.ceil(y[star] - reach)), min(data.shape[0] - 1, math.floor(y[star] + reach)) + 1
        ):
            half = math.sqrt(max(0.0, reach * reach - (j - y[star]) * (j - y[star])))
            left = max(0, math.ceil(x[star] - half))
            for i in range(left, min(data.shape[1] - 1, math.floor(x[star] + half)) + 1):
                distance = math.sqrt((i - x[star]) ** 2 + (j - y[star]) ** 2)
                variance = np.float64(error[j, i]) * np.float64(error[j, i])
                k = 0
                while radii[k] + 0.5 <= distance and k < radii.size - 1:
                    k += 1
                while k < radii.size and radii[k] - 0.5 < distance:
                    weight = max(0.0, radii[k] + 0.5 - distance)
                    totals[star, k, 0] += weight * data[j, i]
                    totals[star, k, 1] += weight * variance
                    totals[star, k, 2] += weight * good[j, i]
                    totals[star, k, 3] += weight
                    k += 1
                if k < radii.size:
                    whole[k, 0] += data[j, i]
                    whole[k, 1] += variance
                    whole[k, 2] += good[j, i]
                    whole[k, 3] += 1.0
        for q in range(4):
            inside = 0.0
            for k in range(radii.size):
                inside += whole[k, q]
                totals[star, k, q] += inside
    return totals[:, :, 0], totals[:, :, 1], totals[:, :, 2], totals[:, :, 3]
