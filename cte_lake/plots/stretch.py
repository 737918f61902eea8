"""Brightness of pictures of frames."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cte_lake.detector import SIGMA_PER_MAD


def stretch(pixels: NDArray[np.float64]) -> tuple[NDArray[np.float64], float, float]:
    """Return an image scaled to 0..1 by an asinh of the sky's own scatter, and the levels of 0 and 1."""
    values = pixels[np.isfinite(pixels)]
    if values.size == 0:
        return np.zeros_like(pixels), 0.0, 1.0
    middle = float(np.median(values))
    spread = SIGMA_PER_MAD * float(np.median(np.abs(values - middle))) or 1.0
    low = middle - 2.0 * spread
    high = max(float(np.percentile(values, 99.7)), middle + 20.0 * spread)
    scaled = np.arcsinh((pixels - low) / (2.0 * spread)) / np.arcsinh((high - low) / (2.0 * spread))
    return np.clip(np.nan_to_num(scaled), 0.0, 1.0), low, high


def levels(low: float, high: float) -> tuple[float, float, float]:
    """Return the signals that `stretch` shows as 0, 0.5 and 1."""
    # The scale factor cancels only at the ends; the middle follows from the same asinh.
    soft = (high - low) / 60.0
    return low, low + soft * float(np.sinh(0.5 * np.arcsinh((high - low) / soft))), high
