"""What the data leave open of a chosen surface: other forms that predict nearly as well, and jumps.

The error of a fit takes its form for granted. Where another member of the family predicts the visits left
out nearly as well, or a jump between two epochs is neither shown nor excluded, what that would change of S
belongs to the error: by its probability, as in an average of models.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cte_lake.model.jumps import Gap
from cte_lake.model.margins import sky_variable
from cte_lake.model.smooth import Jump, SmoothFit, nodes_of

FloatArray = NDArray[np.float64]
#: What is known of a jump in a gap before the data: its probability, and the standard deviation of its size.
_PROBABLE, _SIZE = 0.02, 0.08
#: Probabilities under which nothing is said of a form or a jump: what the least may change is in the walks'
#: own errors.
_LEAST, _LEAST_JUMP = 0.02, 0.05
#: Errors by which the residuals must ask for a jump to be looked at.
_ASKED = 1.0


class JumpDoubt(NamedTuple):
    """A jump that is perhaps there.

    Attributes
    ----------
    gap : Gap
        Where.
    variance : float
        Mean square of its size, as a part of the losses.
    absorbed : ndarray
        Coefficients of the fit that stand for a jump by 1.
    """

    gap: Gap
    variance: float
    absorbed: FloatArray


class Rival(NamedTuple):
    """A fit that is perhaps the right one, and the one that it stands against."""

    probability: float
    fit: SmoothFit
    against: SmoothFit


@dataclass(frozen=True)
class Doubts:
    """What is left open of a fit.

    Attributes
    ----------
    fit : SmoothFit
        The fit.
    rivals : list of Rival
        Other forms, and the fit without one of its jumps.
    jumps : list of JumpDoubt
        Jumps that it has not.
    """

    fit: SmoothFit
    rivals: list[Rival]
    jumps: list[JumpDoubt]

    def variance(self, t: FloatArray, f: FloatArray, b: FloatArray) -> FloatArray:
        """Return the variance of S that is left open, at dates, log10 fluxes and background variables.

        Beyond the dates it is that of the nearest: forecasts have an error of their own.
        """
        date = np.clip(t, self.fit.margins[0].low, self.fit.margins[0].high)
        total = np.zeros(t.shape)
        for rival in self.rivals:
            total += rival.probability * (rival.fit.loss(date, f, b) - rival.against.loss(date, f, b)) ** 2
        for doubt in self.jumps:
            column = Jump(doubt.gap, self.fit).column(date, f, b)
            total += doubt.variance * (column - self.fit.combined(doubt.absorbed, date, f, b)) ** 2
        return total


def chance_of_jump(size: float, error: float) -> float:
    """Return the probability of a jump of a measured size: the odds of the densities with one and without."""
    known, told = _SIZE**2, error**2
    odds = _PROBABLE / (1.0 - _PROBABLE) * np.sqrt(told / (told + known))
    power = min(0.5 * (size / error) ** 2 * known / (told + known), 50.0)
    odds *= np.exp(power)
    return float(odds / (1.0 + odds))


def _measure(fit: SmoothFit, gap: Gap) -> tuple[float, float, FloatArray]:
    """Return the size of a jump in a gap, its error, and the coefficients that stand for it."""
    test, pulls = fit.jump_test()
    jump, sky = Jump(gap, fit), sky_variable(fit.points, fit.margins)
    below, above = (jump.column(fit.points.mjd, f, sky) for f in nodes_of(fit.points))
    return test.measure(0.5 * (below + above), pulls)


def doubted_jumps(fit: SmoothFit, gaps: Sequence[Gap]) -> list[JumpDoubt]:
    """Return the jumps that a fit has not and that are probable all the same."""
    found = []
    near = [gap for gap, asked in zip(gaps, fit.test_jumps(gaps), strict=True) if asked > _ASKED]
    for gap in near:
        size, error, absorbed = _measure(fit, gap)
        probable = chance_of_jump(size, error)
        if probable >= _LEAST_JUMP:
            shrunk = _SIZE**2 / (_SIZE**2 + error**2)
            found.append(JumpDoubt(gap, probable * ((shrunk * size) ** 2 + shrunk * error**2), absorbed))
    return found


def rivals_of(chosen: str, fits: Mapping[str, SmoothFit], margins: Mapping[str, float]) -> list[Rival]:
    """Return the other forms that are probable, by their scores less what each must win by."""
    odds = {name: float(fit.score.sum()) - margins[name] for name, fit in fits.items()}
    weights = {name: float(np.exp(value - max(odds.values()))) for name, value in odds.items()}
    shares = {name: weight / sum(weights.values()) for name, weight in weights.items()}
    return [
        Rival(share, fits[name], fits[chosen])
        for name, share in shares.items()
        if name != chosen and share >= _LEAST
    ]
