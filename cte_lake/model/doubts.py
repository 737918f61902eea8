"""What the data leave open of a chosen surface: other forms that predict nearly as well, and jumps.

The error of a fit takes its form for granted. Where another member of the family predicts the visits left
out nearly as well, or a jump between two epochs is neither shown nor excluded, what that would change of S
belongs to the error: by its probability, as in an average of models.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from cte_lake.arrays import FloatArray
from cte_lake.model.jumps import Gap
from cte_lake.model.margins import sky_variable
from cte_lake.model.points import FitPoints
from cte_lake.model.smooth import Jump, SmoothFit, nodes_of

#: What is known of a jump in a gap before the data: its probability, and the standard deviation of its size.
#: Jumps of the losses under or over some flux are together as probable again.
_PROBABLE, _SIZE = 0.02, 0.08
#: Probabilities under which nothing is said of a form or a jump: what the least may change is in the walks'
#: own errors.
_LEAST, _LEAST_JUMP = 0.02, 0.02
_ALL = (-np.inf, np.inf)


class JumpDoubt(NamedTuple):
    """A jump that is perhaps there.

    Attributes
    ----------
    gap : Gap
        Where.
    flux : tuple of float
        Of losses of these log10 fluxes; from minus to plus infinity for all of them.
    size, error : float
        As a part of the losses.
    probability : float
        Of the jump.
    absorbed : ndarray
        Coefficients of the fit that stand for a jump by 1.
    """

    gap: Gap
    flux: tuple[float, float]
    size: float
    error: float
    probability: float
    absorbed: FloatArray

    def departure(self, fit: SmoothFit, t: FloatArray, f: FloatArray, b: FloatArray) -> FloatArray:
        """Return one standard deviation of S at dates of the fit, log10 fluxes and background variables."""
        known = _SIZE**2 / (_SIZE**2 + self.error**2)
        square = self.probability * ((known * self.size) ** 2 + known * self.error**2)
        column = Jump(self.gap, fit).column(t, f, b) * ((f >= self.flux[0]) & (f < self.flux[1]))
        return np.asarray(np.sqrt(square) * (column - fit.combined(self.absorbed, t, f, b)))

    def __str__(self) -> str:
        low, high = self.flux
        side = f" under {10.0**high:.0f} e-" if np.isfinite(high) else ""
        side = f" over {10.0**low:.0f} e-" if np.isfinite(low) else side
        return (
            f"losses{side} seem to jump by {100 * self.size:+.1f} +- {100 * self.error:.1f}% between MJD "
            f"{self.gap.start:.0f} and {self.gap.end:.0f}"
        )


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
    gaps : list of Gap
        Where it may lack a jump.
    """

    fit: SmoothFit
    rivals: list[Rival]
    gaps: list[Gap]

    @cached_property
    def jumps(self) -> list[JumpDoubt]:
        """Jumps that it has not; looked for where they are asked for."""
        return doubted_jumps(self.fit, self.gaps)

    def departures(self, t: FloatArray, f: FloatArray, b: FloatArray) -> Iterator[FloatArray]:
        """Yield one standard deviation of S, with its sign, for each rival and each jump that is left open.

        They are at dates, log10 fluxes and background variables; beyond the dates that of the nearest:
        forecasts have an error of their own.
        """
        date = np.clip(t, self.fit.margins[0].low, self.fit.margins[0].high)
        for rival in self.rivals:
            off = rival.fit.loss(date, f, b) - rival.against.loss(date, f, b)
            yield np.sqrt(rival.probability) * off
        for doubt in self.jumps:
            yield doubt.departure(self.fit, date, f, b)

    def variance(self, t: FloatArray, f: FloatArray, b: FloatArray) -> FloatArray:
        """Return the variance of S that is left open, at dates, log10 fluxes and background variables."""
        return sum((off**2 for off in self.departures(t, f, b)), start=np.zeros(t.shape))

    def covariance(self, points: FitPoints) -> FloatArray:
        """Return the covariance of the losses of points that is left open, such as those of a later epoch."""
        sky = sky_variable(points, self.fit.margins)
        by_node = (self.departures(points.mjd, f, sky) for f in nodes_of(points))
        means = (0.5 * (one + two) for one, two in zip(*by_node, strict=True))
        return sum((np.outer(off, off) for off in means), start=np.zeros((len(points), len(points))))


def odds_of_jump(size: float, error: float, probable: float = _PROBABLE) -> float:
    """Return the odds of a jump of a measured size: those before, times the ratio of both densities."""
    known, told = _SIZE**2, error**2
    power = min(0.5 * (size / error) ** 2 * known / (told + known), 50.0)
    return float(probable / (1.0 - probable) * np.sqrt(told / (told + known)) * np.exp(power))


def _sides(points: FitPoints) -> list[tuple[float, float]]:
    """Return the log10 fluxes under and over each edge between flux bins."""
    edges = np.log10(np.unique(points.bin_lo)[1:]).tolist()
    return [(-np.inf, edge) for edge in edges] + [(edge, np.inf) for edge in edges]


def doubted_jumps(fit: SmoothFit, gaps: Sequence[Gap]) -> list[JumpDoubt]:
    """Return the jumps that a fit has not and that are probable all the same: of all losses, or of a side."""
    (test, pulls), sky = fit.jump_test(), sky_variable(fit.points, fit.margins)
    nodes = nodes_of(fit.points)
    asked: list[tuple[float, JumpDoubt]] = []
    sides = _sides(fit.points)
    for gap in gaps:
        jump = Jump(gap, fit)
        columns = [jump.column(fit.points.mjd, f, sky) for f in nodes]
        for flux in [_ALL, *sides]:
            inside = [(f >= flux[0]) & (f < flux[1]) for f in nodes]
            column = 0.5 * (columns[0] * inside[0] + columns[1] * inside[1])
            size, error, absorbed = test.measure(column, pulls)
            odds = odds_of_jump(size, error, _PROBABLE if flux == _ALL else _PROBABLE / len(sides))
            asked.append((odds, JumpDoubt(gap, flux, size, error, 0.0, absorbed)))
    total = 1.0 + sum(odds for odds, _ in asked)
    return [one._replace(probability=odds / total) for odds, one in asked if odds / total >= _LEAST_JUMP]


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
