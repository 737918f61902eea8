"""A law on trial: slopes drawn from it, fitted, noise-free stars of it corrected; what the trials say."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cte_lake.arrays import FloatArray
from cte_lake.model.coefficients import CoefficientSet, from_fit
from cte_lake.model.correct import correct
from cte_lake.model.family import fit_family
from cte_lake.model.fit import fit_surface
from cte_lake.model.flags import BACKGROUND_UNKNOWN, DATE_AFTER, GAIN
from cte_lake.model.laws import LAWS
from cte_lake.model.loss_unit import CHIP_ROWS, MAG_PER_LN
from cte_lake.model.points import FitPoints
from cte_lake.model.slope_lake import SlopeLake
from cte_lake.model.terms import background_variable
from cte_lake.model.with_surface import with_surface

#: True fluxes (electrons) and rows to the amplifiers of the stars that are corrected.
FLUXES = (350.0, 700.0, 1400.0, 2800.0, 5600.0, 15000.0)
ROWS = (475.0, 950.0, 1425.0, 1900.0)
_DAYS_PER_YEAR = 365.25
#: Flags that do not make a star's result a doubtful one here: what they say is meant.
_ALLOWED = BACKGROUND_UNKNOWN.value | GAIN.value


@dataclass(frozen=True)
class Trial:
    """What a set made of a law's stars; f fluxes.

    Attributes
    ----------
    pull : ndarray, shape (f,)
        rms of (cte_dmag - true) / cte_dmag_err over dates, backgrounds, rows and chips, unflagged stars only.
    worst : ndarray, shape (f,)
        Largest relative error of a corrected flux.
    unflagged : ndarray, shape (f,)
        Part of the stars that have no flag.
    form : str
        Member of the family that was chosen.
    jumps : int
        Jumps of all losses that were found.
    """

    pull: FloatArray
    worst: FloatArray
    unflagged: FloatArray
    form: str
    jumps: int = 0


def fitted_set(points: FitPoints, time_degree: int = 2, background: bool = True) -> CoefficientSet:
    """Return the set of points as ``cte-lake fit`` makes it, with nothing said of where they are from."""
    fit = fit_surface(points, time_degree, background_degree=int(background))
    return with_surface(from_fit(fit, "trial", 3, "flt"), points, background=background)[0]


def run_trial(
    lake: SlopeLake, seed: int, years: float = 0.0, background: bool | None = None, told: bool = True
) -> Trial:
    """Fit a drawn lake and correct stars of its law.

    Parameters
    ----------
    lake : SlopeLake
        The law and how it is observed.
    seed : int
        Of the slopes.
    years : float, optional
        Leave the last years out, and correct stars of the epochs of the last of them.
    background : bool, optional
        Whether the loss may depend on the background; by default where there are several levels of flash.
    told : bool, optional
        Whether the stars' backgrounds are given to the correction.
    """
    points, _ = lake.draw(seed)
    depends = len(lake.flash) > 1 if background is None else background
    first = points.bin_lo == points.bin_lo.min()
    stars = first
    if years:
        until = points.mjd.max() - years * _DAYS_PER_YEAR
        stars = first & (points.mjd > points.mjd.max() - _DAYS_PER_YEAR)
        found = fitted_set(points.take(points.mjd <= until), background=depends)
    else:
        found = fitted_set(points, background=depends)
    allowed = DATE_AFTER.value if years else 0
    return judge_stars(lake, found, points.mjd[stars], points.background[stars], allowed, told)


def judge_stars(
    lake: SlopeLake,
    found: CoefficientSet,
    mjd: FloatArray,
    sky: FloatArray,
    allowed: int = 0,
    told: bool = True,
) -> Trial:
    """Correct noise-free stars of a lake's law at dates and backgrounds, on both chips.

    Parameters
    ----------
    lake : SlopeLake
        The law, and the chips' difference.
    found : CoefficientSet
        The set on trial.
    mjd, sky : ndarray
        Dates and backgrounds (e-/px), together.
    allowed : int, optional
        Bits of flags with which a star counts all the same.
    told : bool, optional
        Whether the backgrounds are given to the correction.
    """
    flux, rows, chip = (axis.ravel()[:, None] for axis in np.meshgrid(FLUXES, ROWS, (1, 2), indexing="ij"))
    one, two = (lake.law_of(number).left(flux, rows, mjd, sky) for number in (1, 2))
    left = np.where(chip == 1, one, two)
    y = np.where(chip == 1, CHIP_ROWS - 1.0 - rows, rows)
    around = sky + 0.0 * left if told else np.nan
    result = correct(found, left, y + 0.0 * left, chip + 0.0 * left, mjd + 0.0 * left, around, 3, "flt")
    good = (result.cte_flag & ~(_ALLOWED | allowed)) == 0
    pull = (result.cte_dmag - MAG_PER_LN * np.log(flux / left)) / result.cte_dmag_err
    worst = np.abs(result.corrected_flux / flux - 1.0)
    shape = (len(FLUXES), -1)
    kept = good.reshape(shape)
    squares = np.where(good, pull, 0.0).reshape(shape) ** 2
    return Trial(
        pull=np.sqrt(squares.sum(axis=1) / np.maximum(kept.sum(axis=1), 1)),
        worst=np.where(good, worst, 0.0).reshape(shape).max(axis=1),
        unflagged=kept.mean(axis=1),
        form=found.selection.get("form", "coefficients"),
        jumps=int(found.quality.get("jumps", 0.0)),
    )


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
    sky = np.unique(np.quantile(points.background, (0.05, 0.5, 0.95) if background else 0.5))
    b = background_variable(sky)[:, None]
    f = np.log10(np.array(_FLUXES))
    difference = halves[1].loss(middle, f, b) - halves[0].loss(middle, f, b)
    variance = halves[0].variance(middle, f, b) + halves[1].variance(middle, f, b)
    pull = float(np.sqrt(np.mean(difference**2 / variance)))
    return Stability(middle, pull, float(np.abs(difference).max()))


#: Limits: rms pull in each flux bin, largest flux error at the faintest flux and above.
PULL, FAINT, BRIGHT = (0.8, 1.25), 0.015, 0.010
#: A lake's rms pull is known to this; a run is allowed two standard errors, since many pulls are looked at.
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
    slack = 2.0 * _ONE_LAKE / np.sqrt(realisations)
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
