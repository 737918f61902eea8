"""The surface's monomials d**i f**j b**k: design matrices, and the way between centred and published form.

Fits are made in centred, scaled variables: the condition number falls from 2e9 to 2e2
(docs/field.md#the-model).
Published are the plain c_ij. An exact linear map relates the two. It is carried out in rational arithmetic
and rounded once, so that the published covariance is as good as the fit's own although its elements span
thirty powers of ten.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import comb

import numpy as np
from numpy.typing import ArrayLike

from cte_lake.arrays import FloatArray
from cte_lake.detector import DETECTOR

#: MJD at which d = 0 (docs/field.md#the-model).
MJD_ZERO = DETECTOR.date_zero

Term = tuple[int, int, int]


def tensor_terms(time_degree: int, flux_degree: int = 2, background_degree: int = 0) -> tuple[Term, ...]:
    """Return the exponents (i, j, k) of d, f and b, in the published order c00 c01 c02 c10 ..., b slowest."""
    return tuple(
        (i, j, k)
        for k in range(background_degree + 1)
        for i in range(time_degree + 1)
        for j in range(flux_degree + 1)
    )


def term_name(term: Term, three: bool) -> str:
    """Return ``c_ij`` or, for a surface with background, ``c_ijk`` as ``c12``, ``c120``."""
    return "c" + "".join(str(power) for power in (term if three else term[:2]))


def background_variable(background: ArrayLike) -> FloatArray:
    """Return b = log10(1 + background); background in electrons per pixel, NaN at or below -1.

    The loss falls steeply with the first electrons of background and ever slower after; the 1 keeps an image
    without any background finite.
    """
    sky = np.asarray(background, dtype=np.float64)
    return np.log10(np.where(sky > -1.0, 1.0 + sky, np.nan))


@dataclass(frozen=True)
class Centring:
    """Where the fit's variables have their zero and unit: x = (d - zero) / unit, for d, f and b.

    Attributes
    ----------
    zero, unit : tuple of 3 float
        Days, log10 electrons, log10(1 + e-/px).
    """

    zero: tuple[float, float, float]
    unit: tuple[float, float, float]

    @classmethod
    def of(cls, *variables: ArrayLike) -> Centring:
        """Centre on the middle of each variable's range, scale by half of it (1 where it has none)."""
        zero, unit = [], []
        for values in variables:
            low, high = float(np.min(values)), float(np.max(values))
            zero.append(0.5 * (low + high))
            unit.append(0.5 * (high - low) or 1.0)
        return cls((zero[0], zero[1], zero[2]), (unit[0], unit[1], unit[2]))


def powers(values: ArrayLike, degree: int) -> FloatArray:
    """Return values**0 .. values**degree, shape (degree + 1, n)."""
    x = np.atleast_1d(np.asarray(values, dtype=np.float64))
    return np.stack([x**power for power in range(degree + 1)])


def design_matrix(
    terms: Sequence[Term], centring: Centring, d: ArrayLike, flux_moments: ArrayLike, b: ArrayLike
) -> FloatArray:
    """Return the centred design matrix, the flux entering by its moments over the stars of each bin.

    Parameters
    ----------
    terms : sequence of Term
        The monomials.
    centring : Centring
        Zero and unit of the variables.
    d, b : array_like, shape (n,)
        Days since `MJD_ZERO`, background variable.
    flux_moments : array_like, shape (m, n)
        Mean of f, f**2, ... over the stars of each point. A bin's loss is the mean of S over its stars, and S
        is linear in these; ``S(log10(mean flux))`` would be wrong by the curvature and by the 0.04 dex
        between the mean of the logarithm and the logarithm of the mean in a bin two octaves wide.

    Returns
    -------
    ndarray, shape (n, number of terms)
    """
    raw = np.asarray(flux_moments, dtype=np.float64)
    moments = np.vstack([np.ones(raw.shape[1]), raw])
    zero, unit = centring.zero, centring.unit
    top = max(j for _, j, _ in terms)
    centred = np.stack(
        [
            sum(
                (comb(j, m) * moments[m] * (-zero[1]) ** (j - m) for m in range(j + 1)),
                start=np.zeros(raw.shape[1]),
            )
            / unit[1] ** j
            for j in range(top + 1)
        ]
    )
    time = powers((np.asarray(d) - zero[0]) / unit[0], max(i for i, _, _ in terms))
    sky = powers((np.asarray(b) - zero[2]) / unit[2], max(k for _, _, k in terms))
    return np.stack([time[i] * centred[j] * sky[k] for i, j, k in terms], axis=1)


def _change_of_basis(
    terms: Sequence[Term], zero: Sequence[Fraction], unit: Sequence[Fraction]
) -> list[list[Fraction]]:
    """Matrix that turns coefficients in ``(x - zero) / unit`` into coefficients in ``x``."""
    return [
        [
            _product(
                Fraction(comb(from_, to)) * (-zero[axis]) ** (from_ - to) / unit[axis] ** from_
                if from_ >= to
                else Fraction(0)
                for axis, (from_, to) in enumerate(zip(old, new, strict=True))
            )
            for old in terms
        ]
        for new in terms
    ]


def _product(factors: object) -> Fraction:
    result = Fraction(1)
    for factor in factors:  # type: ignore[attr-defined]
        result *= factor
    return result


def _transformed(
    matrix: list[list[Fraction]], values: FloatArray, covariance: FloatArray
) -> tuple[FloatArray, FloatArray]:
    # The map is triangular in every variable: most of its elements are zero, and rational sums are slow.
    filled = [[(k, entry) for k, entry in enumerate(row) if entry] for row in matrix]
    vector = [Fraction(float(v)) for v in values]
    square = [[Fraction(float(v)) for v in row] for row in covariance]
    new = [sum((entry * vector[k] for k, entry in row), Fraction(0)) for row in filled]
    half = [
        [sum((entry * square[k][c] for k, entry in row), Fraction(0)) for c in range(len(matrix))]
        for row in filled
    ]
    full = [
        [float(sum((half[r][k] * entry for k, entry in row), Fraction(0))) for row in filled]
        for r in range(len(matrix))
    ]
    return np.array([float(v) for v in new]), np.array(full)


def publish(
    terms: Sequence[Term], centring: Centring, values: FloatArray, covariance: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Turn centred coefficients and their covariance into c_ij and theirs, rounded once."""
    matrix = _change_of_basis(
        terms, [Fraction(z) for z in centring.zero], [Fraction(u) for u in centring.unit]
    )
    return _transformed(matrix, values, covariance)


def recentre(
    terms: Sequence[Term], centring: Centring, values: FloatArray, covariance: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Turn c_ij and their covariance back into centred ones: the inverse of `publish`."""
    zero = [-Fraction(z) / Fraction(u) for z, u in zip(centring.zero, centring.unit, strict=True)]
    unit = [1 / Fraction(u) for u in centring.unit]
    return _transformed(_change_of_basis(terms, zero, unit), values, covariance)
