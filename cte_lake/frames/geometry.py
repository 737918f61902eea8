"""Pixel areas from a WCS: the linear part, the SIP polynomial and, where there are any, the lookup tables."""

from __future__ import annotations

from typing import Final

import numpy as np
from astropy.wcs import WCS
from numpy.polynomial import polynomial
from numpy.typing import NDArray

REFERENCE_PIXEL: Final = (2072, 2046)
"""Column and row of chip 2, 1-based full-frame pixels, where the official maps are 1."""

_BLOCK: Final = 8
"""Pixels over which the lookup tables' part is averaged; the tables themselves have steps of about 64."""


def reference_pixel_area(wcs: WCS, column0: int = 0, row0: int = 0) -> float:
    """Return the area by which maps are normalised; without lookup tables, as in the official maps.

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
    return float(_polynomial_areas(wcs, x, y)[0, 0])


def pixel_areas(wcs: WCS, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Return the area of each pixel of an image in the tangent plane.

    The tangent plane differs from the sphere by less than 1e-6 within a chip of its reference point.

    Parameters
    ----------
    wcs : astropy.wcs.WCS
        Tangent plane with SIP; lookup tables are counted in where it carries them.
    shape : (ny, nx)
        Of the image.

    Returns
    -------
    ndarray, (ny, nx)
        Square degrees.
    """
    ny, nx = shape
    areas = _polynomial_areas(wcs, np.arange(nx, dtype=np.float64), np.arange(ny, dtype=np.float64))
    if any(table is not None for table in (wcs.cpdis1, wcs.cpdis2, wcs.det2im1, wcs.det2im2)):
        factor = _table_factor(wcs, (ny, nx))
        areas *= factor.repeat(_BLOCK, axis=0)[:ny].repeat(_BLOCK, axis=1)[:, :nx]
    return areas


def _polynomial_areas(wcs: WCS, x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    """Area at the pixels' centres on the grid of columns x and rows y: |CD| times the Jacobian of the SIP.

    The determinant of (u + A(u, v), v + B(u, v)) is itself a polynomial; multiplied out once, it is one small
    matrix product on the grid.
    """
    scale = abs(float(np.linalg.det(wcs.pixel_scale_matrix)))
    if wcs.sip is None:
        return np.full((y.size, x.size), scale)
    a, b = wcs.sip.a.copy(), wcs.sip.b.copy()  # a[p, q] belongs to u**p v**q
    a[1, 0] += 1.0
    b[0, 1] += 1.0
    determinant = _product(_slope(a, 0), _slope(b, 1)) - _product(_slope(a, 1), _slope(b, 0))
    degree = determinant.shape[0] - 1
    u = polynomial.polyvander(x + 1.0 - wcs.sip.crpix[0], degree)
    v = polynomial.polyvander(y + 1.0 - wcs.sip.crpix[1], degree)
    areas: NDArray[np.float64] = np.abs(v @ (scale * determinant.T) @ u.T)
    return areas


def _product(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """Coefficients of the product of two polynomials in two variables."""
    product = np.zeros((a.shape[0] + b.shape[0] - 1, a.shape[1] + b.shape[1] - 1))
    for (p, q), coefficient in np.ndenumerate(a):
        product[p : p + b.shape[0], q : q + b.shape[1]] += coefficient * b
    return product


def _slope(coefficients: NDArray[np.float64], axis: int) -> NDArray[np.float64]:
    """Coefficients of the derivative along an axis, in the shape of the polynomial's own."""
    derivative = np.zeros_like(coefficients)
    kept = polynomial.polyder(coefficients, axis=axis)
    derivative[: kept.shape[0], : kept.shape[1]] = kept
    return derivative


def _table_factor(wcs: WCS, shape: tuple[int, int]) -> NDArray[np.float64]:
    """By how much the lookup tables change the area of each block of pixels."""
    rows, columns = (np.arange(-(-size // _BLOCK) + 1) * _BLOCK - 0.5 for size in shape)
    y, x = np.meshgrid(rows, columns, indexing="ij")
    with_tables = _cell_areas(*wcs.pix2foc(x, y, 0))
    without = _cell_areas(*wcs.sip_pix2foc(x, y, 0)) if wcs.sip is not None else float(_BLOCK**2)
    factor: NDArray[np.float64] = with_tables / without
    return factor


def _cell_areas(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    """Area of the quadrilaterals between neighbouring nodes, by their diagonals."""
    dx1, dy1 = x[1:, 1:] - x[:-1, :-1], y[1:, 1:] - y[:-1, :-1]
    dx2, dy2 = x[1:, :-1] - x[:-1, 1:], y[1:, :-1] - y[:-1, 1:]
    return 0.5 * np.abs(dx1 * dy2 - dx2 * dy1)
