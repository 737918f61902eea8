"""Master stars onto a chip: one vectorised call, safe far from the chip."""

from __future__ import annotations

from typing import Final

import numpy as np
from astropy.wcs import WCS, NoConvergence
from numpy.typing import NDArray

ROUND_TRIP_TOLERANCE: Final = 1e-3
"""Largest miss, in pixels, of a position put back through the distortion."""

_INVERSION_TOLERANCE: Final = 1e-6
_MAX_ITERATIONS: Final = 50
_EDGE_SAMPLES: Final = 64


def project(
    wcs: WCS, ra: NDArray[np.float64], dec: NDArray[np.float64], shape: tuple[int, ...], margin: float = 0.0
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """Return which stars fall on a chip, and where.

    The SIP polynomial has no meaning far from the chip: its inverse diverges there, or leads back onto the
    chip. So stars are chosen by the tangent plane alone first, and each position must lead back to its star.

    Parameters
    ----------
    wcs : WCS
        Of the chip, with its distortion.
    ra, dec : ndarray, (n,)
        ICRS, degrees; stars with NaN are left out.
    shape : (ny, nx)
        Of the chip.
    margin : float
        Pixels; stars up to so far outside the chip's edge are kept too, a negative margin keeps clear of it.

    Returns
    -------
    index : ndarray, (m,), int64
        Rows of ``ra`` and ``dec`` on the chip, ascending.
    x, y : ndarray, (m,)
        0-based pixels, never NaN.
    """
    ra, dec = np.asarray(ra, dtype=np.float64), np.asarray(dec, dtype=np.float64)
    ny, nx = shape
    finite = np.flatnonzero(np.isfinite(ra) & np.isfinite(dec))
    # Without distortion first; NaN (behind the tangent point) compares False.
    x, y = wcs.wcs_world2pix(ra[finite], dec[finite], 0)
    reach = max(margin, 0.0) + _largest_distortion(wcs, (ny, nx))
    near = (x > -0.5 - reach) & (x < nx - 0.5 + reach) & (y > -0.5 - reach) & (y < ny - 0.5 + reach)
    index = finite[near]
    if index.size == 0:
        return index.astype(np.int64), np.empty(0), np.empty(0)
    x, y = _invert(wcs, ra[index], dec[index])
    on_chip = (x >= -0.5 - margin) & (x < nx - 0.5 + margin) & (y >= -0.5 - margin) & (y < ny - 0.5 + margin)
    index, x, y = index[on_chip], x[on_chip], y[on_chip]
    back_x, back_y = wcs.wcs_world2pix(*wcs.all_pix2world(x, y, 0), 0)
    want_x, want_y = wcs.wcs_world2pix(ra[index], dec[index], 0)
    true = np.hypot(back_x - want_x, back_y - want_y) <= ROUND_TRIP_TOLERANCE
    return index[true].astype(np.int64), x[true], y[true]


def _largest_distortion(wcs: WCS, shape: tuple[int, int]) -> float:
    """Twice the largest shift by the distortion along the chip's edge, in pixels, and some room."""
    ny, nx = shape
    u, v = np.linspace(-0.5, nx - 0.5, _EDGE_SAMPLES), np.linspace(-0.5, ny - 0.5, _EDGE_SAMPLES)
    x = np.concatenate([u, u, np.full_like(v, -0.5), np.full_like(v, nx - 0.5)])
    y = np.concatenate([np.full_like(u, -0.5), np.full_like(u, ny - 0.5), v, v])
    flat_x, flat_y = wcs.wcs_world2pix(*wcs.all_pix2world(x, y, 0), 0)
    return 10.0 + 2.0 * float(np.max(np.hypot(flat_x - x, flat_y - y)))


def _invert(
    wcs: WCS, ra: NDArray[np.float64], dec: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Pixel positions with distortion; where the inversion does not converge they are wrong or NaN."""
    try:
        x, y = wcs.all_world2pix(ra, dec, 0, tolerance=_INVERSION_TOLERANCE, maxiter=_MAX_ITERATIONS)
    except NoConvergence as failure:
        # Some of those that it gives up are right all the same: the way back to the sky decides.
        x, y = failure.best_solution.T
    return x, y
