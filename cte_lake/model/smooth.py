"""The smooth surface S(t, f, b): penalised splines in time, log flux and log background, by REML.

S = S0(f, b) W(t, f, b). The scale S0 is a positive function of few parameters (or a constant); W is a sum
of products of the margins' constants, lines and random walks of the slope (`cte_lake.model.margins`), each
product a group with a variance of its own. Where losses share their shape, S0 makes W nearly a function of
time alone; where they change sign a constant S0 does, and the visits left out say which
(`cte_lake.model.family`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import ArrayLike

from cte_lake.arrays import FloatArray
from cte_lake.detector import SIGMA_PER_MAD
from cte_lake.model.jumps import Gap, JumpTest, ramp
from cte_lake.model.margins import RANK, TILT, Group, Margin, groups_of, polynomial_groups, sky_variable
from cte_lake.model.points import FitPoints, contrasts
from cte_lake.model.reml import MixedFit, MixedModel
from cte_lake.model.robust import Loss
from cte_lake.model.scale import Scale

#: Residuals beyond this many errors pull no harder; so wide that good slopes keep 99% of their weight
#: (Huber).
_HUBER = 2.5
_TUKEY = 6.0
_ROUNDS = 4
#: Weight (in coefficients) and variance of what a walk is known to be before the data: a departure of 3% of
#: S0 from lines, which counts half for walks that go with other variables. A variance that the data put to
#: zero would claim that the form is exact.
_KNOWN = {False: (1.0, 0.2**2), True: (0.5, 0.2**2)}
#: The same of what kinds of points have of their own: some 5% of the losses.
_KNOWN_KINDS = (1.0, 0.05**2)
#: The same of a sky that scatters about one level: some half of the loss a factor of ten in 1 + background, a
#: quarter where that goes with the flux.
_KNOWN_TILT = {0: (1.0, 0.5), 1: (1.0, 0.25)}
#: Standard deviation of the visits' factor that is believed at first. Without a limit a loss that breaks off
#: is taken for one that goes on, of which visits have now all and now nothing.
MOST_SCATTER = 0.15


@dataclass(frozen=True)
class Jump:
    """A change of all losses by one factor, between two epochs.

    Attributes
    ----------
    gap : Gap
        From the epoch before to the epoch after.
    smooth : SmoothFit
        The fit without it, whose losses in the middle of the gap it is a part of.
    """

    gap: Gap
    smooth: SmoothFit

    def column(self, t: FloatArray, f: FloatArray, b: FloatArray) -> FloatArray:
        """Return what S gains at dates, log fluxes and backgrounds, for a jump by its own size."""
        return ramp(self.gap, t) * self.smooth.loss(np.full(t.shape, self.gap.middle), f, b)


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
        Robust weight of each point, less where its flux bin scatters more than the others.
    residuals : ndarray
        (observed - fitted) / error, the visits' factors in the fitted.
    noise : float
        Factor on the slopes' errors that their scatter asks for, at least 1, with what outliers cost.
    kinds : dict of str to tuple of float
        By which part the losses of each kind of points lie off the surface, and its error; by the number of
        their visits they average out.
    jumps : tuple of Jump
        Of all losses together; their sizes are the first coefficients.
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
    jumps: tuple[Jump, ...] = ()

    @property
    def visit_scatter(self) -> float:
        """Standard deviation of the factor that a visit has on its losses."""
        return float(np.sqrt(self.mixed.visit_variance))

    @property
    def jump_sizes(self) -> list[tuple[Gap, float, float]]:
        """When all losses jumped, by which part, and its error."""
        errors = np.sqrt(np.diag(self.mixed.covariance))
        sizes = zip(self.jumps, self.mixed.values.tolist(), errors.tolist(), strict=False)
        return [(jump.gap, size, error) for jump, size, error in sizes]

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
        sky = sky_variable(points, self.margins)
        t = points.mjd
        design = self.design_of(points)
        covariance = design @ self.mixed.covariance @ design.T
        growth = np.sqrt(self.margins[0].beyond(t))
        f = points.log_flux
        size = np.sqrt(self._beyond(t, f, sky)) * self._scale(f, sky) * (growth > 0)
        # The walk goes one way for all fluxes and backgrounds, which is nearly so where their shape lasts.
        return design @ self.mixed.values, covariance + np.outer(size, size)

    def design_of(self, points: FitPoints) -> FloatArray:
        """Return what each coefficient adds to the losses of points."""
        sky = sky_variable(points, self.margins)
        return 0.5 * sum(
            (self._scale(f, sky)[:, None] * self._design(points.mjd, f, sky) for f in nodes_of(points)),
            start=np.zeros((len(points), self.mixed.values.size)),
        )

    def test_jumps(self, gaps: Sequence[Gap]) -> list[float]:
        """Return how strongly the residuals ask for a jump in each gap, in its errors."""
        test, pulls = self.jump_test()
        fitted = test.factor
        # The losses at a gap, which a jump is a part of: those of each point, by the size of its epochs.
        group = np.searchsorted([gap.end for gap in gaps], self.points.mjd, side="right")
        level = np.maximum(np.bincount(group, np.abs(fitted)) / np.bincount(group), 1e-12)
        shape = fitted / level[group]
        sizes = 0.5 * (level[:-1] + level[1:])
        columns = [size * ramp(gap, self.points.mjd) * shape for gap, size in zip(gaps, sizes, strict=True)]
        measured = (test.measure(column, pulls) for column in columns)
        return [abs(size) / error for size, error, _ in measured]

    def jump_test(self) -> tuple[JumpTest, FloatArray]:
        """Return the fit to which columns may be added, and its residuals times their precision."""
        design = self.design_of(self.points)
        precision = self.weights / (self.noise * self.points.loss_err) ** 2
        visit = np.unique(self.points.visit, return_inverse=True)[1].ravel()
        test = JumpTest(design, precision, design @ self.mixed.values, visit, self.mixed)
        return test, precision * self.residuals * self.points.loss_err

    def combined(self, values: FloatArray, t: FloatArray, f: FloatArray, b: FloatArray) -> FloatArray:
        """Return the S of other coefficients, at arrays of dates, log10 fluxes and background variables."""
        return np.asarray(self._scale(f, b) * (self._design(t, f, b) @ values))

    def _scale(self, f: FloatArray, b: FloatArray) -> FloatArray:
        return self.scale.at(self.margins[1].scaled(f), self.margins[2].scaled(b))

    def _design(self, t: FloatArray, f: FloatArray, b: FloatArray) -> FloatArray:
        jumps = [jump.column(t, f, b) / self._scale(f, b) for jump in self.jumps]
        return _products(_factors(self.margins, t, f, b), [*self.fixed, *self.groups], jumps)[0]

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
            kinds += [line, margin.rough(x), line**2, line]
        result.append(kinds)
    return result


def _cut(factor: FloatArray, group: Group) -> FloatArray:
    """A walk that meets another walk enters with its leading components."""
    if factor.shape[1] == 1 or group.count(2) < 2:
        return factor
    return factor[:, :RANK]


def _products(
    factors: list[list[FloatArray]], groups: list[Group], lead: Sequence[FloatArray] = ()
) -> tuple[FloatArray, list[slice]]:
    parts, slices, start = [column[:, None] for column in lead], [], len(lead)
    for group in groups:
        one, two, three = (_cut(factors[axis][kind], group) for axis, kind in enumerate(group))
        block = (one[:, :, None, None] * two[:, None, :, None] * three[:, None, None, :]).reshape(
            len(one), -1
        )
        parts.append(block)
        slices.append(slice(start, start + block.shape[1]))
        start += block.shape[1]
    return np.hstack(parts), slices


def nodes_of(points: FitPoints) -> tuple[FloatArray, FloatArray]:
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


def _scatter(points: FitPoints, residuals: FloatArray, effective: float) -> tuple[float, FloatArray]:
    """Return the scatter of residuals, at least 1, and how much more each point's flux bin scatters."""
    free = np.sqrt(len(points) / max(len(points) - effective, len(points) / 2))
    noise = max(1.0, float(free * SIGMA_PER_MAD * np.median(np.abs(residuals))))
    more = np.ones(len(points))
    for low in np.unique(points.bin_lo):
        member = points.bin_lo == low
        own = free * SIGMA_PER_MAD * np.median(np.abs(residuals[member])) / noise
        # A MAD of m residuals is known to 1.17 / sqrt(m).
        if own > 1.0 + 3.5 / np.sqrt(member.sum()):
            more[member] = own
    return noise, more


def _cost_of_outliers(pulls: FloatArray, loss: Loss) -> float:
    """Return the factor on errors by which bounded residuals say less than their weights claim.

    The variance of an M-estimate is E[psi^2] / E[psi']^2 (Huber 1964), that of least squares 1 / E[weight].
    """
    weights = _weights(pulls, loss)
    held = np.mean(np.abs(pulls) <= _HUBER) if loss == "huber" else np.mean(weights)
    return max(1.0, float(np.sqrt(np.mean((weights * pulls) ** 2) * np.mean(weights)) / held))


def _prior(groups: list[Group], sky: Margin) -> FloatArray:
    """What is known of the groups' variances before: see `_KNOWN` and `_KNOWN_TILT`."""
    known = []
    for group in groups:
        if group[2] == TILT:
            weight, size = _KNOWN_TILT[group[1]]
            known.append((weight, (0.5 * size * (sky.high - sky.low)) ** 2))
        else:
            known.append(_KNOWN[group.count(2) + group.count(1) > 1])
    return np.array(known).reshape(-1, 2)


def _design(
    points: FitPoints, margins: tuple[Margin, Margin, Margin], scale: Scale, groups: list[Group],
    jumps: tuple[Jump, ...],
) -> tuple[FloatArray, list[slice]]:  # fmt: skip
    """Return the columns of the surface, the mean over each bin's stars, and those of each group."""
    sky = sky_variable(points, margins)
    blocks: list[FloatArray] = []
    slices: list[slice] = []
    for f in nodes_of(points):
        size_there = scale.at(margins[1].scaled(f), margins[2].scaled(sky))
        lead = [jump.column(points.mjd, f, sky) / size_there for jump in jumps]
        block, slices = _products(_factors(margins, points.mjd, f, sky), groups, lead)
        blocks.append(size_there[:, None] * block)
    return 0.5 * (blocks[0] + blocks[1]), slices


def fit_smooth(
    points: FitPoints,
    margins: tuple[Margin, Margin, Margin],
    scale: Scale,
    loss: Loss = "huber",
    polynomial: int | None = None,
    kinds: bool = True,
    jumps: tuple[Jump, ...] = (),
    most_scatter: float = MOST_SCATTER,
) -> SmoothFit:
    """Fit the smooth surface with a given scale.

    Parameters
    ----------
    points : FitPoints
        Losses of all epochs.
    margins : tuple of Margin
        Of `margins_of`.
    scale : Scale
        S0, of `cte_lake.model.scale`.
    loss : {'huber', 'tukey', 'none'}
        How far a slope may pull.
    polynomial : int, optional
        Instead the published family, with this power of time.
    kinds : bool, optional
        Whether kinds of points have factors of their own, where there are several.
    jumps : tuple of Jump
        What the surface may jump by.
    most_scatter : float, optional
        Largest standard deviation of the visits' factor.
    """
    fixed, groups = groups_of(margins) if polynomial is None else (polynomial_groups(margins, polynomial), [])
    design, slices = _design(points, margins, scale, [*fixed, *groups], jumps)
    number = {name: index for index, name in enumerate(points.visits)}
    visit = np.array([number[name] for name in points.visit.tolist()], dtype=np.int64)
    names, apart = contrasts(points) if kinds else ([], np.zeros((len(points), 0)))
    size = design.shape[1]
    own_factors = slice(size, size + apart.shape[1])
    random = [*slices[len(fixed) :], *([own_factors] if names else [])]
    model = MixedModel(np.hstack([design, apart]), random, visit)
    model.most_visit_variance = most_scatter**2
    model.prior = np.vstack([_prior(groups, margins[2]), *([_KNOWN_KINDS] if names else [])])
    base = points.loss_err**-2.0
    weights, noise, more = np.ones(len(points)), 1.0, np.ones(len(points))
    factor = points.loss.copy()
    residuals = np.zeros(len(points))
    for turn in range(_ROUNDS):
        precision = base * weights / noise**2
        model.design[:, own_factors] = apart * factor[:, None]
        values = model.iterate(points.loss, precision, factor, 12 if turn < _ROUNDS - 1 else 40)
        fitted = (model.design[:, :size] @ values[:size]) * (1.0 + apart @ values[size:])
        own = model.visits_of(points.loss, precision, fitted, values)[visit]
        residuals = (points.loss - fitted * (1.0 + own)) / points.loss_err
        noise, more = _scatter(points, residuals, model.effective)
        weights = _weights(residuals / noise / more, loss) / more**2
        factor = fitted
    noise *= _cost_of_outliers(residuals / noise / more, loss)
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
    return SmoothFit(margins, fixed, groups, scale, mixed, points, weights, residuals, noise, found, jumps)
