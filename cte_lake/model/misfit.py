"""Where a fit does not follow its data, from the residuals of visits that were left out."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from cte_lake.arrays import FloatArray
from cte_lake.model.points import FitPoints, epoch_dates
from cte_lake.model.terms import background_variable

#: Terms of the continued fraction, enough for thousands of degrees of freedom.
_TERMS = 200
#: Chance with which any cell of a fit that follows its data is taken for a miss.
_CHANCE = 0.05
#: Chance with which epochs that scatter as their visits do are taken for more.
_CHANCE_OF_EPOCHS = 0.005
_YEAR = 365.25
#: Groups of dates and of backgrounds in which residuals are averaged.
_DATES, _SKIES = 6, 6


@dataclass(frozen=True)
class Cell:
    """A part of the data whose losses the fit misses.

    Attributes
    ----------
    mjd, background, flux : tuple of float
        Ranges of date, background (e-/px) and flux bins (electrons).
    miss, error : float
        Mean of measured less predicted loss, and its error.
    loss : float
        Mean loss measured.
    """

    mjd: tuple[float, float]
    background: tuple[float, float]
    flux: tuple[float, float]
    miss: float
    error: float
    loss: float

    @property
    def significance(self) -> float:
        """The miss over its error."""
        return abs(self.miss) / self.error

    def __str__(self) -> str:
        low, high = self.background
        sky = f", background {low:.3g} to {high:.3g} e-/px" if np.isfinite(low) else ""
        return (
            f"MJD {self.mjd[0]:.0f} to {self.mjd[1]:.0f}, {self.flux[0]:g} to {self.flux[1]:g} e-{sky}: "
            f"measured {self.loss:.4f}, {self.miss:+.4f} +- {self.error:.4f} off the fit"
        )


@dataclass(frozen=True)
class Misfit:
    """What a fit misses.

    Attributes
    ----------
    cells : list of Cell
        Significant ones, the largest miss first.
    variance : ndarray, shape (n,)
        Variance of S at each point that the form leaves.
    chi2 : float
        Mean square of the residuals left out over their variances: 1 where the errors say all.
    epochs : float
        Standard deviation of the factor that all visits of an epoch share; in `variance`.
    """

    cells: list[Cell]
    variance: FloatArray
    chi2: float
    epochs: float = 0.0

    def with_epochs(self, scatter: float, loss: FloatArray) -> Misfit:
        """Return it with epochs that scatter about losses S of the points."""
        return replace(self, variance=self.variance + (scatter * loss) ** 2, epochs=scatter)


def find_misfit(points: FitPoints, left_out: FloatArray, variance: FloatArray) -> Misfit:
    """Average the residuals left out over dates, fluxes and backgrounds, and over all three together.

    Parameters
    ----------
    points : FitPoints
        The slopes that were fitted.
    left_out, variance : ndarray
        Residual of each point by the other visits and its variance, as `MixedFit` has them.
    """
    form = np.zeros(len(points))
    cells = []
    precision = 1.0 / variance
    members = list(_cells(points))
    significant = -NormalDist().inv_cdf(0.5 * _CHANCE / max(len(members), 1))
    for member in members:
        weight = precision[member]
        mean = float(np.sum(weight * left_out[member]) / weight.sum())
        # Points of a visit share its factor and the others' fit: they count by visits, not one by one.
        per_visit = _visit_means(points.visit[member], weight, left_out[member])
        error = float(np.sqrt(max(1.0 / weight.sum(), per_visit)))
        if abs(mean) <= significant * error:
            continue
        form[member] = np.maximum(form[member], mean**2 - error**2)
        cells.append(_cell(points, member, mean, error))
    cells.sort(key=lambda cell: -abs(cell.miss))
    # A few wild slopes must not refuse a fit that follows all others.
    pulls = np.minimum(np.abs(left_out) * np.sqrt(precision), 5.0)
    return Misfit(cells, form, float(np.mean(pulls**2)))


def shared_by_season(points: FitPoints, visits: FloatArray) -> float:
    """Return by how much visits go with the time of the year, as a part of the loss; 0 where chance does so.

    With one visit an epoch nothing else tells what an epoch shares from the scatter of visits.

    Parameters
    ----------
    points : FitPoints
        Of the visits.
    visits : ndarray, shape (v,)
        Factors of the visits less 1, in the order of `points.visits`.
    """
    phase = 2.0 * np.pi * _days_of(points) / _YEAR
    wave = np.column_stack([np.ones_like(phase), np.cos(phase), np.sin(phase)])
    free = visits.size - 3
    if free < 3:
        return 0.0
    followed = wave @ np.linalg.lstsq(wave, visits, rcond=None)[0]
    left = float(np.sum((visits - followed) ** 2)) / free
    ratio = float(np.sum((followed - visits.mean()) ** 2)) / 2.0 / max(left, 1e-300)
    if chance_of_ratio(2, free, ratio) > _CHANCE_OF_EPOCHS:
        return 0.0
    return float(np.sqrt(np.mean((followed - visits.mean()) ** 2)))


def _days_of(points: FitPoints) -> FloatArray:
    """Mean date of each visit, in the order of `points.visits`."""
    number = np.unique(points.visit, return_inverse=True)[1].ravel()
    return np.asarray(np.bincount(number, points.mjd) / np.bincount(number))


def shared_by_epoch(points: FitPoints, visits: FloatArray) -> float:
    """Return by how much epochs scatter beyond their visits, as a part of the loss; 0 where chance does so.

    Visits of an epoch that lie off together are no scatter of visits: no smooth form follows what they share.

    Parameters
    ----------
    points : FitPoints
        Of several visits an epoch; one visit an epoch says nothing.
    visits : ndarray, shape (v,)
        Factors of the visits less 1, in the order of `points.visits`.
    """
    day = _days_of(points)
    starts = np.array([dates[0] for dates in epoch_dates(points.mjd)])
    epoch = np.unique(np.searchsorted(starts, day, side="right"), return_inverse=True)[1].ravel()
    count = np.bincount(epoch)
    free = count.size - 1, visits.size - count.size
    if min(free) < 2:
        return 0.0
    means = np.bincount(epoch, visits) / count
    within = float(np.sum((visits - means[epoch]) ** 2)) / free[1]
    between = float(count @ (means - visits.mean()) ** 2) / free[0]
    if chance_of_ratio(*free, between / max(within, 1e-300)) > _CHANCE_OF_EPOCHS:
        return 0.0
    return float(np.sqrt((between - within) / count.mean()))


def chance_of_ratio(above: int, below: int, ratio: float) -> float:
    """Return the chance of as large a ratio of variances of so many degrees of freedom: the tail of F."""
    return _incomplete_beta(0.5 * below, 0.5 * above, below / (below + above * ratio))


def _incomplete_beta(a: float, b: float, x: float) -> float:
    """Regularised incomplete beta function, by its continued fraction (Abramowitz and Stegun 26.5.8)."""
    if x > (a + 1.0) / (a + b + 2.0):
        return 1.0 - _incomplete_beta(b, a, 1.0 - x)
    if x <= 0.0:
        return 0.0
    front = math.exp(
        math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    )
    value = 1.0
    for m in range(_TERMS, 0, -1):
        odd = -(a + m - 1) * (a + b + m - 1) * x / ((a + 2 * m - 2) * (a + 2 * m - 1))
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        value = 1.0 + odd / (1.0 + even / value)
    return front / (a * value)


def _visit_means(visit: NDArray[np.str_], weight: FloatArray, values: FloatArray) -> float:
    """Variance of the weighted mean, from the scatter of visits about it."""
    names, number = np.unique(visit, return_inverse=True)
    if names.size < 2:
        return 0.0
    total = np.bincount(number.ravel(), weight)
    means = np.bincount(number.ravel(), weight * values) / total
    centre = np.sum(total * means) / total.sum()
    share = total / total.sum()
    return float(np.sum(share**2 * (means - centre) ** 2) * names.size / (names.size - 1))


def _cells(points: FitPoints) -> Iterator[NDArray[np.bool_]]:
    flux = np.unique(points.bin_lo, return_inverse=True)[1].ravel()
    date = groups_of(points.mjd, _DATES)
    sky = (
        groups_of(points.background, _SKIES)
        if np.all(np.isfinite(points.background))
        else np.zeros_like(flux)
    )
    for number in (flux, date, sky, _joint(flux, sky), _joint(flux, date), _joint(_joint(flux, date), sky)):
        for one in np.unique(number):
            member = number == one
            if member.sum() >= 3:
                yield member


def groups_of(values: FloatArray, count: int) -> NDArray[np.int64]:
    """Number of each value's group; groups of about equal number, equal values together."""
    edges = np.unique(np.quantile(values, np.linspace(0.0, 1.0, count + 1)[1:-1]))
    return np.asarray(np.searchsorted(edges, values, side="right"), dtype=np.int64)


def _joint(one: NDArray[np.int64], two: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.asarray(one * (two.max() + 1) + two, dtype=np.int64)


def _cell(points: FitPoints, member: NDArray[np.bool_], mean: float, error: float) -> Cell:
    def span(values: FloatArray) -> tuple[float, float]:
        return float(values[member].min()), float(values[member].max())

    flux = (float(points.bin_lo[member].min()), float(points.bin_hi[member].max()))
    loss = float(np.average(points.loss[member], weights=points.loss_err[member] ** -2.0))
    return Cell(span(points.mjd), span(points.background), flux, mean, error, loss)


def form_table(
    points: FitPoints, variance: FloatArray, nodes: tuple[FloatArray, FloatArray, FloatArray]
) -> FloatArray:
    """Return the standard deviation that the form leaves at nodes of date, log flux and background variable.

    Each node takes the mean of the points about it, by a kernel as wide as the groups they were averaged in.
    """
    shape = tuple(node.size for node in nodes)
    if not variance.any():
        return np.zeros(shape)
    finite = np.all(np.isfinite(points.background))
    sky = background_variable(points.background) if finite else np.zeros(len(points))
    kernels = []
    for values, at, count in zip((points.mjd, points.log_flux, sky), nodes, (_DATES, 6, _SKIES), strict=True):
        width = max(float(np.ptp(values)) / count, 1e-9)
        away = (np.clip(at, values.min(), values.max())[:, None] - values) / width
        kernels.append(np.exp(-0.5 * away**2) + 1e-12)
    top = np.einsum("an,bn,cn,n->abc", *kernels, variance, optimize=True)
    return np.asarray(np.sqrt(top / np.einsum("an,bn,cn->abc", *kernels, optimize=True)))
