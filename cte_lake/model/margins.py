"""One-dimensional bases of the smooth surface: a constant, a line, and a random walk of the slope about it.

The rough part of a margin is a piecewise quadratic whose second derivative is white noise, one value per
interval: the random walk of its slope that a cubic smoothing spline has as its prior (Wahba 1978), at the
resolution of the intervals. Beyond the data it goes on along its last slope, with a variance that grows
with the cube of the way.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import product

import numpy as np
from numpy.typing import ArrayLike

from cte_lake.arrays import FloatArray
from cte_lake.model.points import FitPoints, epochs
from cte_lake.model.terms import background_variable

#: Kind of each margin's factor in a product: 0 constant, 1 line, 2 random walk, 3 parabola, 4 a penalised
#: line.
Group = tuple[int, int, int]
TILT = 4

#: Components with which a walk enters a product with another walk.
RANK = 5
#: Spread of backgrounds (e-/px) under which the loss is not taken to depend on them.
MIN_BACKGROUND_SPAN = 1.0
#: Range of log10(1 + background) under which nothing can be said of what a sky changes.
_MIN_TILT = 0.01
#: Points at which a margin's components are ranked.
_GRID = 101


@dataclass(frozen=True)
class Margin:
    """Bases of one variable.

    Attributes
    ----------
    low, high : float
        Range of the data; equal where the variable does not vary.
    intervals : int
        Intervals of constant second derivative.
    rank : int
        Components of the rough part that enter interactions, those of largest variance first.
    tilt : bool
        Whether a line is all that is fitted, and penalised: a sky that scatters about one level.
    """

    low: float
    high: float
    intervals: int
    rank: int
    tilt: bool = False

    @property
    def varies(self) -> bool:
        """Whether there is anything to depend on."""
        return self.high > self.low

    def scaled(self, x: ArrayLike) -> FloatArray:
        """Return the variable on -1 .. 1 over the range of the data."""
        values = np.asarray(x, dtype=np.float64)
        if not self.varies:
            return np.zeros_like(values)
        return (values - 0.5 * (self.low + self.high)) / (0.5 * (self.high - self.low))

    def _walks(self, s: FloatArray) -> FloatArray:
        """Twice integrated indicators of the intervals, each of unit variance per unit of s."""
        edges = np.linspace(-1.0, 1.0, self.intervals + 1)
        width = edges[1] - edges[0]
        after = np.maximum(s[:, None] - edges[:-1], 0.0)
        inside = np.minimum(after, width)
        return np.asarray((0.5 * inside**2 + width * (after - inside)) / np.sqrt(width))

    @cached_property
    def _frame(self) -> tuple[FloatArray, FloatArray]:
        """Line taken off each walk, and the rotation to components of falling variance."""
        grid = np.linspace(-1.0, 1.0, _GRID)
        line = np.stack([np.ones(_GRID), grid], axis=1)
        walks = self._walks(grid)
        off = np.linalg.lstsq(line, walks, rcond=None)[0]
        _, _, right = np.linalg.svd(walks - line @ off, full_matrices=False)
        return np.asarray(off), np.asarray(right.T)

    def rough(self, x: ArrayLike, rank: int | None = None) -> FloatArray:
        """Return the rough components at x, shape (n, rank), each with a coefficient of the same variance."""
        s = self.scaled(x).ravel()
        off, turn = self._frame
        walks = self._walks(s) - np.stack([np.ones(s.size), s], axis=1) @ off
        return np.asarray(walks @ turn[:, : self.intervals if rank is None else rank])

    def beyond(self, x: ArrayLike) -> FloatArray:
        """Return the variance of the walk beyond the data, for a coefficient of unit variance: h**3 / 3."""
        s = np.abs(self.scaled(x))
        return np.asarray(np.maximum(s - 1.0, 0.0) ** 3 / 3.0)


def margins_of(points: FitPoints, background: bool = True) -> tuple[Margin, Margin, Margin]:
    """Return the margins that points can carry.

    Where the background is not wanted as a variable, its margin is a penalised line about the mean sky.
    """
    dates = epochs(points.mjd).size
    spread = np.sqrt(np.maximum(points.log_flux_sq - points.log_flux**2, 0.0))
    time = Margin(float(points.mjd.min()), float(points.mjd.max()), int(np.clip(dates * 2 // 3, 2, 24)), RANK)
    flux = Margin(float((points.log_flux - spread).min()), float((points.log_flux + spread).max()), 8, RANK)
    sky = points.background
    if background and np.all(np.isfinite(sky)) and np.ptp(sky) >= MIN_BACKGROUND_SPAN:
        b = background_variable(sky)
        return time, flux, Margin(float(b.min()), float(b.max()), 8, RANK)
    if not background and np.all(sky > -1.0):
        b = background_variable(sky)
        if np.ptp(b) > _MIN_TILT:
            return time, flux, Margin(float(b.min()), float(b.max()), 1, 1, tilt=True)
    return time, flux, Margin(0.0, 0.0, 1, 1)


def sky_variable(points: FitPoints, margins: tuple[Margin, Margin, Margin]) -> FloatArray:
    """Return the background variable of points, zero where the surface does not depend on it."""
    if not margins[2].varies:
        return np.zeros(len(points))
    b = background_variable(points.background)
    return np.where(np.isfinite(b), b, 0.5 * (margins[2].low + margins[2].high)) if margins[2].tilt else b


def groups_of(margins: tuple[Margin, Margin, Margin]) -> tuple[list[Group], list[Group]]:
    """Return the products that are not penalised, and those that are: with up to two walks.

    A shape in flux and background that grows with time is a product of two walks and a line; walks in time
    that differ from flux to flux or from background to background do without more.
    """
    kinds = [(0, 1, 2) if margin.varies and not margin.tilt else (0,) for margin in margins]
    every = [(i, j, k) for i, j, k in product(*kinds)]
    fixed = [group for group in every if 2 not in group]
    groups = [g for g in every if 2 in g and g.count(2) <= 2 and g not in ((2, 1, 2), (2, 2, 1))]
    if margins[2].tilt:
        groups += [(i, j, TILT) for i, j in product((0, 1), (0, 1))]
    return fixed, groups


def polynomial_groups(margins: tuple[Margin, Margin, Margin], time_degree: int = 2) -> list[Group]:
    """Return the products of the published family: powers of time and flux, a line in the background."""
    powers = (0, 1, 3)
    sky = (0, 1) if margins[2].varies and not margins[2].tilt else (0,)
    return [(i, j, k) for k in sky for i in powers[: time_degree + 1] for j in powers]
