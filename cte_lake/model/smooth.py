"""The smooth surface S(t, f, b): penalised splines in time, log flux and log background, by REML.

S = S0(f, b) W(t, f, b). The scale S0 is a positive function of few parameters (or a constant); W is a sum
of products of the margins' constants, lines and random walks of the slope (`cte_lake.model.margins`), each
product a group with a variance of its own. Where losses share their shape, S0 makes W nearly a function of
time alone; where they change sign a constant S0 does, and the visits left out say which
(`cte_lake.model.family`).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import product

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cte_lake.detector import SIGMA_PER_MAD
from cte_lake.model.margins import Margin
from cte_lake.model.points import FitPoints, contrasts, epochs
from cte_lake.model.reml import MixedFit, MixedModel
from cte_lake.model.robust import Loss, soft_least_squares
from cte_lake.model.terms import background_variable

FloatArray = NDArray[np.float64]
#: Kind of each margin's factor in a product: 0 constant, 1 line, 2 random walk, 3 parabola.
Group = tuple[int, int, int]
#: Residuals beyond this many errors pull no harder; so wide that good slopes keep 99% of their weight
#: (Huber).
_HUBER = 2.5
_TUKEY = 6.0
_ROUNDS = 4
#: Weight (in coefficients) and variance of what a walk is known to be before the data: a departure of 3% of
#: S0 from lines for one variable alone, half of it for those that go with others. A variance that the data
#: put to zero would claim that the form is exact.
_KNOWN = {False: (1.0, 0.2**2), True: (0.5, 0.1**2)}
#: The same of what kinds of points have of their own: some 5% of the losses.
_KNOWN_KINDS = (1.0, 0.05**2)
#: Losses that change their sign depart by several times the constant that they tend to.
_FLOOR = 3.0
#: Mean loss over its error under which losses have no shape to take a scale from.
_DETECTED = 10.0
#: Components with which a walk enters a product with another walk.
_RANK = 5
#: Spread of backgrounds (e-/px) under which the loss is not taken to depend on them.
MIN_BACKGROUND_SPAN = 1.0
_DAYS_PER_YEAR = 365.25


@dataclass(frozen=True)
class Scale:
    """ln S0 = quadratic in f and b; empty coefficients: a constant.

    Attributes
    ----------
    constant : float
        S0 where there are no coefficients.
    coefficients : tuple of float
        Of 1, f, f**2, b, b**2, f b in the margins' scaled variables.
    """

    constant: float
    coefficients: tuple[float, ...] = ()

    def at(self, f: FloatArray, b: FloatArray) -> FloatArray:
        """Return S0 at scaled log flux and background."""
        floor = np.full(np.broadcast_shapes(f.shape, b.shape), self.constant)
        if not self.coefficients:
            return floor
        return np.asarray(floor + np.exp(np.clip(_quadratic(f, b) @ np.array(self.coefficients), -12.0, 3.0)))


def _quadratic(f: FloatArray, b: FloatArray) -> FloatArray:
    one = np.ones(np.broadcast_shapes(f.shape, b.shape))
    return np.stack([one, f * one, f**2 * one, b * one, b**2 * one, f * b], axis=-1)


@dataclass(frozen=True)
class SmoothFit:
    """A fitted smooth surface.

    Attributes
    ----------
    margins : tuple of Margin
        Time (MJD), log10 flux, log10(1 + background).
    fixed, groups : list of Group
        Products that are not penalised, and those that are.
    scale : Scale
        S0.
    mixed : MixedFit
        Coefficients, covariance, variances.
    points : FitPoints
        What was fitted.
    weights : ndarray
        Robust weight of each point.
    residuals : ndarray
        (observed - fitted) / error, the visits' factors in the fitted.
    noise : float
        Factor on the slopes' errors that their scatter asks for, at least 1.
    kinds : dict of str to tuple of float
        By which part the losses of each kind of points lie off the surface, and its error; by the number of
        their visits they average out.
    """

    margins: tuple[Margin, Margin, Margin]
    fixed: list[Group]
    groups: list[Group]
    scale: Scale
    mixed: MixedFit
    points: FitPoints
    weights: FloatArray
    residuals: FloatArray
    noise: float
    kinds: dict[str, tuple[float, float]] = field(default_factory=dict)

    @property
    def visit_scatter(self) -> float:
        """Standard deviation of the factor that a visit has on its losses."""
        return float(np.sqrt(self.mixed.visit_variance))

    @property
    def score(self) -> FloatArray:
        """Log predictive density of each visit by the others, in the order of `points.visits`."""
        return self.mixed.score

    def loss(self, mjd: ArrayLike, log_flux: ArrayLike, b: ArrayLike) -> FloatArray:
        """Return S at dates, log10 fluxes and background variables."""
        t, f, sky = _flat(mjd, log_flux, b)
        values = self._scale(f, sky) * (self._design(t, f, sky) @ self.mixed.values)
        return values.reshape(np.broadcast_shapes(np.shape(mjd), np.shape(log_flux), np.shape(b)))

    def variance(self, mjd: ArrayLike, log_flux: ArrayLike, b: ArrayLike) -> FloatArray:
        """Return the variance of `loss`: of the coefficients, and beyond the dates of the walk."""
        t, f, sky = _flat(mjd, log_flux, b)
        design = self._design(t, f, sky)
        own = np.einsum("np,np->n", design @ self.mixed.covariance, design)
        own = own + self._beyond(t, f, sky)
        values: FloatArray = self._scale(f, sky) ** 2 * np.maximum(own, 0.0)
        return values.reshape(np.broadcast_shapes(np.shape(mjd), np.shape(log_flux), np.shape(b)))

    def parts(self, mjd: ArrayLike, log_flux: ArrayLike, b: ArrayLike) -> dict[str, FloatArray]:
        """Return standard deviations of `loss`: by slopes, by visits, and beyond the dates."""
        t, f, sky = _flat(mjd, log_flux, b)
        design, scale = self._design(t, f, sky), self._scale(f, sky)
        shape = np.broadcast_shapes(np.shape(mjd), np.shape(log_flux), np.shape(b))
        whole, without = (
            np.einsum("np,np->n", design @ matrix, design)
            for matrix in (self.mixed.covariance, self.mixed.alone)
        )
        squares = {
            "slopes": np.minimum(without, whole),
            "visits": np.maximum(whole - without, 0.0),
            "future": self._beyond(t, f, sky),
        }
        return {
            name: (scale * np.sqrt(np.maximum(value, 0.0))).reshape(shape) for name, value in squares.items()
        }

    def joint(self, points: FitPoints) -> tuple[FloatArray, FloatArray]:
        """Return the prediction of other points and its covariance, without visits' factors and noise."""
        sky = _sky(points, self.margins)
        t = points.mjd
        fluxes = _nodes(points)
        design = 0.5 * sum(
            (self._scale(f, sky)[:, None] * self._design(t, f, sky) for f in fluxes),
            start=np.zeros((len(points), self.mixed.values.size)),
        )
        covariance = design @ self.mixed.covariance @ design.T
        growth = np.sqrt(self.margins[0].beyond(t))
        f = points.log_flux
        size = np.sqrt(self._beyond(t, f, sky)) * self._scale(f, sky) * (growth > 0)
        # The walk goes one way for all fluxes and backgrounds, which is nearly so where their shape lasts.
        return design @ self.mixed.values, covariance + np.outer(size, size)

    def _scale(self, f: FloatArray, b: FloatArray) -> FloatArray:
        return self.scale.at(self.margins[1].scaled(f), self.margins[2].scaled(b))

    def _design(self, t: FloatArray, f: FloatArray, b: FloatArray) -> FloatArray:
        return _products(_factors(self.margins, t, f, b), [*self.fixed, *self.groups])[0]

    def _beyond(self, t: FloatArray, f: FloatArray, b: FloatArray) -> FloatArray:
        growth = self.margins[0].beyond(t)
        if not growth.any():
            return growth
        factors = _factors(self.margins, t, f, b)
        total = np.zeros(t.size)
        for group, variance in zip(self.groups, self.mixed.variances, strict=True):
            if group[0] == 2:
                size = [np.sum(_cut(factors[axis][group[axis]], group) ** 2, axis=1) for axis in (1, 2)]
                total += variance * size[0] * size[1]
        return growth * total


def _flat(*values: ArrayLike) -> tuple[FloatArray, FloatArray, FloatArray]:
    t, f, b = np.broadcast_arrays(*(np.asarray(v, dtype=np.float64) for v in values))
    return t.ravel(), f.ravel(), b.ravel()


def _factors(
    margins: tuple[Margin, Margin, Margin], t: FloatArray, f: FloatArray, b: FloatArray
) -> list[list[FloatArray]]:
    """For each margin its constant, line and random walk."""
    result = []
    for margin, x in zip(margins, (t, f, b), strict=True):
        kinds = [np.ones((x.size, 1))]
        if margin.varies:
            line = margin.scaled(x)[:, None]
            kinds += [line, margin.rough(x), line**2]
        result.append(kinds)
    return result


def _cut(factor: FloatArray, group: Group) -> FloatArray:
    """A walk that meets another walk enters with its leading components."""
    if factor.shape[1] == 1 or group.count(2) < 2:
        return factor
    return factor[:, :_RANK]


def _products(factors: list[list[FloatArray]], groups: list[Group]) -> tuple[FloatArray, list[slice]]:
    parts, slices, start = [], [], 0
    for group in groups:
        one, two, three = (_cut(factors[axis][kind], group) for axis, kind in enumerate(group))
        block = (one[:, :, None, None] * two[:, None, :, None] * three[:, None, None, :]).reshape(
            len(one), -1
        )
        parts.append(block)
        slices.append(slice(start, start + block.shape[1]))
        start += block.shape[1]
    return np.hstack(parts), slices


def margins_of(points: FitPoints, background: bool = True) -> tuple[Margin, Margin, Margin]:
    """Return the margins that points can carry, that of the background only where it is wanted."""
    dates = epochs(points.mjd).size
    spread = np.sqrt(np.maximum(points.log_flux_sq - points.log_flux**2, 0.0))
    time = Margin(
        float(points.mjd.min()), float(points.mjd.max()), int(np.clip(dates * 2 // 3, 2, 24)), _RANK
    )
    flux = Margin(float((points.log_flux - spread).min()), float((points.log_flux + spread).max()), 8, _RANK)
    sky = points.background
    if background and np.all(np.isfinite(sky)) and np.ptp(sky) >= MIN_BACKGROUND_SPAN:
        b = background_variable(sky)
        return time, flux, Margin(float(b.min()), float(b.max()), 8, _RANK)
    return time, flux, Margin(0.0, 0.0, 1, 1)


def groups_of(margins: tuple[Margin, Margin, Margin]) -> tuple[list[Group], list[Group]]:
    """Return the products that are not penalised, and those that are: with up to two walks.

    A shape in flux and background that grows with time is a product of two walks and a line; walks in time
    that differ from flux to flux or from background to background do without more.
    """
    kinds = [(0, 1, 2) if margin.varies else (0,) for margin in margins]
    every = [(i, j, k) for i, j, k in product(*kinds)]
    fixed = [group for group in every if 2 not in group]
    groups = [g for g in every if 2 in g and g.count(2) <= 2 and g not in ((2, 1, 2), (2, 2, 1))]
    return fixed, groups


def polynomial_groups(margins: tuple[Margin, Margin, Margin], time_degree: int = 2) -> list[Group]:
    """Return the products of the published family: powers of time and flux, a line in the background."""
    powers = (0, 1, 3)
    sky = (0, 1) if margins[2].varies else (0,)
    return [(i, j, k) for k in sky for i in powers[: time_degree + 1] for j in powers]


def fit_scale(points: FitPoints, margins: tuple[Margin, Margin, Margin], shift: bool = False) -> Scale | None:
    """Fit S = exp(quadratic in f and b) (1 + parabola in time); None where losses are not like that."""
    t, f = margins[0].scaled(points.mjd), margins[1].scaled(points.log_flux)
    b = margins[2].scaled(_sky(points, margins))
    design = _quadratic(f, b)
    used = design.std(axis=0) > 1e-9
    used[0] = True
    start = np.zeros(int(used.sum()) + 3)
    level = float(np.average(points.loss, weights=points.loss_err**-2.0))
    start[0] = np.log(max(level, 1e-3))
    if abs(level) * float(np.sqrt(np.sum(points.loss_err**-2.0))) < _DETECTED:
        return None

    def pulls(p: FloatArray) -> tuple[FloatArray, FloatArray]:
        log = design[:, used] @ p[:-3]
        shape, course = np.exp(np.clip(log, -12.0, 3.0)), 1.0 + p[-2] * t + p[-1] * t**2
        level = shape + shift * p[-3]
        steep = np.where((log > -12.0) & (log < 3.0), shape * course, 0.0)
        slopes = np.column_stack([steep[:, None] * design[:, used], shift * course, level * t, level * t**2])
        return (level * course - points.loss) / points.loss_err, slopes / points.loss_err[:, None]

    found = soft_least_squares(pulls, start)
    coefficients = np.zeros(6)
    coefficients[used] = found[:-3]
    if not np.all(np.isfinite(coefficients)) or np.abs(coefficients[1:]).max() > 8.0:
        return None
    return Scale(_FLOOR * abs(float(found[-3])) * shift, tuple(float(c) for c in coefficients))


def constant_scale(points: FitPoints) -> Scale:
    """Return a constant S0 of the size of the losses."""
    noise = float(np.mean(points.loss_err**2))
    return Scale(float(np.sqrt(max(float(np.mean(points.loss**2)) - noise, noise, 1e-8))))


def _sky(points: FitPoints, margins: tuple[Margin, Margin, Margin]) -> FloatArray:
    return background_variable(points.background) if margins[2].varies else np.zeros(len(points))


def _nodes(points: FitPoints) -> tuple[FloatArray, FloatArray]:
    """Two fluxes that stand for a bin's stars: mean S is right to the third order in the bin's width."""
    spread = np.sqrt(np.maximum(points.log_flux_sq - points.log_flux**2, 0.0))
    return points.log_flux - spread, points.log_flux + spread


def _weights(residuals: FloatArray, loss: Loss) -> FloatArray:
    size = np.abs(residuals)
    if loss == "none":
        return np.ones_like(size)
    if loss == "tukey":
        return np.asarray(np.maximum(1.0 - (size / _TUKEY) ** 2, 0.02) ** 2)
    return np.asarray(_HUBER / np.maximum(size, _HUBER))


def _prior(groups: list[Group]) -> FloatArray:
    """What is known of the groups' variances before: see `_KNOWN`."""
    return np.array([_KNOWN[group.count(2) + group.count(1) > 1] for group in groups]).reshape(-1, 2)


def fit_smooth(
    points: FitPoints,
    margins: tuple[Margin, Margin, Margin],
    scale: Scale,
    loss: Loss = "huber",
    polynomial: int | None = None,
    kinds: bool = True,
) -> SmoothFit:
    """Fit the smooth surface with a given scale.

    Parameters
    ----------
    points : FitPoints
        Losses of all epochs.
    margins : tuple of Margin
        Of `margins_of`.
    scale : Scale
        S0, of `fit_scale` or `constant_scale`.
    loss : {'huber', 'tukey', 'none'}
        How far a slope may pull.
    polynomial : int, optional
        Instead the published family, with this power of time.
    kinds : bool, optional
        Whether kinds of points have factors of their own, where there are several.
    """
    fixed, groups = groups_of(margins) if polynomial is None else (polynomial_groups(margins, polynomial), [])
    sky = _sky(points, margins)
    blocks: list[FloatArray] = []
    slices: list[slice] = []
    for f in _nodes(points):
        block, slices = _products(_factors(margins, points.mjd, f, sky), [*fixed, *groups])
        blocks.append(scale.at(margins[1].scaled(f), margins[2].scaled(sky))[:, None] * block)
    visits = points.visits
    number = {name: index for index, name in enumerate(visits)}
    visit = np.array([number[name] for name in points.visit.tolist()], dtype=np.int64)
    names, apart = contrasts(points) if kinds else ([], np.zeros((len(points), 0)))
    size = blocks[0].shape[1]
    own_factors = slice(size, size + apart.shape[1])
    random = [*slices[len(fixed) :], *([own_factors] if names else [])]
    model = MixedModel(np.hstack([0.5 * (blocks[0] + blocks[1]), apart]), random, visit)
    model.prior = np.vstack([_prior(groups), *([_KNOWN_KINDS] if names else [])])
    base = points.loss_err**-2.0
    weights, noise = np.ones(len(points)), 1.0
    factor = points.loss.copy()
    residuals = np.zeros(len(points))
    for turn in range(_ROUNDS):
        precision = base * weights / noise**2
        model.design[:, own_factors] = apart * factor[:, None]
        values = model.iterate(points.loss, precision, factor, 12 if turn < _ROUNDS - 1 else 40)
        fitted = (model.design[:, :size] @ values[:size]) * (1.0 + apart @ values[size:])
        own = model.visits_of(points.loss, precision, fitted, values)[visit]
        residuals = (points.loss - fitted * (1.0 + own)) / points.loss_err
        weights = _weights(residuals / noise, loss)
        spread = SIGMA_PER_MAD * float(np.median(np.abs(residuals)))
        noise = max(1.0, spread * np.sqrt(len(points) / max(len(points) - model.effective, len(points) / 2)))
        factor = fitted
    mixed = model.finish(points.loss, base * weights / noise**2, factor)
    found = {}
    for name in names:
        row = apart[np.argmax(points.kind == name)]
        error = float(np.sqrt(row @ mixed.covariance[size:, size:] @ row))
        found[name] = (float(row @ mixed.values[size:]), error)
    mixed = replace(
        mixed,
        values=mixed.values[:size],
        covariance=mixed.covariance[:size, :size],
        alone=mixed.alone[:size, :size],
        variances=mixed.variances[: len(groups)],
    )
    return SmoothFit(margins, fixed, groups, scale, mixed, points, weights, residuals, noise, found)
