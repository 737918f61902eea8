"""How far the chips' losses lie apart, from the ratio in the middle of the chip.

The slope of ln(flux on chip 1 / flux on chip 2) is the sum of both chips' losses. In the middle, where a
star is equally far from its amplifiers on both, the ratio is z - (S1 - S2) / 2: the chips' sensitivities,
which all fluxes of a pair share, and the difference of the losses, which faint stars have and bright ones
hardly. With S1 = (1 + c) S and S2 = (1 - c) S the levels are z - c S, from which c comes out, as a function
of date and flux. z is one for all pairs but for what an epoch, a pair, the date or the background changes,
each with a variance that the data give: so the pairs of one visit at several levels of flash, whose losses
differ and whose z does not, say what no pair does by itself.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cte_lake.arrays import FloatArray
from cte_lake.model.chip_course import Beside, Course, Fitted, Measured, fit_course
from cte_lake.model.misfit import chance_of_ratio, groups_of
from cte_lake.model.points import FitPoints, epoch_dates
from cte_lake.model.terms import background_variable

#: How far chips may be from their mean where nothing separates them: half of the largest difference known.
UNKNOWN = 0.05
#: Error of c that stays: the rows between a chip's middle and its amplifiers are known to some four of 2048.
_FLOOR = 0.002
#: Groups of backgrounds in which c is looked at, and the chance with which one c of all is taken for several.
_SKIES, _CHANCE = 6, 0.005


@dataclass(frozen=True)
class ChipDifference:
    """Half the relative difference of the chips' losses.

    Attributes
    ----------
    value, error : float
        c and its standard error, at the date and log flux where it is known best; 0 and `UNKNOWN` where the
        chips could not be distinguished.
    pairs : int
        Pairs it rests on; 0 where they could not.
    course : Course or None
        c of date and flux; None where it is one for all.
    more : float
        Standard deviation of c beyond that of its course; in `error`.
    """

    value: float
    error: float
    pairs: int
    course: Course | None = None
    more: float = 0.0

    @property
    def known(self) -> bool:
        """Whether the chips were distinguished."""
        return self.pairs > 0

    def at(self, mjd: ArrayLike, log_flux: ArrayLike) -> tuple[FloatArray, FloatArray]:
        """Return c and its error at dates and log10 fluxes."""
        if self.course is None:
            shape = np.broadcast_shapes(np.shape(mjd), np.shape(log_flux))
            return np.full(shape, self.value), np.full(shape, self.error)
        value, error = self.course.at(mjd, log_flux)
        return value, np.hypot(error, self.more)


def of_course(course: Course, pairs: int, more: float = _FLOOR) -> ChipDifference:
    """Return the difference with its course; unknown where the course is known no better than nothing is."""
    value, error = course.at(*course.centre)
    full = float(np.hypot(error, more))
    if not full <= UNKNOWN:
        return ChipDifference(0.0, UNKNOWN, 0)
    return ChipDifference(float(value), full, pairs, course, more)


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
        The error is that of the levels, with the scatter of c over backgrounds where chance does not explain
        it.
    """
    unknown = ChipDifference(0.0, UNKNOWN, 0)
    if points.level is None or points.level_err is None:
        return unknown
    good = np.isfinite(points.level) & (points.level_err > 0) & np.isfinite(loss)
    points, loss = points.take(good), loss[good]
    # A pair of one bin has a z of its own and says nothing; no two pairs have the same mean of their starts.
    mjd, pair, bins = np.unique(points.mjd, return_inverse=True, return_counts=True)
    if not np.any(bins > 1) or not np.any(loss):
        return unknown
    level, error = np.asarray(points.level), np.asarray(points.level_err)
    measured = Measured(-level, error, loss, points.mjd, points.log_flux)
    fitted = fit_course(measured, _beside(points, np.asarray(pair, dtype=np.int64).ravel()))
    more = float(np.hypot(_FLOOR, _over_skies(points, fitted)))
    return of_course(fitted.course, mjd.size, more)


def _beside(points: FitPoints, pair: NDArray[np.int64]) -> Beside:
    """What levels have besides c S: z, with what date, background, epoch and pair may change of it."""
    starts = np.array([dates[0] for dates in epoch_dates(points.mjd)])
    epoch = np.searchsorted(starts, points.mjd, side="right") - 1
    groups = [np.asarray(epoch[:, None] == np.arange(starts.size), dtype=np.float64)]
    sky = background_variable(points.background)
    for values in (points.mjd, sky, sky**2):
        if np.all(np.isfinite(values)) and np.ptp(values) > 0:
            groups.append(((values - values.mean()) / np.ptp(values))[:, None])
    return Beside(np.ones((len(points), 1)), groups, pair, np.ones(len(points)))


def _over_skies(points: FitPoints, fitted: Fitted) -> float:
    """Scatter of c over groups of backgrounds, beyond its errors."""
    if not np.all(np.isfinite(points.background)):
        return 0.0
    group = groups_of(points.background, _SKIES)
    weighted = fitted.precision * fitted.column
    there = np.unique(group[weighted != 0])
    spread = np.array([weighted[group == one] @ fitted.column[group == one] for one in there])
    off = np.array([weighted[group == one] @ fitted.residual[group == one] for one in there]) / spread
    return _beyond_chance(off, spread, np.unique(points.visit).size - 1)


def _beyond_chance(off: FloatArray, precision: FloatArray, free_of_errors: int) -> float:
    """Standard deviation that values have beyond their errors, after DerSimonian and Laird (1986)."""
    free = off.size - 1
    chi2 = float(precision @ off**2)
    if free < 1 or free_of_errors < 1 or chance_of_ratio(free, free_of_errors, chi2 / free) > _CHANCE:
        return 0.0
    return float(np.sqrt((chi2 - free) / (precision.sum() - precision @ precision / precision.sum())))
