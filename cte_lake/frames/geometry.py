"""Pixel areas from a WCS: the linear part, the SIP polynomial and, where there are any, the lookup tables."""

from __future__ import annotations

from typing import Final

import numpy as np
from astropy.wcs import WCS
from numpy.polynomial import polynomial
from numpy.typing import NDArray
from scipy.signal import convolve2d

REFERENCE_PIXEL: Final = (2072, 2046)
"""Column and row of chip 2, 1-based full-frame pixels, that the official maps of both chips are relative to."""

_STRIP: Final = 256
"""Rows handled at once where lookup tables ask for every pixel's corners; bounds the memory."""


def reference_pixel_area(wcs: WCS, column0: int = 0, row0: int = 0) -> float:
    """Return the area by which maps are normalised.

    Parameters
    ----------
    wcs : astropy.wcs.WCS
        Of chip 2.
    column0, row0 : int
        Full-frame column and row of its pixel (0, 0).

    Returns
    -------
    float
        Square degrees.
    """
    x = np.array([REFERENCE_PIXEL[0] - 1.0 - column0])
    y = np.array([REFERENCE_PIXEL[1] - 1.0 - row0])
    return float(pixel_areas(wcs, x, y)[0, 0])


def pixel_areas(wcs: WCS, x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return pixel areas in the tangent plane on the grid of columns x and rows y.

    Parameters
    ----------
    wcs : astropy.wcs.WCS
        Tangent plane with SIP; lookup tables are counted in where it carries them.
    x : ndarray, (nx,)
        Columns, 0-based pixels.
    y : ndarray, (ny,)
        Rows, 0-based pixels.

    Returns
    -------
    ndarray, (ny, nx)
        Square degrees.
    """
    scale = abs(float(np.linalg.det(wcs.pixel_scale_matrix)))
    if any(table is not None for table in (wcs.cpdis1, wcs.cpdis2, wcs.det2im1, wcs.det2im2)):
        return scale * _areas_from_corners(wcs, x, y)
    if wcs.sip is None:
        return np.full((y.size, x.size), scale)
    return scale * _areas_from_polynomial(wcs, x, y)


def _areas_from_polynomial(wcs: WCS, x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    """Jacobian determinant of (u + A(u, v), v + B(u, v)) at the pixels' centres.

    The determinant is itself a polynomial; multiplied out once, it is one small matrix product on the grid.
    """
    a, b = wcs.sip.a.copy(), wcs.sip.b.copy()  # a[p, q] belongs to u**p v**q
    a[1, 0] += 1.0
    b[0, 1] += 1.0

    def slope(coefficients: NDArray[np.float64], axis: int) -> NDArray[np.float64]:
        derivative = np.zeros_like(coefficients)
        kept = polynomial.polyder(coefficients, axis=axis)
        derivative[: kept.shape[0], : kept.shape[1]] = kept
        return derivative

    determinant = convolve2d(slope(a, 0), slope(b, 1)) - convolve2d(slope(a, 1), slope(b, 0))
    degree = determinant.shape[0] - 1
    u = polynomial.polyvander(x + 1.0 - wcs.sip.crpix[0], degree)
    v = polynomial.polyvander(y + 1.0 - wcs.sip.crpix[1], degree)
    areas: NDArray[np.float64] = np.abs(v @ determinant.T @ u.T)
    return areas


def _areas_from_corners(wcs: WCS, x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    """Area of the quadrilateral that a pixel's corners make: tables have no derivative at their nodes."""
    areas = np.empty((y.size, x.size))
    for start in range(0, y.size, _STRIP):
        rows = y[start : start + _STRIP]
        corners = []
        for dy, dx in ((-0.5, -0.5), (-0.5, 0.5), (0.5, 0.5), (0.5, -0.5)):
            yy, xx = np.meshgrid(rows + dy, x + dx, indexing="ij")
            corners.append(wcs.pix2foc(xx, yy, 0))
        (x0, y0), (x1, y1), (x2, y2), (x3, y3) = corners
        areas[start : start + _STRIP] = 0.5 * np.abs((x2 - x0) * (y3 - y1) - (x3 - x1) * (y2 - y0))
    return areas
