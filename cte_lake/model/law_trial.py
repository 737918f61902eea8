"""A law on trial: slopes drawn from it, fitted, and noise-free stars of it corrected by the set."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cte_lake.model.coefficients import CoefficientSet, from_fit
from cte_lake.model.correct import correct
from cte_lake.model.fit import fit_surface
from cte_lake.model.flags import BACKGROUND_UNKNOWN, DATE_AFTER, GAIN
from cte_lake.model.loss_unit import CHIP_ROWS, MAG_PER_LN
from cte_lake.model.points import FitPoints
from cte_lake.model.slope_lake import SlopeLake
from cte_lake.model.with_surface import with_surface

FloatArray = NDArray[np.float64]

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
    """

    pull: FloatArray
    worst: FloatArray
    unflagged: FloatArray
    form: str


def fitted_set(points: FitPoints, time_degree: int = 2) -> CoefficientSet:
    """Return the set of points as ``cte-lake fit`` makes it, with nothing said of where they are from."""
    fit = fit_surface(points, time_degree, background_degree=1)
    return with_surface(from_fit(fit, "trial", 3, "flt"), points)[0]


def run_trial(lake: SlopeLake, seed: int, years: float = 0.0) -> Trial:
    """Fit a drawn lake and correct stars of its law.

    Parameters
    ----------
    lake : SlopeLake
        The law and how it is observed.
    seed : int
        Of the slopes.
    years : float, optional
        Leave the last years out, and correct stars of the epochs of the last of them.
    """
    points, _ = lake.draw(seed)
    first = points.bin_lo == points.bin_lo.min()
    stars = first
    if years:
        until = points.mjd.max() - years * _DAYS_PER_YEAR
        stars = first & (points.mjd > points.mjd.max() - _DAYS_PER_YEAR)
        found = fitted_set(points.take(points.mjd <= until))
    else:
        found = fitted_set(points)
    return judge_stars(
        lake, found, points.mjd[stars], points.background[stars], DATE_AFTER.value if years else 0
    )


def judge_stars(
    lake: SlopeLake, found: CoefficientSet, mjd: FloatArray, sky: FloatArray, allowed: int = 0
) -> Trial:
    """Correct noise-free stars of a lake's law at dates and backgrounds, on both chips.

    Parameters
    ----------
    lake : SlopeLake
        The law, and the chips' difference.
    mjd, sky : ndarray
        Dates and backgrounds (e-/px), together.
    allowed : int, optional
        Bits of flags with which a star counts all the same.
    """
    flux, rows, chip = (axis.ravel()[:, None] for axis in np.meshgrid(FLUXES, ROWS, (1, 2), indexing="ij"))
    factor = np.where(chip == 1, 1.0 + lake.chips, 1.0 - lake.chips)
    left = lake.law.left(flux, rows, mjd, sky, factor)
    y = np.where(chip == 1, CHIP_ROWS - 1.0 - rows, rows)
    result = correct(
        found, left, y + 0.0 * left, chip + 0.0 * left, mjd + 0.0 * left, sky + 0.0 * left, 3, "flt"
    )
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
    )
