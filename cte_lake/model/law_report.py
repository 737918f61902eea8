"""What trials of laws outside the family say, and whether that is within the limits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cte_lake.model.family import fit_family
from cte_lake.model.law_trial import FLUXES, run_trial
from cte_lake.model.laws import LAWS
from cte_lake.model.points import FitPoints
from cte_lake.model.slope_lake import SlopeLake
from cte_lake.model.terms import background_variable

FloatArray = NDArray[np.float64]
#: Fluxes, electrons, at which the halves are compared.
_FLUXES = (350.0, 1000.0, 3000.0, 10000.0)


@dataclass(frozen=True)
class Stability:
    """The halves' difference at the date between them.

    Attributes
    ----------
    mjd : float
        The date.
    pull : float
        rms of the difference over both errors, over fluxes and backgrounds.
    largest : float
        Largest difference of S.
    """

    mjd: float
    pull: float
    largest: float


def stability(points: FitPoints, background: bool = True) -> Stability:
    """Fit the earlier and the later half of the visits, and compare their surfaces where they meet.

    Parameters
    ----------
    points : FitPoints
        Losses of all epochs.
    background : bool, optional
        Whether the loss may depend on the background.

    Raises
    ------
    FitRefused
        If a half carries no surface.
    """
    middle = float(np.median(np.unique(points.mjd)))
    halves = [
        fit_family(points.take(side), background=background).chosen
        for side in (points.mjd <= middle, points.mjd > middle)
    ]
    sky = np.unique(np.quantile(points.background, (0.05, 0.5, 0.95))) if background else np.zeros(1)
    b = background_variable(sky)[:, None]
    f = np.log10(np.array(_FLUXES))
    difference = halves[1].loss(middle, f, b) - halves[0].loss(middle, f, b)
    variance = halves[0].variance(middle, f, b) + halves[1].variance(middle, f, b)
    pull = float(np.sqrt(np.mean(difference**2 / variance)))
    return Stability(middle, pull, float(np.abs(difference).max()))


#: Limits: rms pull in each flux bin, largest flux error at the faintest flux and above.
PULL, FAINT, BRIGHT = (0.8, 1.25), 0.015, 0.010
#: A small run is allowed the chance of its size: a lake's rms pull is known to this.
_ONE_LAKE = 0.25
#: Largest rms pull of a history's halves.
_HALVES = 2.0


@dataclass(frozen=True)
class LawReport:
    """Trials of laws.

    Attributes
    ----------
    rows : list of dict
        A row per law and flux: law, flux, pull, worst (relative flux error), unflagged, halves (rms pull).
    failures : list of str
        What is outside the limits.
    """

    rows: list[dict[str, Any]]
    failures: list[str]


def try_laws(
    names: Sequence[str], realisations: int, seed: int = 1, progress: Callable[[int, int], None] | None = None
) -> LawReport:
    """Draw, fit and correct lakes of laws, and compare their halves.

    Parameters
    ----------
    names : sequence of str
        Of `cte_lake.model.laws.LAWS`.
    realisations : int
        Lakes a law.
    seed : int, optional
        Of the first.
    progress : callable, optional
        Called with lakes done and lakes in all.
    """
    rows: list[dict[str, Any]] = []
    failures: list[str] = []
    slack = _ONE_LAKE / np.sqrt(realisations)
    for place, name in enumerate(names):
        lake = SlopeLake(LAWS[name])
        trials, halves = [], []
        for number in range(realisations):
            trials.append(run_trial(lake, seed + number))
            halves.append(stability(lake.draw(seed + number)[0]).pull)
            if progress:
                progress(place * realisations + number + 1, len(names) * realisations)
        apart = float(np.sqrt(np.mean(np.square(halves))))
        if apart > _HALVES:
            failures.append(f"{name}: the halves of its histories differ by {apart:.1f} of their errors")
        pulls = np.sqrt(np.mean([trial.pull**2 for trial in trials], axis=0))
        worst = np.max([trial.worst for trial in trials], axis=0)
        unflagged = np.mean([trial.unflagged for trial in trials], axis=0)
        for flux, pull, off, kept in zip(FLUXES, pulls, worst, unflagged, strict=True):
            row = {"law": name, "flux": flux, "pull": float(pull), "worst": float(off)}
            rows.append(row | {"unflagged": float(kept), "halves": apart})
            if not PULL[0] - slack <= pull <= PULL[1] + slack:
                failures.append(f"{name}, {flux:g} e-: rms pull {pull:.2f}")
            if off > (FAINT if flux == FLUXES[0] else BRIGHT):
                failures.append(f"{name}, {flux:g} e-: a flux is off by {100 * off:.2f}%")
    return LawReport(rows, failures)
