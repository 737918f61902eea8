"""Which time dependence the data carry, and whether the covariance can be believed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cte_lake.arrays import FloatArray
from cte_lake.errors import FitRefused
from cte_lake.model.fit import SurfaceFit, fit_surface
from cte_lake.model.points import FitPoints
from cte_lake.model.robust import HUBER_K, Loss


@dataclass(frozen=True)
class Candidate:
    """One time dependence on trial.

    Attributes
    ----------
    time_degree : int
        Highest power of d.
    fit : SurfaceFit or None
        Its fit; None where it was refused.
    refusal : str
        Why, else ''.
    score : float
        Mean Huber loss of each visit's points, predicted by the other visits; NaN where refused.
    score_of : dict of str to float
        Sum of the loss by visit left out.
    chosen : bool
        Whether it is the one to use.
    """

    time_degree: int
    fit: SurfaceFit | None
    refusal: str
    score: float
    score_of: dict[str, float]
    chosen: bool = False


def _held_out(points: FitPoints, time_degree: int, background_degree: int, loss: Loss) -> dict[str, float]:
    scores = {}
    for visit in points.visits:
        out = points.visit == visit
        fit = fit_surface(points.take(~out), time_degree, background_degree, loss)
        rest = points.take(out)
        design = fit.design(rest)
        variance = np.einsum("ij,jk,ik->i", design, fit.linear.covariance, design)
        error = np.sqrt(rest.loss_err**2 + variance)
        # A wild slope must not decide between two models either, hence the bounded loss. The normalisation
        # keeps a model from hiding behind a large error of its own.
        size = np.abs(rest.loss - fit.predict(rest)) / error
        rho = np.where(size <= HUBER_K, 0.5 * size**2, HUBER_K * (size - 0.5 * HUBER_K))
        scores[visit] = float(np.sum(rho + np.log(error)))
    return scores


def try_time_degrees(
    points: FitPoints, degrees: Sequence[int] = (1, 2), background_degree: int = 0, loss: Loss = "huber"
) -> list[Candidate]:
    """Fit each time dependence and choose by leave-one-visit-out cross-validation.

    The higher degree is chosen only where it predicts the visits left out better than the lower one by more
    than the standard error of the difference (over visits): a curvature that one visit asks for is not one.

    Parameters
    ----------
    points : FitPoints
        Losses of all epochs.
    degrees : sequence of int, optional
        Degrees on trial, rising.
    background_degree, loss
        As in `fit_surface`.

    Returns
    -------
    list of Candidate
        One per degree, one of them chosen.

    Raises
    ------
    FitRefused
        If every degree is refused; the reason is the lowest degree's.
    """
    trials: list[Candidate] = []
    for degree in degrees:
        try:
            fit = fit_surface(points, degree, background_degree, loss)
        except FitRefused as refusal:
            trials.append(Candidate(degree, None, str(refusal), np.nan, {}))
            continue
        try:
            scores = _held_out(points, degree, background_degree, loss)
        except FitRefused as refusal:
            reason = f"without one of its visits it could not be fitted: {refusal}"
            trials.append(Candidate(degree, fit, reason, np.nan, {}))
            continue
        trials.append(Candidate(degree, fit, "", sum(scores.values()) / len(points), scores))
    possible = [trial for trial in trials if trial.fit is not None]
    if not possible:
        raise FitRefused(trials[0].refusal)
    best = possible[0]
    for trial in possible[1:]:
        if _better(trial.score_of, best.score_of):
            best = trial
    return [Candidate(t.time_degree, t.fit, t.refusal, t.score, t.score_of, chosen=t is best) for t in trials]


def _better(new: dict[str, float], old: dict[str, float]) -> bool:
    if not new or not old:
        return False
    gain = np.array([old[visit] - new[visit] for visit in old])
    return bool(gain.sum() > gain.std(ddof=1) * np.sqrt(gain.size))


@dataclass(frozen=True)
class Bootstrap:
    """Scatter of the coefficients over resampled visits.

    Attributes
    ----------
    samples : ndarray, shape (m, p)
        Centred coefficients of each resampling that could be fitted.
    refused : int
        Resamplings that could not.
    ratio : ndarray, shape (p,)
        Standard deviation of the samples over the fit's own standard error, in centred variables; far from
        1 the covariance is not to be believed.
    """

    samples: FloatArray
    refused: int
    ratio: FloatArray

    @property
    def drawn(self) -> int:
        """Resamplings in all."""
        return len(self.samples) + self.refused


def bootstrap(fit: SurfaceFit, samples: int = 200, seed: int = 0, loss: Loss = "huber") -> Bootstrap:
    """Refit with visits drawn with replacement, in the fit's own centring.

    Raises
    ------
    FitRefused
        If fewer than 3 visits are there to draw from, or hardly a drawing can be fitted.
    """
    points, visits = fit.points, fit.points.visits
    if len(visits) < 3:
        raise FitRefused(f"a bootstrap over {len(visits)} visits says nothing; it needs 3")
    members = {visit: np.flatnonzero(points.visit == visit) for visit in visits}
    generator = np.random.default_rng(seed)
    rows, refused = [], 0
    for _ in range(samples):
        drawn = generator.choice(len(visits), len(visits))
        index = np.concatenate([members[visits[k]] for k in drawn])
        try:
            new = fit_surface(points.take(index), fit.time_degree, fit.background_degree, loss, fit.centring)
        except FitRefused:
            refused += 1
            continue
        rows.append(new.linear.values)
    if len(rows) < 10:
        raise FitRefused(f"only {len(rows)} of {samples} bootstrap resamples could be fitted")
    table = np.array(rows)
    own = np.sqrt(np.diag(fit.linear.covariance))
    return Bootstrap(table, refused, table.std(axis=0, ddof=1) / own)
