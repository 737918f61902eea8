"""One pass over a group of stars: the normal equations with the stars' own fluxes eliminated.

The model is M = exp(star + zero - S x), x the readout distance over 2048 rows; within a flux bin S changes
with a power of the star's flux, as from bin to bin. Residuals are taken of the flux itself, (F - M) / M, and
weighted by the model's variance: the logarithm of a noisy flux and weights by noisy fluxes are biased, these
are not, and a star lost to below zero counts like any other. A star's own term is a weighted mean, so that
it falls out of the equations analytically: what is left are sums over stars.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cte_lake.arrays import FloatArray
from cte_lake.model.chips.rows import Exposures, IntArray, StarRows, StarState, Terms

#: Residuals beyond this many standard deviations pull no harder (Huber).
PULL_LIMIT = 3.0
#: Elements of a chunk's arrays: they stay in the cache of a core.
_CHUNK = 400_000
#: Edges of the histogram of |residual| / error, whose middle gives the scatter.
PULL_EDGES = np.linspace(0.0, 4.0, 401)
#: Steps in which a star's level follows the other terms.
_LEVEL_STEPS = 2


@dataclass(eq=False)
class Sums:
    """Sums over stars, one set a flux bin; with n exposures and g settings each has n + g columns.

    Attributes
    ----------
    normal : ndarray, shape (bins, n + g, n + g)
        Normal matrix of zero points and losses, stars eliminated.
    right : ndarray, shape (bins, n + g)
        Right-hand side.
    score : ndarray, shape (bins, n + g, n + g)
        Sum over stars of the outer products of their contributions to `right`: the noise of it as it is.
    ways : ndarray, shape (3, bins, n)
        Weights; times the distance; times its square.
    moments : ndarray, shape (2, bins)
        Weights; times ln flux before the loss.
    stars : ndarray of int, shape (bins, g)
        Stars.
    pulls : ndarray of int, shape (bins, edges - 1)
        Histogram of |residual| / error.
    variance : ndarray, shape (2, bins)
        Sums of the relative variance of noise and photons, and of rows.
    kept : ndarray, shape (2, bins)
        Sum of the weights, and what it were without robust factors.
    """

    normal: FloatArray
    right: FloatArray
    score: FloatArray
    ways: FloatArray
    moments: FloatArray
    stars: NDArray[np.int64]
    pulls: NDArray[np.int64]
    variance: FloatArray
    kept: FloatArray

    @classmethod
    def empty(cls, exposures: Exposures, with_score: bool) -> Sums:
        """Return sums of nothing."""
        bins, settings = len(exposures.bins), len(exposures.settings)
        size = len(exposures) + settings
        return cls(
            np.zeros((bins, size, size)),
            np.zeros((bins, size)),
            np.zeros((bins, size, size) if with_score else (0, 0, 0)),
            np.zeros((3, bins, len(exposures))),
            np.zeros((2, bins)),
            np.zeros((bins, settings), dtype=np.int64),
            np.zeros((bins, PULL_EDGES.size - 1), dtype=np.int64),
            np.zeros((2, bins)),
            np.zeros((2, bins)),
        )

    def alone(self, exposures: Exposures) -> FloatArray:
        """Return the information on each loss if the stars' fluxes were known; shape (bins, g)."""
        weight, way, square = self.ways
        with np.errstate(invalid="ignore", divide="ignore"):
            own = np.where(weight > 0, square - way**2 / weight, 0.0)
        # Rounding must not make information of none.
        own = np.where(own > 1e-9 * square, own, 0.0)
        return np.asarray(np.add.reduceat(own, exposures.first_of_setting, axis=1))

    def add(self, other: Sums) -> None:
        """Add another group's sums; the order of the additions decides the last digits."""
        for name, values in vars(other).items():
            mine = getattr(self, name)
            mine += values


@dataclass(frozen=True, eq=False)
class _Chunk:
    """Stars of one bin in the model: all of shape (stars, exposures) but for `spread` and `level`."""

    x: FloatArray
    noise: FloatArray
    seen: NDArray[np.bool_]
    level: FloatArray
    model: FloatArray
    pull: FloatArray
    plain: FloatArray
    weight: FloatArray
    residual: FloatArray


def pass_over(
    rows: StarRows, state: StarState, terms: Terms, exposures: Exposures, last: bool, judge: bool
) -> tuple[Sums, StarState]:
    """Make the sums of a group of stars, and bring the stars' own terms up to date.

    Parameters
    ----------
    rows : StarRows
        Fluxes of the stars.
    state : StarState
        Their terms as they were.
    terms : Terms
        What all stars share.
    exposures : Exposures
        What the columns are.
    last : bool
        Whether the sums of the covariance are wanted too.
    judge : bool
        Whether stars are judged by their scatter; not before the losses are about right.

    Returns
    -------
    Sums
        Of the whole group.
    StarState
        The new levels and spreads; the bins as they were.
    """
    sums = Sums.empty(exposures, last)
    level, spread = state.level.copy(), state.spread.copy()
    size = max(64, _CHUNK // len(exposures))
    for number in range(len(exposures.bins)):
        for counts, code in ((True, number), (False, -2 - number)):
            members = np.flatnonzero(state.bin == code)
            for start in range(0, members.size, size):
                index = members[start : start + size]
                chunk, spread[index] = _evaluated(
                    rows, index, level[index], spread[index], terms, exposures, number, judge
                )
                level[index] = chunk.level
                if counts:
                    _accumulate(sums, chunk, exposures, number, last)
    return sums, StarState(level, state.bin, spread)


def _evaluated(
    rows: StarRows,
    index: IntArray,
    level: FloatArray,
    spread: FloatArray,
    terms: Terms,
    exposures: Exposures,
    number: int,
    judge: bool,
) -> tuple[_Chunk, FloatArray]:
    flux = rows.flux[index].astype(np.float64)
    seen = np.isfinite(flux)
    flux[~seen] = 0.0
    noise = np.where(seen, rows.noise[index], 1.0).astype(np.float64)
    x = np.where(seen, rows.distance[index], 0.0).astype(np.float64)
    loss = terms.loss[exposures.setting_of, number]
    if terms.power[number]:
        before = np.clip(level[:, None] + exposures.zero - terms.pivot[number], -2.0, 2.0)
        loss = loss + terms.common[exposures.setting_of, number] * np.expm1(terms.power[number] * before)
    base = np.exp(terms.zero[number] - loss * x)
    scatter = terms.scatter[number] ** 2
    for _ in range(_LEVEL_STEPS + 1):
        model = np.exp(level)[:, None] * base
        variance = model + noise + scatter * model**2
        pull = (flux - model) / np.sqrt(variance * spread[:, None])
        plain = np.where(seen, model**2 / variance, 0.0)
        weight = plain / (spread[:, None] * np.maximum(np.abs(pull) / PULL_LIMIT, 1.0))
        residual = flux / model - 1.0
        step = (weight * residual).sum(axis=1) / np.maximum(weight.sum(axis=1), 1e-300)
        level = level + np.clip(step, -1.0, 1.0)
    # The last step is not yet in `model`: the equations hold it.
    level = level - np.clip(step, -1.0, 1.0)
    if judge:
        spread = _spread(pull * np.sqrt(spread)[:, None], seen)
    return _Chunk(x, noise, seen, level, model, pull, plain, weight, residual), spread


def _spread(pull: FloatArray, seen: NDArray[np.bool_]) -> FloatArray:
    """Variance of each star over that of its noise, where it is more than chance gives; else 1."""
    freedom = np.maximum(seen.sum(axis=1) - 1.0, 1.0)
    bounded = np.where(seen, np.minimum(pull**2, (2.0 * PULL_LIMIT) ** 2), 0.0)
    return np.asarray(np.maximum(bounded.sum(axis=1) / freedom / (1.0 + 3.0 * np.sqrt(2.0 / freedom)), 1.0))


def _accumulate(sums: Sums, chunk: _Chunk, exposures: Exposures, number: int, last: bool) -> None:
    first, n, settings = exposures.first_of_setting, len(exposures), len(exposures.settings)
    setting_of = exposures.setting_of
    weight, x, residual = chunk.weight, chunk.x, chunk.residual
    total = weight.sum(axis=1)
    used = total > 0
    scale = np.where(used, 1.0 / np.sqrt(np.where(used, total, 1.0)), 0.0)[:, None]
    way = weight * x
    by_setting = np.add.reduceat(way, first, axis=1)
    columns = np.hstack([weight, -by_setting])
    scaled = columns * scale
    normal = sums.normal[number]
    normal -= scaled.T @ scaled
    zeros, losses = np.arange(n), n + np.arange(settings)
    per_exposure, ways, squares = weight.sum(axis=0), way.sum(axis=0), (way * x).sum(axis=0)
    sums.ways[:, number] += per_exposure, ways, squares
    normal[zeros, zeros] += per_exposure
    normal[zeros, n + setting_of] -= ways
    normal[n + setting_of, zeros] -= ways
    normal[losses, losses] += np.add.reduceat(squares, first)
    pulled = weight * residual
    contribution = np.hstack([pulled, -np.add.reduceat(pulled * x, first, axis=1)])
    contribution -= scaled * (pulled.sum(axis=1)[:, None] * scale)
    sums.right[number] += contribution.sum(axis=0)
    if last:
        sums.score[number] += contribution.T @ contribution
    _describe(sums, chunk, exposures, number)


def _describe(sums: Sums, chunk: _Chunk, exposures: Exposures, number: int) -> None:
    """Add what describes a bin beside the equations."""
    first = exposures.first_of_setting
    before = chunk.level[:, None] + exposures.zero
    sums.moments[:, number] += chunk.weight.sum(), (chunk.weight * before).sum()
    sums.stars[number] += (np.add.reduceat(chunk.seen, first, axis=1) > 0).sum(axis=0)
    seen = chunk.seen
    # Each in one step, where `numpy.histogram` sorts them first.
    place = np.minimum(np.abs(chunk.pull[seen]) / PULL_EDGES[1], PULL_EDGES.size - 1).astype(np.intp)
    sums.pulls[number] += np.bincount(place, minlength=PULL_EDGES.size)[:-1]
    own = (chunk.model[seen] + chunk.noise[seen]) / chunk.model[seen] ** 2
    sums.variance[:, number] += own.sum(), seen.sum()
    sums.kept[:, number] += chunk.weight.sum(), chunk.plain.sum()
