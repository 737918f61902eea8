"""The family of surfaces: each member fitted, the visits left out choose among them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from cte_lake.errors import FitRefused
from cte_lake.model.doubts import Doubts, Rival, odds_of_jump, rivals_of
from cte_lake.model.jumps import gaps_of
from cte_lake.model.margins import Margin, margins_of
from cte_lake.model.misfit import Misfit, find_misfit, shared_by_epoch, shared_by_season
from cte_lake.model.points import FitPoints, epochs
from cte_lake.model.robust import Loss
from cte_lake.model.scale import Scale, constant_scale, fit_scale
from cte_lake.model.smooth import MOST_SCATTER, Jump, SmoothFit, fit_smooth

Margins = tuple[Margin, Margin, Margin]
Form = Literal["auto", "relative", "shifted", "absolute", "polynomial"]
#: A form, or 'none' for a set without a surface.
FormChoice = Literal["auto", "relative", "shifted", "absolute", "polynomial", "none"]

#: The members in the order of preference, with what to call them.
MEMBERS: dict[str, str] = {
    "relative": "splines on a positive scale (departures in percent of the loss)",
    "shifted": "splines on a scale with a floor (losses that may turn into gains)",
    "absolute": "splines on the loss itself",
    "polynomial": "the published coefficients",
}
#: A later member must predict the visits left out better by this factor's logarithm.
_MARGIN = 3.0
#: A fit is refused where visits left out are off by this many of their errors (rms), or slopes scatter by
#: this many of theirs: what is left is then no noise, and no error of the set could be believed.
REFUSED_AT = 2.5
#: A jump is tried where the residuals ask for it by this many errors; without it the walk in time has taken
#: part of it, so that few ask loudly. With it in the fit its size must be as many for another to be looked
#: for beside it, and in the end the second number: of jumps that do not exist none of 84 reached 3.7
#: (benchmarks/laws.py), of those by 8% and more five in six passed 4.
_JUMP_ASKED, _JUMP_ERRORS = 2.5, 3.8
_MOST_JUMPS = 3
#: Fewer visits than this say nothing of how visits scatter.
_VISITS = 3


@dataclass(frozen=True)
class Member:
    """One member of the family on trial.

    Attributes
    ----------
    name : str
        Of `MEMBERS`.
    fit : SmoothFit or None
        None where it was refused.
    refusal : str
        Why, else ''.
    score : float
        Log predictive density of the visits left out, per slope.
    chosen : bool
        Whether it is the one to use.
    """

    name: str
    fit: SmoothFit | None
    refusal: str
    score: float
    chosen: bool = False


@dataclass(frozen=True)
class FamilyFit:
    """The surface that the data chose.

    Attributes
    ----------
    members : list of Member
        All that were tried.
    chosen : SmoothFit
        The fit of the chosen one.
    misfit : Misfit
        Where it does not follow the data.
    doubts : Doubts
        Other forms, and jumps, that the data leave open.
    """

    members: list[Member]
    chosen: SmoothFit
    misfit: Misfit
    doubts: Doubts

    @property
    def name(self) -> str:
        """Name of the chosen member."""
        return next(member.name for member in self.members if member.chosen)

    @property
    def polynomial_loss(self) -> float:
        """By how much the published coefficients predict a slope worse, in log predictive density."""
        scores = {member.name: member.score for member in self.members}
        return scores[self.name] - scores.get("polynomial", np.nan)


def _scale(name: str, points: FitPoints, margins: Margins) -> Scale | None:
    if name in ("absolute", "polynomial"):
        return constant_scale(points)
    return fit_scale(points, margins, shift=name == "shifted")


def _try(name: str, points: FitPoints, margins: Margins, loss: Loss, time_degree: int) -> Member:
    scale = _scale(name, points, margins)
    if scale is None:
        return Member(name, None, "the losses have no positive scale", np.nan)
    fit = fit_smooth(points, margins, scale, loss, time_degree if name == "polynomial" else None)
    return Member(name, fit, "", float(fit.score.sum()) / len(points))


def too_few(points: FitPoints) -> str:
    """Return why points carry no surface, '' where they may."""
    if epochs(points.mjd).size < 2:
        return "one epoch does not say how losses change with time; a surface needs 2"
    if (visits := len(points.visits)) < _VISITS:
        return f"{visits} visit{'s' * (visits > 1)} cannot say how visits scatter; a surface needs {_VISITS}"
    return ""


def fit_family(
    points: FitPoints,
    form: Form = "auto",
    loss: Loss = "huber",
    time_degree: int = 2,
    background: bool = True,
) -> FamilyFit:
    """Fit the members of the family and let the visits left out choose.

    Parameters
    ----------
    points : FitPoints
        Losses of all epochs.
    form : str
        'auto', or the member to take.
    loss : {'huber', 'tukey', 'none'}
        How far a slope may pull.
    time_degree : int
        Power of time of the polynomial.
    background : bool
        Whether the loss may depend on the background.

    Raises
    ------
    FitRefused
        If there are too few epochs, bins or visits, or the chosen member does not fit; with where it does
        not.
    """
    if reason := too_few(points):
        raise FitRefused(reason)
    time_degree = min(time_degree, epochs(points.mjd).size - 1)
    margins = margins_of(points, background)
    members = [_try(name, points, margins, loss, time_degree) for name in MEMBERS]
    best = _choose(members, len(points)) if form == "auto" else next(m for m in members if m.name == form)
    if best.fit is None:
        raise FitRefused(f"the form {best.name!r} cannot be fitted: {best.refusal}")
    fit = best.fit
    degree = time_degree if best.name == "polynomial" else None
    if fit.kinds:
        alone = fit_smooth(points, margins, fit.scale, loss, degree, kinds=False)
        if float(np.sum(fit.score - alone.score)) <= _MARGIN:
            fit = alone
    rivals = _rivals(best, members) if form == "auto" else []
    gaps = [] if best.name == "polynomial" else gaps_of(points.mjd)
    if best.name != "polynomial":
        fit, without = _with_jumps(fit, loss)
        rivals += without
    if fit.visit_scatter >= 0.999 * MOST_SCATTER:
        free = fit_smooth(points, margins, fit.scale, loss, degree, bool(fit.kinds), fit.jumps, np.inf)
        if float(np.sum(free.score - fit.score)) > _MARGIN:
            fit = free
    misfit = find_misfit(points, fit.mixed.left_out, fit.mixed.left_out_variance)
    shared = max(of(points, fit.mixed.visits) for of in (shared_by_epoch, shared_by_season))
    misfit = misfit.with_epochs(shared, fit.design_of(points) @ fit.mixed.values)
    off = float(np.sqrt(misfit.chi2))
    if max(off, fit.noise) > REFUSED_AT:
        where = f"; worst at {misfit.cells[0]}" if misfit.cells else ""
        raise FitRefused(
            f"the fit does not follow the slopes, which scatter by {fit.noise:.1f} of their errors "
            f"(visits left out by {off:.1f}){where}"
        )
    chosen = replace(best, fit=fit, score=float(fit.score.sum()) / len(points), chosen=True)
    tried = [chosen if member is best else member for member in members]
    return FamilyFit(tried, fit, misfit, Doubts(fit, rivals, gaps))


def _rivals(best: Member, members: Sequence[Member]) -> list[Rival]:
    fits = {m.name: m.fit for m in members if m.fit is not None and np.isfinite(m.score)}
    margins = {name: 0.0 if name == next(iter(MEMBERS)) else _MARGIN for name in fits}
    return rivals_of(best.name, fits, margins)


def _with_jumps(fit: SmoothFit, loss: Loss) -> tuple[SmoothFit, list[Rival]]:
    """Add the jumps between epochs that the residuals ask for and the visits left out confirm.

    One jump may hide another, so that neither by itself predicts better: they are added as the residuals ask
    for them, and taken out again, the least first, as far as they are not confirmed beside the others. The
    fit without the least of those that stay is a rival.
    """

    def refit(jumps: tuple[Jump, ...]) -> SmoothFit:
        return fit_smooth(fit.points, fit.margins, fit.scale, loss, None, bool(fit.kinds), jumps)

    gaps = gaps_of(fit.points.mjd)
    while gaps and len(fit.jumps) < _MOST_JUMPS:
        asked = fit.test_jumps(gaps)
        strongest = int(np.argmax(asked))
        if asked[strongest] < _JUMP_ASKED:
            break
        new = refit((*fit.jumps, Jump(gaps[strongest], fit)))
        if _in_errors(new)[-1] < _JUMP_ASKED:
            break
        fit = new
    while fit.jumps:
        errors = _in_errors(fit)
        weakest = int(np.argmin(errors))
        less = refit(fit.jumps[:weakest] + fit.jumps[weakest + 1 :])
        if errors[weakest] >= _JUMP_ERRORS and float(np.sum(fit.score - less.score)) > _MARGIN:
            size, error = min(
                ((size, error) for _, size, error in fit.jump_sizes), key=lambda v: abs(v[0]) / v[1]
            )
            return fit, [Rival(1.0 / (1.0 + odds_of_jump(size, error)), less, fit)]
        fit = less
    return fit, []


def _in_errors(fit: SmoothFit) -> list[float]:
    return [abs(size) / error for _, size, error in fit.jump_sizes]


def _choose(members: Sequence[Member], points: int) -> Member:
    possible = [member for member in members if member.fit is not None and np.isfinite(member.score)]
    if not possible:
        raise FitRefused("no form of the surface can be fitted")
    best = possible[0]
    for member in possible[1:]:
        margin = _MARGIN
        if member.name == "polynomial" and member.fit is not None and best.fit is not None:
            # It knows nothing of what it cannot follow: it must win beyond the chance of the visits.
            gain = member.fit.score - best.fit.score
            margin = max(margin, 2.0 * float(gain.std()) * np.sqrt(gain.size))
        if (member.score - best.score) * points > margin:
            best = member
    return best
