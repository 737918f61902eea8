"""Which pixels are measured: data quality, cosmic rays and unusable values."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

GOOD_DQ_BITS: Final = 32
"""DQ bits that leave a pixel usable by default: 32, unstable, which the 2017 masks kept too."""

SATURATED_DQ_BIT: Final = 256
"""Full-well saturation."""


def bad_pixel_mask(
    dq: NDArray[np.int16],
    err: NDArray[np.float32],
    data: NDArray[np.float32],
    crmask: NDArray[np.bool_] | None = None,
    good_bits: int = GOOD_DQ_BITS,
) -> NDArray[np.bool_]:
    """Mark the pixels that must not be measured.

    Parameters
    ----------
    dq : ndarray, (ny, nx), int16
        Data quality bits.
    err : ndarray, (ny, nx), float32, electrons
        A pixel without a positive, finite error is bad.
    data : ndarray, (ny, nx), float32, electrons
        A pixel that is not finite is bad.
    crmask : ndarray, (ny, nx), bool, optional
        True where a cosmic ray fell.
    good_bits : int
        DQ bits that leave a pixel good.

    Returns
    -------
    ndarray, (ny, nx), bool
        True = bad.

    Raises
    ------
    ValueError
        The arrays differ in shape.
    """
    shapes = {array.shape for array in (dq, err, data, crmask) if array is not None}
    if len(shapes) > 1:
        raise ValueError(f"dq, err, data and crmask differ in shape: {sorted(shapes)}")
    bad: NDArray[np.bool_] = (dq & np.asarray(~good_bits, dtype=dq.dtype)) != 0
    bad |= ~np.isfinite(data)
    bad |= ~((err > 0) & (err < np.inf))
    if crmask is not None:
        bad |= crmask
    return bad


def saturated_pixels(dq: NDArray[np.int16]) -> NDArray[np.bool_]:
    """Return True where DQ says that the pixel's full well was reached."""
    saturated: NDArray[np.bool_] = (dq & np.asarray(SATURATED_DQ_BIT, dtype=dq.dtype)) != 0
    return saturated
