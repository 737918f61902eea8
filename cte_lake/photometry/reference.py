"""The same sums by photutils: the judge of our kernel, and an engine of its own."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from photutils.aperture import CircularAperture

from cte_lake.photometry.arrays import FloatArray, PixelArray


def photutils_sums(
    data: PixelArray,
    error: PixelArray,
    good: npt.NDArray[np.uint8],
    x: FloatArray,
    y: FloatArray,
    radii: FloatArray,
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Sum data, variance and area over circular apertures with ``photutils.aperture.CircularAperture``.

    Parameters and results are those of `cte_lake.photometry.kernel.aperture_sums` with exact overlap.
    """
    out = np.zeros((4, x.size, radii.size))
    placed = np.flatnonzero(np.isfinite(x) & np.isfinite(y))
    if placed.size == 0:
        return out[0], out[1], out[2], out[3]
    positions = np.column_stack([x[placed], y[placed]])
    mask = good == 0
    signal, sigma = data.astype(np.float64), error.astype(np.float64)
    for k, radius in enumerate(radii):
        aperture = CircularAperture(positions, r=float(radius))
        sums, errors = aperture.do_photometry(signal, error=sigma, mask=mask, method="exact")
        out[0, placed, k] = np.nan_to_num(sums)
        out[1, placed, k] = np.nan_to_num(errors) ** 2
        out[2, placed, k] = np.nan_to_num(aperture.area_overlap(signal, mask=mask, method="exact"))
        out[3, placed, k] = np.nan_to_num(aperture.area_overlap(signal, method="exact"))
    return out[0], out[1], out[2], out[3]
