"""How far the chips' losses lie apart, from the ratio in the middle of the chip.

The slope of ln(flux on chip 1 / flux on chip 2) is the sum of both chips' losses. In the middle, where a
star is equally far from its amplifiers on both, the ratio is z - (S1 - S2) / 2: a constant z of the chips'
sensitivity and of the pair, which all fluxes share, and the difference of the losses, which faint stars
have and bright ones hardly. With S1 = (1 + c) S and S2 = (1 - c) S the levels of a pair's flux bins lie on
the line z - c S, from which c comes out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cte_lake.model.misfit import chance_of_ratio, groups_of
from cte_lake.model.points import FitPoints

FloatArray = NDArray[np.float64]

#: How far chips may be from their mean where nothing separates them: half of the largest difference known.
UNKNOWN = 0.05
#: Error of c that stays: the rows between a chip's middle and its amplifiers are known to some four of 2048.
_FLOOR = 0.002
_HUBER, _STEPS = 2.5, 6
#: Groups of dates in which c is looked at, and the chance with which one c of all is taken for several.
_DATES, _CHANCE = 6, 0.005


@dataclass(frozen=True)
class ChipDifference:
    """Half the relative difference of the chips' losses.

    Attributes
    ----------
    value, error : float
        c and its standard error; 0 and `UNKNOWN` where they could not be distinguished.
    pairs : int
        Pairs it rests on; 0 where they could not.
    """

    value: float
    error: float
    pairs: int

    @property
    def known(self) -> bool:
        """Whether the chips were distinguished."""
        return self.pairs > 0


def chip_difference(points: FitPoints, loss: FloatArray) -> ChipDifference:
    """Measure c from the levels in the middle of the chip.

    Parameters
    ----------
    points : FitPoints
        With levels, several flux bins a pair.
    loss : ndarray
        S that the fitted surface gives each point.

    Returns
    -------
    ChipDifference
        The error is that of the levels, at least that of the scatter between visits, with the scatter of c
        over dates where chance does not explain it: the chips' losses may grow apart.
    """
    unknown = ChipDifference(0.0, UNKNOWN, 0)
    if points.level is None or points.level_err is None:
        return unknown
    good = np.isfinite(points.level) & (points.level_err > 0) & np.isfinite(loss)
    if good.sum() < 3:
        return unknown
    line = _robust_line(points.take(good), loss[good])
    if line is None:
        return unknown
    value, weight, x, residual = line
    information = float(weight @ x**2)
    own = information**-0.5
    # Visits share what is wrong with their levels: their scatter says what the sum of the weights does not.
    names, number = np.unique(points.visit[good], return_inverse=True)
    pulls = np.bincount(number.ravel(), weight * x * residual)
    scatter = np.sqrt(float(pulls @ pulls) * names.size / max(names.size - 1, 1)) / information
    error = float(np.hypot(max(own, scatter), _FLOOR))
    if error > UNKNOWN:
        return unknown
    noise = max(scatter / own, 1.0) ** 2
    date = groups_of(points.mjd[good], _DATES)
    there = np.unique(date[weight * x**2 > 0])
    spread = np.array([weight[date == one] @ x[date == one] ** 2 for one in there])
    off = np.array([(weight * x * residual)[date == one].sum() for one in there]) / spread
    apart = _beyond_chance(off, spread / noise, names.size - 1)
    return ChipDifference(value, float(np.hypot(error, apart)), np.unique(points.mjd[good]).size)


def _robust_line(
    points: FitPoints, size: FloatArray
) -> tuple[float, FloatArray, FloatArray, FloatArray] | None:
    """Fit z - c S with a z per pair; c, weights, S less its pair's mean and residuals; None without any S."""
    level, error = np.asarray(points.level), np.asarray(points.level_err)
    # No two pairs have the same mean of their starts.
    pair = np.unique(points.mjd, return_inverse=True)[1].ravel()
    weight = error**-2.0
    value = 0.0
    for _ in range(_STEPS):
        residual = level - _pair_mean(level + value * size, weight, pair) + value * size
        weight = error**-2.0 * _HUBER / np.maximum(np.abs(residual) / error, _HUBER)
        x = size - _pair_mean(size, weight, pair)
        information = float(weight @ x**2)
        if information <= 0:
            return None
        new = -float(weight @ (x * level)) / information
        done, value = abs(new - value) < 1e-6, new
        if done:
            break
    residual = level - _pair_mean(level + value * size, weight, pair) + value * size
    return value, weight, x, residual


def _beyond_chance(off: FloatArray, precision: FloatArray, free_of_errors: int) -> float:
    """Standard deviation that values have beyond their errors, after DerSimonian and Laird (1986)."""
    free = off.size - 1
    chi2 = float(precision @ off**2)
    if free < 1 or free_of_errors < 1 or chance_of_ratio(free, free_of_errors, chi2 / free) > _CHANCE:
        return 0.0
    return float(np.sqrt((chi2 - free) / (precision.sum() - precision @ precision / precision.sum())))


def _pair_mean(values: FloatArray, weight: FloatArray, pair: NDArray[np.intp]) -> FloatArray:
    total = np.bincount(pair, weight * values) / np.bincount(pair, weight)
    return np.asarray(total[pair])
