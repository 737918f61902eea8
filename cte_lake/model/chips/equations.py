"""The normal equations of all stars together: what they leave open, what fixes it, and the solution."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from cte_lake.arrays import FloatArray
from cte_lake.model.chips.rows import Exposures, IntArray
from cte_lake.model.chips.sums import Sums

#: A direction is not determined if the stars' own free fluxes leave less than this share of the information
#: on it: as much as rows that differ by 30 of 2048 from exposure to exposure leave of the common tilt.
OPEN_SHARE = 2e-3
#: Error with which a condition is held: small against every loss, large against rounding.
_HELD = 1e-4


@dataclass(frozen=True, eq=False)
class Condition:
    """What is held of the losses: the sum of `factors` times the losses is `value` +- `error`."""

    factors: FloatArray
    value: float = 0.0
    error: float = _HELD


@dataclass(frozen=True, eq=False)
class Reduced:
    """Equations of the losses alone, a bin after the other: loss ``bin * settings + setting``.

    Attributes
    ----------
    normal, score : ndarray, shape (losses, losses)
        Normal matrix, and the noise of the right-hand side (empty but in the last pass).
    right : ndarray, shape (losses,)
        Right-hand side.
    alone : ndarray, shape (losses,)
        Information if the stars' fluxes were known; 0 where nothing was measured.
    component : ndarray of int, shape (bins, exposures)
        Exposures that stars connect have one number; -1 where the bin has no star.
    zero_factor : list of arrays
        For `zeros`: inverse of the zero points' block, and its coupling to the losses of each bin.
    """

    normal: FloatArray
    score: FloatArray
    right: FloatArray
    alone: FloatArray
    component: IntArray
    zeros: Sequence[tuple[FloatArray, FloatArray]]


def reduce(sums: Sums, exposures: Exposures, zero_per_bin: bool) -> Reduced:
    """Eliminate the zero points.

    Parameters
    ----------
    sums : Sums
        The sums over all stars.
    exposures : Exposures
        What the columns are.
    zero_per_bin : bool
        Whether each flux bin has its own zero point in each exposure.
    """
    bins, g, n = len(exposures.bins), len(exposures.settings), len(exposures)
    size = bins * g
    normal, right = np.zeros((size, size)), np.zeros(size)
    score = np.zeros((size, size) if sums.score.size else (0, 0))
    zeros: list[tuple[FloatArray, FloatArray]] = []
    component = np.full((bins, n), -1, dtype=np.intp)
    for members in [[k] for k in range(bins)] if zero_per_bin else [list(range(bins))]:
        block = sums.normal[members, :n, :n].sum(axis=0)
        coupling = np.hstack([sums.normal[k, :n, n:] for k in members])
        inverse, found = _inverse(block)
        component[members] = found
        right_zero = sums.right[members, :n].sum(axis=0)
        cells = np.concatenate([np.arange(k * g, (k + 1) * g) for k in members])
        back = inverse @ coupling
        normal[np.ix_(cells, cells)] -= coupling.T @ back
        right[cells] -= back.T @ right_zero
        for place, k in enumerate(members):
            own = slice(k * g, (k + 1) * g)
            normal[own, own] += sums.normal[k, n:, n:]
            right[own] += sums.right[k, n:]
            if score.size:
                lift = np.vstack([-back, np.zeros((g, back.shape[1]))])
                lift[n + np.arange(g), place * g + np.arange(g)] = 1.0
                score[np.ix_(cells, cells)] += lift.T @ (sums.score[k] @ lift)
        zeros.append((inverse, coupling))
    return Reduced(normal, score, right, sums.alone(exposures).ravel(), component, zeros)


def _inverse(block: FloatArray) -> tuple[FloatArray, IntArray]:
    """Inverse of the zero points' block, with the mean of each set of connected exposures held."""
    diagonal = np.diag(block)
    seen = diagonal > 0
    found = _components(block != 0.0)
    held = block.copy()
    for number in np.unique(found[seen]):
        members = np.flatnonzero((found == number) & seen)
        held[np.ix_(members, members)] += diagonal[members].mean() / members.size
    absent = np.flatnonzero(~seen)
    held[absent, absent] = 1.0
    root = np.linalg.inv(np.linalg.cholesky(held))
    inverse = root.T @ root
    inverse[absent] = 0.0
    return inverse, np.where(seen, found, -1)


def _components(joined: NDArray[np.bool_]) -> IntArray:
    """Number the sets of connected elements: each takes the least number of its neighbours until all have."""
    found = np.arange(len(joined))
    while True:
        least = np.minimum(found, np.where(joined, found, len(joined)).min(axis=1, initial=len(joined)))
        if np.array_equal(least, found):
            return np.unique(found, return_inverse=True)[1].reshape(found.shape)
        found = least


@dataclass(frozen=True, eq=False)
class Tilt:
    """A loss that all of chip 2 has more and all of chip 1 less: on both chips a slope along the row.

    Attributes
    ----------
    direction : ndarray, shape (losses,)
        1 for chip 2, -1 for chip 1, the other way round after half a turn; 0 for losses of other stars.
    share : float
        Share of the information that the stars' free fluxes leave on it.
    """

    direction: FloatArray
    share: float

    @property
    def open(self) -> bool:
        """Whether the data do not determine it."""
        return self.share < OPEN_SHARE


@dataclass(frozen=True, eq=False)
class Determined:
    """What the equations determine.

    Attributes
    ----------
    tilts : tuple of Tilt
        One for each set of connected stars (and flux bin, where each has its own zero points).
    others : ndarray, shape (losses, m)
        Further directions that are not determined.
    """

    tilts: tuple[Tilt, ...]
    others: FloatArray

    @property
    def open_tilts(self) -> list[Tilt]:
        """The tilts that the data leave open."""
        return [tilt for tilt in self.tilts if tilt.open]


def determine(reduced: Reduced, exposures: Exposures) -> Determined:
    """Find what the equations leave open, by the eigenvalues of the information that is left of each loss."""
    tilts = tuple(_tilts(reduced, exposures))
    active = np.flatnonzero(reduced.alone > 0)
    scale = 1.0 / np.sqrt(reduced.alone[active])
    matrix = reduced.normal[np.ix_(active, active)] * scale[:, None] * scale
    shares, vectors = np.linalg.eigh(matrix)
    vectors = vectors[:, shares <= OPEN_SHARE]
    for tilt in tilts:
        if tilt.open:
            unit = tilt.direction[active] / scale
            unit = unit / np.linalg.norm(unit)
            vectors = vectors - np.outer(unit, unit @ vectors)
    if vectors.shape[1]:
        left, lengths, _ = np.linalg.svd(vectors, full_matrices=False)
        # What is left of an eigenvector that is a tilt but for the noise of its eigenvalue is short.
        vectors = left[:, lengths > 0.5]
    others = np.zeros((reduced.alone.size, vectors.shape[1]))
    others[active] = vectors * scale[:, None]
    return Determined(tilts, others)


def _tilts(reduced: Reduced, exposures: Exposures) -> list[Tilt]:
    g = len(exposures.settings)
    sign = np.array([1.0 if one.chip == 2 else -1.0 for one in exposures.settings])
    # Where a setting has exposures of both turns it is determined, and the tilt of the others with it.
    sign = sign * np.bincount(exposures.setting_of, exposures.turn) / np.bincount(exposures.setting_of)
    known = reduced.alone > 0
    tilts = []
    together = len(reduced.zeros) == 1
    for number, component in enumerate(reduced.component if not together else reduced.component[:1]):
        for one in np.unique(component[component >= 0]):
            of_setting = np.zeros(g, dtype=bool)
            of_setting[exposures.setting_of[component == one]] = True
            direction = np.zeros((len(exposures.bins), g))
            direction[slice(None) if together else number] = sign * of_setting
            flat = direction.ravel() * known
            most = float(flat @ (reduced.alone * flat))
            if most > 0:
                tilts.append(Tilt(flat, float(flat @ reduced.normal @ flat) / most))
    return tilts


@dataclass(frozen=True, eq=False)
class Solution:
    """Steps of all terms, and the covariance of the losses where the sums for it were made."""

    loss: FloatArray
    zero: FloatArray
    covariance: FloatArray


def solve(
    reduced: Reduced,
    sums: Sums,
    exposures: Exposures,
    conditions: Sequence[Condition],
    closed: FloatArray,
    at: FloatArray,
) -> Solution:
    """Solve the equations under conditions.

    Parameters
    ----------
    reduced : Reduced
        The equations without zero points.
    sums : Sums
        The sums that they are made of.
    exposures : Exposures
        What the columns are.
    conditions : sequence of Condition
        On the losses, not on their steps.
    closed : ndarray, shape (losses, m)
        Directions in which the losses are left as they are.
    at : ndarray, shape (losses,)
        The losses now.
    """
    bins, g, n = len(exposures.bins), len(exposures.settings), len(exposures)
    active = np.flatnonzero(reduced.alone > 0)
    matrix, right = reduced.normal[np.ix_(active, active)].copy(), reduced.right[active].copy()
    noise = reduced.score[np.ix_(active, active)].copy() if reduced.score.size else reduced.score
    for one in conditions:
        factors, weight = one.factors[active], one.error**-2.0
        matrix += weight * np.outer(factors, factors)
        right += weight * factors * (one.value - float(one.factors @ at))
        if noise.size and one.error > _HELD:
            noise += weight * np.outer(factors, factors)
    size = reduced.alone[active]
    for direction in closed[active].T:
        held = direction * size
        matrix += np.outer(held, held) / max(float(direction @ held), 1e-300)
    root = np.linalg.inv(np.linalg.cholesky(matrix))
    step = np.zeros(bins * g)
    step[active] = root.T @ (root @ right)
    zero = np.zeros((bins, n))
    for k, (inverse, coupling) in enumerate(reduced.zeros):
        members = [k] if len(reduced.zeros) > 1 else list(range(bins))
        cells = np.concatenate([np.arange(m * g, (m + 1) * g) for m in members])
        right_zero = sums.right[members, :n].sum(axis=0)
        zero[members] = inverse @ (right_zero - coupling @ step[cells])
    covariance = np.full((bins * g, bins * g) if noise.size else (0, 0), np.nan)
    if noise.size:
        half = root.T @ (root @ noise)
        covariance[np.ix_(active, active)] = root.T @ (root @ half.T)
    return Solution(step, zero, covariance)


def pairs_of_chips(exposures: Exposures, known: NDArray[np.bool_]) -> tuple[IntArray, IntArray, IntArray]:
    """Return losses on chip 2 and on chip 1 of the same epoch, flash and bin, and their bins."""
    g = len(exposures.settings)
    number = {one: k for k, one in enumerate(exposures.settings)}
    sides = [
        (two, number[opposite])
        for setting, two in number.items()
        if setting.chip == 2 and (opposite := replace(setting, chip=1)) in number
    ]
    found = [
        (k * g + two, k * g + one, k)
        for k in range(len(exposures.bins))
        for two, one in sides
        if known[k * g + two] and known[k * g + one]
    ]
    listed = np.array(found, dtype=np.intp).reshape(-1, 3)
    return listed[:, 0], listed[:, 1], listed[:, 2]
