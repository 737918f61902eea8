"""Brightness of pictures of frames."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from cte_lake.detector import SIGMA_PER_MAD

#: Pixels whose scatter gives the levels: of more they are hardly better, and take longer than all else.
_FOR_LEVELS = 1 << 15
#: Most signals of one step that are tried.
_OF_A_STEP = 20
#: Marks that are enough for a colour bar.
_ENOUGH = 4
#: Least distance of two places.
_APART = 0.085


def stretch(pixels: NDArray[np.float64]) -> tuple[NDArray[np.float64], float, float]:
    """Return an image scaled to 0..1 by an asinh of the sky's own scatter, and the levels of 0 and 1."""
    values = pixels[np.isfinite(pixels)]
    if values.size == 0:
        return np.zeros_like(pixels), 0.0, 1.0
    values = values[:: max(1, values.size // _FOR_LEVELS)]
    middle = float(np.median(values))
    spread = SIGMA_PER_MAD * float(np.median(np.abs(values - middle))) or 1.0
    low = middle - 2.0 * spread
    high = max(float(np.percentile(values, 99.7)), middle + 20.0 * spread)
    scaled = np.arcsinh((pixels - low) / (2.0 * spread)) / np.arcsinh((high - low) / (2.0 * spread))
    return np.clip(np.nan_to_num(scaled), 0.0, 1.0), low, high


def round_levels(low: float, high: float) -> list[tuple[float, float]]:
    """Return round signals between the ends of `stretch`, each after the place, 0 to 1, at which it is shown.

    Parameters
    ----------
    low, high : float
        Signals at 0 and 1.
    """
    # The scale factor of `stretch` cancels at its ends; the rest follows from the same asinh.
    span = high - low
    soft = span / 60.0
    found: list[tuple[float, float]] = []
    # The roundest first, so that they keep their place; multiples of them where those are too few.
    for signals in _round_signals(span, soft, low):
        if len(found) >= _ENOUGH:
            break
        for signal in signals:
            place = float(np.arcsinh((signal - low) / soft) / np.arcsinh(span / soft))
            if low <= signal <= high and all(abs(place - other) >= _APART for other, _ in found):
                found.append((place, float(signal)))
    return sorted(found)


def _round_signals(coarsest: float, finest: float, low: float) -> Iterator[NDArray[np.float64]]:
    """Zero with 1, 2 and 5 times powers of ten, of either sign; then multiples of each, coarse ones first."""
    top = max(coarsest, abs(low) + coarsest)
    powers = 10.0 ** np.arange(np.floor(np.log10(finest)), np.ceil(np.log10(top)) + 1)
    plain = np.concatenate([powers[::-1], 5.0 * powers[::-1], 2.0 * powers[::-1]])
    yield np.concatenate([[0.0], np.stack([plain, -plain], axis=1).ravel()])
    for step in np.sort(plain)[::-1]:
        yield (np.ceil(low / step) + np.arange(_OF_A_STEP)) * step
