"""Jumps of all losses between two epochs, such as an anneal makes: where they may be, and whether they are.

A smooth surface spreads a jump over the years about it, so that the epochs next to it are off by half of
it. The likelihood's derivative with respect to a jump in each gap between epochs (a score test) says where
one is wanted, from a fit without any.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cte_lake.arrays import FloatArray
from cte_lake.model.points import epoch_dates
from cte_lake.model.reml import MixedFit

#: Epochs on either side of a jump: fewer do not part it from their own scatter.
_EPOCHS = 2


@dataclass(frozen=True)
class Gap:
    """The time between two epochs, MJD."""

    start: float
    end: float

    @property
    def middle(self) -> float:
        """The date half-way."""
        return 0.5 * (self.start + self.end)


def gaps_of(mjd: ArrayLike) -> list[Gap]:
    """Return the gaps between epochs that have at least two epochs on either side."""
    every = [Gap(float(one[-1]), float(two[0])) for one, two in pairwise(epoch_dates(mjd))]
    return every[_EPOCHS - 1 : len(every) - _EPOCHS + 1]


def ramp(gap: Gap, mjd: FloatArray) -> FloatArray:
    """Return 0 before a gap, 1 after it, and two parabolas between: no epoch says what was there."""
    u = np.clip((mjd - gap.start) / (gap.end - gap.start), 0.0, 1.0)
    return np.asarray(np.where(u < 0.5, 2.0 * u**2, 1.0 - 2.0 * (1.0 - u) ** 2))


@dataclass(frozen=True)
class JumpTest:
    """A fitted mixed model, to which a column may be added.

    Attributes
    ----------
    design, precision, factor, visit : ndarray
        Of the points: what the coefficients add, 1 / variance, the column of the visits' factors, number of
        the visit.
    mixed : MixedFit
        The fit.
    """

    design: FloatArray
    precision: FloatArray
    factor: FloatArray
    visit: NDArray[np.intp]
    mixed: MixedFit

    def measure(self, column: FloatArray, pulls: FloatArray) -> tuple[float, float, FloatArray]:
        """Return the size of a column x, its error, and the coefficients that stand for it without it.

        That is x'Py / x'Px; `pulls` are the residuals times their precision, Py.
        """
        weighted = self.precision * column
        own = np.bincount(self.visit, self.factor**2 * self.precision) + 1.0 / self.mixed.visit_variance
        shared = np.bincount(self.visit, self.factor * weighted) / own
        weighted = weighted - self.precision * self.factor * shared[self.visit]
        followed = self.design.T @ weighted
        absorbed = self.mixed.covariance @ followed
        information = max(float(column @ weighted - followed @ absorbed), 1e-300)
        return float(column @ pulls) / information, information**-0.5, absorbed
