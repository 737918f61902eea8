"""How far the chips' losses lie apart, as a function of date and log flux: by the mixed model of the losses.

c(t, f) is a constant, a line and a random walk of the slope in date, and the same in log flux. All but the
constant are groups of coefficients with variances by REML: next to nothing where the data do not ask for
them, and a course with its error where they do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cte_lake.arrays import FloatArray
from cte_lake.detector import SIGMA_PER_MAD
from cte_lake.model.margins import RANK, Margin
from cte_lake.model.points import epochs
from cte_lake.model.reml import MixedModel

#: What is known of the variances before the data, as in `cte_lake.model.smooth`: half a coefficient's weight
#: at lines of 2.5% over half of the range, and walks of 1%. Data that cannot see a line must not deny it.
_LINE, _WALK = (0.5, 0.025**2), (0.5, 0.01**2)
_HUBER, _ROUNDS, _STEPS = 2.5, 4, 40
#: Variance from which those of the groups start.
_START = 1e-3


class Measured(NamedTuple):
    """What c is measured from, one element a point: values = size x c, and what is beside it."""

    values: FloatArray
    errors: FloatArray
    size: FloatArray
    mjd: FloatArray
    log_flux: FloatArray


class Beside(NamedTuple):
    """What the values have besides: columns without a prior, groups with a variance, a factor by group."""

    fixed: FloatArray
    groups: Sequence[FloatArray]
    member: NDArray[np.int64]
    factor: FloatArray


@dataclass(frozen=True, eq=False)
class Course:
    """c of date and log flux.

    Attributes
    ----------
    margins : tuple of Margin
        Date (MJD) and log10 flux.
    values, covariance : ndarray
        Coefficients: constant, lines, walks.
    wander : float
        Variance of the walk in date, by which c goes on beyond the dates.
    centre : tuple of float
        Date and log flux about which c is known best.
    """

    margins: tuple[Margin, Margin]
    values: FloatArray
    covariance: FloatArray
    wander: float
    centre: tuple[float, float]

    def at(self, mjd: ArrayLike, log_flux: ArrayLike) -> tuple[FloatArray, FloatArray]:
        """Return c and its error at dates and log fluxes."""
        t, f = np.broadcast_arrays(np.asarray(mjd, np.float64), np.asarray(log_flux, np.float64))
        x = np.hstack(_blocks(self.margins, t.ravel(), f.ravel()))
        variance = np.einsum("np,pq,nq->n", x, self.covariance, x)
        variance = np.maximum(variance, 0.0) + self.wander * self.margins[0].beyond(t.ravel())
        return (x @ self.values).reshape(t.shape), np.sqrt(variance).reshape(t.shape)

    def change(self, axis: int) -> tuple[float, float]:
        """Return by how much c grows from end to end of the dates (0) or fluxes (1), and its error."""
        ends = [np.full(2, 0.5 * (margin.low + margin.high)) for margin in self.margins]
        ends[axis] = np.array([self.margins[axis].low, self.margins[axis].high])
        first, last = np.hstack(_blocks(self.margins, *ends))
        step = last - first
        return float(step @ self.values), float(np.sqrt(step @ self.covariance @ step))


class Fitted(NamedTuple):
    """A course with, for each point, its column of the constant, what is left of it, and its precision."""

    course: Course
    column: FloatArray
    residual: FloatArray
    precision: FloatArray


def _blocks(margins: tuple[Margin, Margin], t: FloatArray, f: FloatArray) -> list[FloatArray]:
    every = [(margin, x) for margin, x in zip(margins, (t, f), strict=True) if margin.varies]
    lines = [margin.scaled(x)[:, None] for margin, x in every]
    return [np.ones((t.size, 1)), *lines, *(margin.rough(x, RANK) for margin, x in every)]


def fit_course(measured: Measured, beside: Beside, covariance: FloatArray | None = None) -> Fitted:
    """Fit c(t, f), robustly.

    Parameters
    ----------
    measured : Measured
        Values and errors.
    beside : Beside
        Columns beside those of c.
    covariance : ndarray, optional
        Of the values, where they have one: it is in the error, and not in the weights.
    """
    y, error, size, mjd, log_flux = measured
    intervals = int(np.clip(epochs(mjd).size * 2 // 3, 2, 24))
    margins = (
        Margin(float(mjd.min()), float(mjd.max()), intervals, RANK),
        Margin(float(log_flux.min()), float(log_flux.max()), 8, RANK),
    )
    parts = [size[:, None] * block for block in _blocks(margins, mjd, log_flux)]
    groups = [*parts[1:], *beside.groups]
    first = 1 + beside.fixed.shape[1]
    edges = np.cumsum([first, *(group.shape[1] for group in groups)])
    slices = [slice(a, b) for a, b in pairwise(edges.tolist())]
    model = MixedModel(np.hstack([parts[0], beside.fixed, *groups]), slices, beside.member)
    own = len(parts) - 1
    model.variances[:] = _START
    known = [*([_LINE] * (own // 2)), *([_WALK] * (own // 2))]
    model.prior[:own] = np.array(known).reshape(-1, 2)
    weight, noise = np.ones(y.size), 1.0
    for _ in range(_ROUNDS):
        precision = weight / (noise * error) ** 2
        values = model.iterate(y, precision, beside.factor, _STEPS)
        shared = model.visits_of(y, precision, beside.factor, values)[beside.member]
        residual = y - model.design @ values - beside.factor * shared
        free = np.sqrt(y.size / max(y.size - model.effective, y.size / 2))
        noise = max(1.0, float(free * SIGMA_PER_MAD * np.median(np.abs(residual / error))))
        weight = _HUBER / np.maximum(np.abs(residual) / error / noise, _HUBER)
    mixed = model.finish(y, precision, beside.factor)
    spread = mixed.covariance
    if covariance is not None:
        lever = spread @ (model.design * precision[:, None]).T
        spread = spread + lever @ (covariance - np.diag(np.diag(covariance))) @ lever.T
    of_c = [0, *range(first, int(edges[own]))]
    wander = float(mixed.variances[own // 2]) if margins[0].varies else 0.0
    told = precision * size**2
    centre = (float(told @ mjd / told.sum()), float(told @ log_flux / told.sum()))
    course = Course(margins, mixed.values[of_c], spread[np.ix_(of_c, of_c)], wander, centre)
    return Fitted(course, parts[0][:, 0], residual, precision)
