"""A linear mixed model with one variance per group of coefficients, by restricted maximum likelihood.

The variances are found by the fixed point of Fellner (1986) and Schall (1991) as Wood & Fasiolo (2017,
Biometrics 73, 1071) justify it for REML: each is the sum of squares of its coefficients over their
effective number. Visits are a group of their own, one factor on all losses of a visit; they do not overlap,
so that they are taken out of the equations before these are solved.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cte_lake.arrays import FloatArray

IntArray = NDArray[np.int64]

#: A group's variance is kept above this part of its start, where it is as good as zero.
_SMALLEST = 1e-9
_RIDGE = 1e-9


@dataclass(frozen=True)
class MixedFit:
    """A fitted mixed model.

    Attributes
    ----------
    values : ndarray, shape (p,)
        Coefficients, fixed ones first.
    covariance : ndarray, shape (p, p)
        Their posterior covariance, visits integrated out.
    alone : ndarray, shape (p, p)
        What it would be if visits did not scatter: the share of the points' own errors.
    variances : ndarray, shape (g,)
        Variance of each group of random coefficients.
    effective : ndarray, shape (g,)
        Effective number of each group's coefficients.
    visit_variance : float
        Variance of the visits' factor.
    visits : ndarray, shape (v,)
        Best predictions of the visits' factors less 1.
    left_out : ndarray, shape (n,)
        Residual of each point, predicted without its visit.
    left_out_variance : ndarray, shape (n,)
        Variance that the model gives it.
    score : ndarray, shape (v,)
        Log predictive density of each visit's points by the other visits.
    """

    values: FloatArray
    covariance: FloatArray
    alone: FloatArray
    variances: FloatArray
    effective: FloatArray
    visit_variance: float
    visits: FloatArray
    left_out: FloatArray
    left_out_variance: FloatArray
    score: FloatArray


@dataclass
class _Equations:
    """Normal equations of the smooth part with the visits taken out."""

    smooth: FloatArray
    right: FloatArray
    cross: FloatArray
    visit: FloatArray
    visit_right: FloatArray


def _by_visit(values: FloatArray, visit: IntArray, count: int) -> FloatArray:
    result = np.zeros((count, *values.shape[1:]))
    np.add.at(result, visit, values)
    return result


class MixedModel:
    """A design with its groups, fitted again and again as weights and visits' columns change.

    Parameters
    ----------
    design : ndarray, shape (n, p)
        Fixed columns first, then those of the groups.
    groups : sequence of slice
        Columns of each random group.
    visit : ndarray of int, shape (n,)
        Number of each point's visit.
    """

    def __init__(self, design: FloatArray, groups: Sequence[slice], visit: IntArray) -> None:
        self.design, self.groups, self.visit = design, list(groups), visit
        self.count = int(visit.max()) + 1
        self.variances = np.full(len(self.groups), 0.01)
        self.prior = np.zeros((len(self.groups), 2))
        self.visit_variance = 1e-4
        self.most_visit_variance = np.inf
        self.effective = float(design.shape[1])
        self._order = np.argsort(visit, kind="stable")
        self._starts = np.searchsorted(visit[self._order], np.arange(self.count + 1))

    def _equations(self, values: FloatArray, precision: FloatArray, factor: FloatArray) -> _Equations:
        weighted = self.design * precision[:, None]
        return _Equations(
            smooth=weighted.T @ self.design,
            right=weighted.T @ values,
            cross=_by_visit(weighted * factor[:, None], self.visit, self.count),
            visit=_by_visit(precision * factor**2, self.visit, self.count),
            visit_right=_by_visit(precision * factor * values, self.visit, self.count),
        )

    def _solve(self, eq: _Equations) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return coefficients, their covariance, and the visits' diagonal."""
        prior = np.full(self.design.shape[1], _RIDGE * float(np.trace(eq.smooth)) / eq.smooth.shape[0])
        for group, variance in zip(self.groups, self.variances, strict=True):
            prior[group] = 1.0 / variance
        diagonal = eq.visit + 1.0 / self.visit_variance
        normal = eq.smooth + np.diag(prior) - (eq.cross.T / diagonal) @ eq.cross
        scale = 1.0 / np.sqrt(np.diag(eq.smooth) + prior)
        root = np.linalg.inv(np.linalg.cholesky(normal * scale[:, None] * scale))
        covariance = np.asarray((root.T @ root) * scale[:, None] * scale)
        values = covariance @ (eq.right - eq.cross.T @ (eq.visit_right / diagonal))
        return values, covariance, diagonal

    def _update(
        self, eq: _Equations, values: FloatArray, covariance: FloatArray, diagonal: FloatArray
    ) -> float:
        """One step of the fixed point; returns the largest relative change that matters."""
        change, total = 0.0, float(self.groups[0].start if self.groups else 0)
        for number, group in enumerate(self.groups):
            old = self.variances[number]
            if old <= _SMALLEST:
                continue
            effective = max(group.stop - group.start - float(np.trace(covariance[group, group])) / old, 1e-6)
            known, size = self.prior[number]
            new = (float(values[group] @ values[group]) + known * size) / (effective + known)
            new = max(new, _SMALLEST)
            self.variances[number] = new
            total += effective
            change = max(change, abs(float(np.log(new / old))) * min(effective, 1.0))
        visits = (eq.visit_right - eq.cross @ values) / diagonal
        own = (
            1.0 / diagonal
            + np.einsum("vp,pq,vq->v", eq.cross, covariance, eq.cross, optimize=True) / diagonal**2
        )
        effective = max(self.count - float(own.sum()) / self.visit_variance, 1e-6)
        new = min(max(float(visits @ visits) / effective, 1e-10), self.most_visit_variance)
        change = max(change, abs(float(np.log(new / self.visit_variance))) * min(effective, 1.0))
        self.visit_variance = new
        self.effective = total + effective
        return change

    def iterate(
        self,
        values: FloatArray,
        precision: FloatArray,
        factor: FloatArray,
        steps: int,
        tolerance: float = 0.01,
    ) -> FloatArray:
        """Find the variances for given weights and visits' columns; returns the coefficients."""
        eq = self._equations(values, precision, factor)
        coefficients, covariance, diagonal = self._solve(eq)
        for _ in range(steps):
            change = self._update(eq, coefficients, covariance, diagonal)
            coefficients, covariance, diagonal = self._solve(eq)
            if change < tolerance:
                break
        return coefficients

    def visits_of(
        self, values: FloatArray, precision: FloatArray, factor: FloatArray, coefficients: FloatArray
    ) -> FloatArray:
        """Return the best predictions of the visits' factors less 1."""
        residual = values - self.design @ coefficients
        diagonal = _by_visit(precision * factor**2, self.visit, self.count) + 1.0 / self.visit_variance
        return np.asarray(_by_visit(precision * factor * residual, self.visit, self.count) / diagonal)

    def finish(self, values: FloatArray, precision: FloatArray, factor: FloatArray) -> MixedFit:
        """Return the fit with the variances found, and what it says of each visit by the others."""
        eq = self._equations(values, precision, factor)
        coefficients, covariance, diagonal = self._solve(eq)
        visits = (eq.visit_right - eq.cross @ coefficients) / diagonal
        effective = np.array(
            [
                group.stop - group.start - float(np.trace(covariance[group, group])) / variance
                for group, variance in zip(self.groups, self.variances, strict=True)
            ]
        )
        found, self.visit_variance = self.visit_variance, 1e-12
        alone = self._solve(eq)[1]
        self.visit_variance = found
        left_out, variance, score = self._left_out(
            values, precision, factor, coefficients, covariance, diagonal, visits
        )
        return MixedFit(
            coefficients,
            covariance,
            alone,
            self.variances.copy(),
            effective,
            self.visit_variance,
            visits,
            left_out,
            variance,
            score,
        )

    def _left_out(
        self,
        values: FloatArray,
        precision: FloatArray,
        factor: FloatArray,
        coefficients: FloatArray,
        covariance: FloatArray,
        diagonal: FloatArray,
        visits: FloatArray,
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Residuals of each visit by the others: P_vv^-1 (P y)_v with P the precision of the whole model."""
        residual = values - self.design @ coefficients - factor * visits[self.visit]
        left_out, variance = np.empty(values.size), np.empty(values.size)
        score = np.empty(self.count)
        for number in range(self.count):
            at = self._order[self._starts[number] : self._starts[number + 1]]
            own = precision[at]
            # The visit's own column, eliminated: its covariance is that of the smooth part about it.
            column = factor[at]
            shift = (own * column) @ self.design[at] / diagonal[number]
            design = self.design[at] - column[:, None] * shift
            fitted = design @ covariance @ design.T + np.outer(column, column) / diagonal[number]
            block = np.diag(own) - own[:, None] * fitted * own
            spread = np.linalg.inv(block)
            spread = 0.5 * (spread + spread.T)
            error = spread @ (own * residual[at])
            left_out[at], variance[at] = error, np.diag(spread)
            score[number] = -0.5 * float(error @ block @ error) + 0.5 * float(np.linalg.slogdet(block)[1])
        return left_out, variance, score
