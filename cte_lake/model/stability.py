"""Whether the first half of a history and the second say the same of the date between them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cte_lake.model.family import fit_family
from cte_lake.model.points import FitPoints
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
