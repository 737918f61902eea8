"""Weighted least squares that a few wild slopes cannot carry away: iterated reweighting (Huber, Tukey)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from cte_lake.arrays import FloatArray
from cte_lake.detector import SIGMA_PER_MAD
from cte_lake.errors import FitRefused, UsageError

Loss = Literal["none", "huber", "tukey"]

#: Tuning constants with 95% efficiency for Gaussian errors (Huber 1981; Holland & Welsch 1977).
HUBER_K = 1.345
TUKEY_C = 4.685
#: A centred design worse than this carries no information in some direction.
MAX_CONDITION = 1e8
_MAX_STEPS = 200
_TOLERANCE = 1e-10


@dataclass(frozen=True)
class LinearFit:
    """Result of `solve`.

    Attributes
    ----------
    values : ndarray, shape (p,)
        Parameters.
    covariance : ndarray, shape (p, p)
        Their covariance, never smaller than the errors of the points give.
    weights : ndarray, shape (n,)
        Robust weight of each point, 1 = full.
    residuals : ndarray, shape (n,)
        (observed - fitted) / error.
    scale : float
        Scatter of the residuals that was used, at least 1.
    condition : float
        Condition number of the weighted design.
    deviance : float
        Twice the robust loss summed over the points; chi squared for `loss` 'none'.
    """

    values: FloatArray
    covariance: FloatArray
    weights: FloatArray
    residuals: FloatArray
    scale: float
    condition: float
    deviance: float


def _huber(r: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    size = np.abs(r)
    inside = size <= HUBER_K
    weight = np.where(inside, 1.0, HUBER_K / np.maximum(size, HUBER_K))
    return weight, inside.astype(float), np.where(inside, 0.5 * r**2, HUBER_K * (size - 0.5 * HUBER_K))


def _tukey(r: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    z = np.minimum((r / TUKEY_C) ** 2, 1.0)
    return (1 - z) ** 2, (1 - z) * (1 - 5 * z), TUKEY_C**2 / 6 * (1 - (1 - z) ** 3)


def _plain(r: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    return np.ones_like(r), np.ones_like(r), 0.5 * r**2


_LOSSES: dict[str, Callable[[FloatArray], tuple[FloatArray, FloatArray, FloatArray]]] = {
    "none": _plain,
    "huber": _huber,
    "tukey": _tukey,
}
# Mean of psi**2 over the squared mean of psi' for Gaussian residuals: the price of robustness.
_GAUSSIAN_FACTOR = {"none": 1.0, "huber": 1.0526, "tukey": 1.0526}


def _check(design: FloatArray, errors: FloatArray) -> float:
    points, terms = design.shape
    if points <= terms:
        raise FitRefused(
            f"{points} points cannot carry {terms} coefficients; more pairs or fewer terms are needed"
        )
    if not (np.all(np.isfinite(errors)) and np.all(errors > 0)):
        raise FitRefused("a point has no finite, positive error; leave it out before the fit")
    scaled = design / errors[:, None]
    singular = np.linalg.svd(scaled / np.linalg.norm(scaled, axis=0), compute_uv=False)
    if singular[-1] <= singular[0] / MAX_CONDITION:
        rank = int(np.sum(singular > singular[0] / MAX_CONDITION))
        raise FitRefused(f"the points span only {rank} of the {terms} terms of the surface")
    return float(singular[0] / singular[-1])


def _least_squares(design: FloatArray, values: FloatArray, weights: FloatArray) -> FloatArray:
    root = np.sqrt(weights)
    return np.asarray(np.linalg.lstsq(design * root[:, None], values * root, rcond=None)[0], dtype=np.float64)


def solve(design: FloatArray, values: FloatArray, errors: FloatArray, loss: Loss = "huber") -> LinearFit:
    """Fit ``values = design @ parameters`` with known errors and a bounded influence of each point.

    The scatter of the residuals is estimated by their median absolute deviation and kept at 1 or more: points
    that agree better than their errors do not make the errors smaller. Tukey starts from Huber's solution,
    since its own loss has more than one minimum. The covariance is Huber's (1981, section 7.6) with its
    small-sample factor, and at least what the errors alone give.

    Parameters
    ----------
    design : ndarray, shape (n, p)
        Centred design matrix.
    values, errors : ndarray, shape (n,)
        Points and their standard errors.
    loss : {'none', 'huber', 'tukey'}
        'none' is plain weighted least squares.

    Raises
    ------
    FitRefused
        If there are too few points, an error is not positive, or the design lacks rank.
    UsageError
        If `loss` is unknown.
    """
    if loss not in _LOSSES:
        raise UsageError(f"no robust loss is called {loss!r}; there are {', '.join(_LOSSES)}")
    condition = _check(design, errors)
    base = errors**-2.0
    parameters = _least_squares(design, values, base)
    scale = 1.0
    for step in {"none": (), "huber": ("huber",), "tukey": ("huber", "tukey")}[loss]:
        parameters, scale = _iterate(step, design, values, errors, parameters)
    residuals = (values - design @ parameters) / errors
    weight, slope, rho = _LOSSES[loss](residuals / scale)
    normal = np.linalg.inv((design * base[:, None]).T @ design)
    points, terms = design.shape
    mean_slope = max(float(slope.mean()), 0.1)
    small_sample = 1.0 + terms / points * float(slope.var()) / mean_slope**2
    psi_squared = float(np.sum((weight * residuals / scale) ** 2)) / (points - terms)
    factor = max(small_sample**2 * psi_squared / mean_slope**2, _GAUSSIAN_FACTOR[loss])
    return LinearFit(
        values=parameters,
        covariance=normal * (factor * scale**2),
        weights=weight,
        residuals=residuals,
        scale=scale,
        condition=condition,
        deviance=float(2.0 * rho.sum()) * scale**2,
    )


def _iterate(
    loss: str, design: FloatArray, values: FloatArray, errors: FloatArray, start: FloatArray
) -> tuple[FloatArray, float]:
    parameters = start
    points, terms = design.shape
    for _ in range(_MAX_STEPS):
        residuals = (values - design @ parameters) / errors
        spread = SIGMA_PER_MAD * float(np.median(np.abs(residuals))) * (points / (points - terms)) ** 0.5
        scale = max(1.0, spread)
        weight = _LOSSES[loss](residuals / scale)[0]
        new = _least_squares(design, values, weight / errors**2)
        step = np.abs(design @ (new - parameters) / errors).max()
        parameters = new
        if step < _TOLERANCE:
            break
    return parameters, scale


def soft_least_squares(
    residuals: Callable[[FloatArray], tuple[FloatArray, FloatArray]], start: FloatArray, steps: int = 200
) -> FloatArray:
    """Fit by steps of Levenberg and Marquardt; residuals over one pull less (the loss 2 sqrt(1 + r**2) - 2).

    Parameters
    ----------
    residuals : callable
        Gives the residuals (n,) over their errors at parameters (p,), and their derivatives (n, p).
    start : ndarray, shape (p,)
        First guess.
    steps : int, optional
        Most that are tried.
    """
    at, damping = start, 1e-3
    pull, slope = residuals(at)
    cost = float(np.sum(np.sqrt(1.0 + pull**2) - 1.0))
    for _ in range(steps):
        root = (1.0 + pull**2) ** -0.25
        weighted = slope * root[:, None]
        size = np.sqrt(damping) * np.maximum(np.linalg.norm(weighted, axis=0), 1e-12)
        matrix, right = np.vstack([weighted, np.diag(size)]), np.append(-pull * root, np.zeros(at.size))
        step = np.linalg.lstsq(matrix, right, rcond=None)[0]
        new_pull, new_slope = residuals(at + step)
        new = float(np.sum(np.sqrt(1.0 + new_pull**2) - 1.0))
        if not new <= cost:
            damping *= 8.0
            if damping > 1e12:
                break
            continue
        done = cost - new <= 1e-12 * cost
        at, pull, slope, cost, damping = at + step, new_pull, new_slope, new, damping / 8.0
        if done:
            break
    return at
