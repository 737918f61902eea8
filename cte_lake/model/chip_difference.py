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

from cte_lake.model.points import FitPoints

FloatArray = NDArray[np.float64]

#: How far chips may be from their mean where nothing separates them: half of the largest difference known.
UNKNOWN = 0.05
#: Error of c that stays: the rows where both distances are equal are known to some ten of 2048.
_FLOOR = 0.005
_HUBER = 2.5


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
        The error is that of the levels, at least that of the scatter between visits.
    """
    unknown = ChipDifference(0.0, UNKNOWN, 0)
    if points.level is None or points.level_err is None:
        return unknown
    good = np.isfinite(points.level) & (points.level_err > 0) & np.isfinite(loss)
    if good.sum() < 3:
        return unknown
    level, error, size = points.level[good], points.level_err[good], loss[good]
    # No two pairs have the same mean of their starts.
    _, pair = np.unique(points.mjd[good], return_inverse=True)
    visit = points.visit[good]
    pair = pair.ravel()
    weight = error**-2.0
    value = 0.0
    for _ in range(6):
        residual = level - _pair_mean(level + value * size, weight, pair) + value * size
        pull = np.abs(residual) / error
        robust = error**-2.0 * _HUBER / np.maximum(pull, _HUBER)
        x = size - _pair_mean(size, robust, pair)
        information = float(np.sum(robust * x**2))
        if information <= 0:
            return unknown
        new = -float(np.sum(robust * x * level)) / information
        done, value, weight = abs(new - value) < 1e-6, new, robust
        if done:
            break
    own = information**-0.5
    # Visits share what is wrong with their levels: their scatter says what the sum of the weights does not.
    residual = level - _pair_mean(level + value * size, weight, pair) + value * size
    names, number = np.unique(visit, return_inverse=True)
    pulls = np.bincount(number.ravel(), weight * x * residual)
    scatter = np.sqrt(float(np.sum(pulls**2)) * names.size / max(names.size - 1, 1)) / information
    error_of = float(np.hypot(max(own, scatter), _FLOOR))
    if error_of > UNKNOWN:
        return unknown
    return ChipDifference(value, error_of, int(pair.max()) + 1)


def _pair_mean(values: FloatArray, weight: FloatArray, pair: NDArray[np.intp]) -> FloatArray:
    total = np.bincount(pair, weight * values) / np.bincount(pair, weight)
    return np.asarray(total[pair])
