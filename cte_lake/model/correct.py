"""The correction of measured fluxes, star by star, on arrays."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cte_lake.arrays import FloatArray
from cte_lake.compiled import compiled, compiled_loop
from cte_lake.errors import UsageError
from cte_lake.model import flags as bits
from cte_lake.model.coefficients import CoefficientSet
from cte_lake.model.correct_surface import correct_rows, surface_arguments
from cte_lake.model.loss_unit import CHIP_HEIGHT, CHIP_ROWS, LN10, MAG_PER_LN
from cte_lake.model.readout import flow
from cte_lake.model.rowbits import FLUX_ABOVE, FLUX_BELOW, GAIN, date_and_sky_bits, unusable
from cte_lake.model.surface import PARTS, TABLED, background_of
from cte_lake.model.terms import MJD_ZERO

IntArray = NDArray[np.int32]


@dataclass(frozen=True)
class Correction:
    """Corrected photometry, one element per star.

    Attributes
    ----------
    corrected_flux : ndarray
        Electrons before readout; NaN where there is no result.
    cte_loss : ndarray
        Fraction of the corrected flux that readout took, positive.
    cte_dmag, cte_dmag_err : ndarray
        Magnitudes by which the star was dimmed, positive, to be subtracted; and its error, all parts of it
        that the set has (`error_parts` separates them; the star's own photon noise is not in it). flag :
        ndarray of int32 Bits of `cte_lake.model.flags`.
    """

    corrected_flux: FloatArray
    cte_loss: FloatArray
    cte_dmag: FloatArray
    cte_dmag_err: FloatArray
    cte_flag: IntArray


@compiled
def _contract(cube: FloatArray, x: float, z: float, needs_sky: bool, out: FloatArray) -> None:
    """Evaluate sum cube[i, j, k] x**i z**k: what is left are the coefficients of a polynomial in f."""
    top = cube.shape[2] if needs_sky else 1
    for j in range(cube.shape[1]):
        total = 0.0
        for i in range(cube.shape[0] - 1, -1, -1):
            level = 0.0
            for k in range(top - 1, -1, -1):
                level = level * z + cube[i, j, k]
            total = total * x + level
        out[j] = total


@compiled
def _star(
    u: float, t: float, a: FloatArray, v: FloatArray, centre: FloatArray, low: float, high: float
) -> tuple[float, float]:
    """Return ln(true / measured) and its error for log10 flux `u` after `t` chip heights."""
    moved = flow(u, -t, a[0], a[1], a[2], low, high)
    middle = min(max(0.5 * (u + moved), low), high)
    x = (middle - centre[0, 1]) / centre[1, 1]
    variance = v[0] + x * (v[1] + x * (v[2] + x * (v[3] + x * v[4])))
    # An early error of S shifts the flux at which the rest of the path is evaluated.
    feedback = math.exp((a[1] + 2.0 * a[2] * middle) / LN10 * 0.5 * t)
    return (moved - u) * LN10, t * feedback * math.sqrt(max(variance, 0.0))


@compiled_loop
def _correct_many(
    flux: FloatArray,
    y: FloatArray,
    chip: FloatArray,
    mjd: FloatArray,
    sky: FloatArray,
    cube: FloatArray,
    variance: FloatArray,
    centre: FloatArray,
    limits: FloatArray,
    needs_sky: bool,
    constant_bits: int,
    corrected: FloatArray,
    loss: FloatArray,
    dmag: FloatArray,
    error: FloatArray,
    flag: IntArray,
) -> None:
    a, v = np.empty(3), np.empty(5)
    last_mjd, last_sky = math.nan, math.nan
    for row in range(flag.size):
        # Arrays of one element hold for every star.
        star, line = flux[row % flux.size], y[row % y.size]
        which, date, level = chip[row % chip.size], mjd[row % mjd.size], sky[row % sky.size]
        flag[row] = constant_bits | date_and_sky_bits(date, level, limits)
        refused = unusable(star, line, which, date, level, needs_sky)
        if refused:
            flag[row] |= refused
            corrected[row] = loss[row] = dmag[row] = error[row] = math.nan
            continue
        if date != last_mjd or (needs_sky and level != last_sky):
            b = min(max(math.log10(1.0 + level), limits[6]), limits[7]) if needs_sky else 0.0
            d = date - MJD_ZERO
            _contract(cube, d, b, needs_sky, a)
            xd, xb = (d - centre[0, 0]) / centre[1, 0], (b - centre[0, 2]) / centre[1, 2]
            _contract(variance, xd, xb, needs_sky, v)
            last_mjd, last_sky = date, level
        u = math.log10(star)
        if u < limits[0]:
            flag[row] |= FLUX_BELOW
        if u > limits[1]:
            flag[row] |= FLUX_ABOVE
        rows = max(line if which == 2.0 else CHIP_ROWS - 1 - line, 0.0)
        ln_ratio, ln_error = _star(u, rows / CHIP_HEIGHT, a, v, centre, limits[0], limits[1])
        if ln_ratio < 0.0:
            flag[row] |= GAIN
        corrected[row] = star * math.exp(ln_ratio)
        loss[row] = -math.expm1(-ln_ratio)
        dmag[row] = MAG_PER_LN * ln_ratio
        error[row] = MAG_PER_LN * ln_error


def _column(values: ArrayLike, size: int, name: str) -> FloatArray:
    array = np.atleast_1d(np.asarray(values, dtype=np.float64)).ravel()
    if array.size not in (1, size):
        raise UsageError(f"{name} has {array.size} values where there are {size} stars")
    return np.ascontiguousarray(array)


def error_parts(
    coefficients: CoefficientSet,
    corrected: Correction,
    flux: ArrayLike,
    mjd: ArrayLike,
    background: ArrayLike = np.nan,
) -> dict[str, FloatArray]:
    """Return what `cte_dmag_err` is made of, and the scatter of single exposures, in magnitudes.

    Parameters
    ----------
    coefficients : CoefficientSet
        The set that corrected.
    corrected : Correction
        What `correct` gave.
    flux, mjd, background : array_like
        Its arguments.

    Returns
    -------
    dict of str to ndarray
        ``slopes``, ``visits``, ``form``, ``future`` and ``chips``, whose squares add up to that of
        ``cte_dmag_err``; and ``exposure``, by how much one exposure's loss scatters about the law, which is
        not in it. A set of polynomial coefficients alone has all of its error in ``slopes``.
    """
    size = np.abs(corrected.cte_dmag)
    surface = coefficients.surface
    if surface is None:
        nothing = 0.0 * size
        return dict.fromkeys((*PARTS, "exposure"), nothing) | {"slopes": corrected.cte_dmag_err}
    measured, before = np.asarray(flux, dtype=np.float64), corrected.corrected_flux
    usable = np.isfinite(before) & (measured > 0)
    middle = np.where(usable, 0.5 * np.log10(np.where(usable, before * measured, 1.0)), np.nan)
    middle = np.clip(middle, *coefficients.log_flux_range)
    where = (mjd, middle, background_of(surface, background))
    deviations = {name: surface.error(*where, part=name) for name in TABLED}
    total = np.sqrt(sum((value**2 for value in deviations.values()), start=np.zeros_like(size)))
    chips = np.minimum(surface.relative_error(mjd, middle) * size, corrected.cte_dmag_err)
    tabled = np.sqrt(np.maximum(corrected.cte_dmag_err**2 - chips**2, 0.0))
    share = np.divide(tabled, total, out=np.zeros_like(size), where=total > 0)
    return {name: value * share for name, value in deviations.items()} | {
        "chips": chips,
        "exposure": surface.scatter * size,
    }


def constant_flags(coefficients: CoefficientSet, radius: float | None, filetype: str | None) -> int:
    """Return the bits that hold for a whole image: aperture radius and file type."""
    flag = 0
    if radius is None:
        flag |= bits.RADIUS_UNKNOWN.value
    elif radius != coefficients.validity.radius:
        flag |= bits.WRONG_RADIUS.value
    if filetype is None:
        flag |= bits.FILETYPE_UNKNOWN.value
    elif filetype.lower() != coefficients.validity.filetype:
        flag |= bits.WRONG_FILETYPE.value
    return flag


def correct(
    coefficients: CoefficientSet,
    flux: ArrayLike,
    y: ArrayLike,
    chip: ArrayLike,
    mjd: ArrayLike,
    background: ArrayLike = np.nan,
    radius: float | None = None,
    filetype: str | None = None,
) -> Correction:
    """Give back to measured fluxes what readout took from them.

    Parameters
    ----------
    coefficients : CoefficientSet
        The set.
    flux : array_like
        Measured flux less the sky within the set's aperture, electrons.
    y : array_like
        Row on the chip, 0-based px.
    chip : array_like
        1 or 2.
    mjd : array_like
        Date, MJD.
    background : array_like, optional
        Electrons per pixel at readout, sky, dark and post-flash together (calibrated frames have dark and
        post-flash taken off, add them); NaN: not known. Needed where the background is a variable of the
        surface, else only compared with the fitted range.
    radius : float, optional
        Aperture radius of the fluxes, px.
    filetype : {'flt', 'flc'}, optional
        What was measured.

    Returns
    -------
    Correction
        All arguments broadcast; every doubt is in its ``cte_flag``.

    Raises
    ------
    UsageError
        If the lengths do not fit.
    """
    arrays = [np.asarray(v) for v in (flux, y, chip, mjd, background)]
    size = max(array.size for array in arrays) if all(array.size for array in arrays) else 0
    names = ("flux", "y", "chip", "mjd", "background")
    columns = [_column(v, size, name) for v, name in zip(arrays, names, strict=True)] if size else []
    out = [np.empty(size) for _ in range(4)]
    flag = np.empty(size, dtype=np.int32)
    if size:
        constant = constant_flags(coefficients, radius, filetype)
        if coefficients.surface is None:
            kernel: Any = _correct_many
            kernel(*columns, *kernel_arguments(coefficients), constant, *out, flag)
        else:
            kernel = correct_rows
            limits = limits_of(coefficients)
            kernel(*columns, *surface_arguments(coefficients.surface), limits, constant, *out, flag)
    shape = np.broadcast_shapes(*(array.shape for array in arrays)) if size else (0,)
    corrected, loss, dmag, error = (values.reshape(shape) for values in out)
    return Correction(corrected, loss, dmag, error, flag.reshape(shape))


def limits_of(coefficients: CoefficientSet) -> FloatArray:
    """Return the ranges of log10 flux, date, background and b of a set, shape (8,)."""
    validity = coefficients.validity
    return np.array(
        [*coefficients.log_flux_range, *validity.mjd, *validity.background, *coefficients.background_range]
    )


def kernel_arguments(
    coefficients: CoefficientSet,
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray, bool]:
    """Return the kernel's view of a set.

    Returns
    -------
    cube : ndarray, shape (3, 3, 3)
        Coefficients of d**i f**j b**k.
    variance : ndarray, shape (5, 5, 5)
        Coefficients of the surface's variance, a polynomial of twice the degree, in centred variables.
    centre : ndarray, shape (2, 3)
        Zero and unit of the centred variables.
    limits : ndarray, shape (8,)
        Ranges of log10 flux, date, background and b.
    needs_sky : bool
        Whether the background is a variable.
    """
    centring, _, covariance = coefficients.centred
    variance = np.zeros((5, 5, 5))
    for row, p in enumerate(coefficients.terms):
        for col, q in enumerate(coefficients.terms):
            variance[p[0] + q[0], p[1] + q[1], p[2] + q[2]] += covariance[row, col]
    limits = limits_of(coefficients)
    centre = np.array([centring.zero, centring.unit])
    return coefficients.cube, variance, centre, limits, coefficients.has_background
