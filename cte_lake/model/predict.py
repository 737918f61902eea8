"""What an observer planning a visit needs: the loss at a date, and the background that brings it down."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cte_lake.errors import UsageError
from cte_lake.model import flags as bits
from cte_lake.model.coefficients import CoefficientSet
from cte_lake.model.correct import correct
from cte_lake.model.loss_unit import CHIP_ROWS, MAG_PER_LN

#: Electrons per pixel between the backgrounds at which a crossing of the wanted loss is looked for.
_STEP = 0.25
#: Electrons per pixel to which it is found.
_EXACT = 1e-6


@dataclass(frozen=True)
class Prediction:
    """Expected loss of a star.

    Attributes
    ----------
    mjd, flux, background, distance : float
        What was asked: date, true flux (electrons), electrons per pixel, rows to the amplifiers.
    loss : float
        Fraction of the flux lost.
    dmag, dmag_err : float
        The same in magnitudes, with the coefficients' error.
    flag : int
        Bits of `cte_lake.model.flags`: what is extrapolated.
    """

    mjd: float
    flux: float
    background: float
    distance: float
    loss: float
    dmag: float
    dmag_err: float
    flag: int


def predict(
    coefficients: CoefficientSet,
    mjd: float,
    flux: float,
    background: float = float("nan"),
    distance: float = CHIP_ROWS - 1.0,
) -> Prediction:
    """Return the loss of a star of a given true flux.

    Parameters
    ----------
    coefficients : CoefficientSet
        The set.
    mjd : float
        Date.
    flux : float
        Electrons within the set's aperture before readout.
    background : float, optional
        Electrons per pixel; needed where the surface depends on it.
    distance : float, optional
        Rows to the amplifiers; by default the farthest star's.

    Raises
    ------
    UsageError
        If flux, date or distance is not usable, or a needed background is missing.
    """
    if not (flux > 0 and np.isfinite(flux)):
        raise UsageError(f"flux {flux} must be a positive number of electrons")
    if not 0 <= distance <= CHIP_ROWS - 1:
        raise UsageError(f"readout distance {distance} must lie between 0 and {CHIP_ROWS - 1} rows")
    if background <= -1.0 or background == np.inf:
        raise UsageError(f"background {background:g} is not a number of electrons per pixel")
    if coefficients.has_background and np.isnan(background):
        raise UsageError(
            f"coefficient set {coefficients.name!r} depends on the background; give one in e-/px"
        )
    left = float(coefficients.left(flux, distance, mjd, background).item())
    validity, surface = coefficients.validity, coefficients.surface
    dmag = float(MAG_PER_LN * np.log(flux / left))
    # Which chip it will be is not said: the prediction is their mean.
    middle = 0.5 * np.log10(flux * left)
    apart = 0.0 if surface is None else surface.chips_at(mjd, middle).item() * dmag
    back = correct(coefficients, left, distance, 2, mjd, background, validity.radius, validity.filetype)
    return Prediction(
        mjd=mjd,
        flux=flux,
        background=background,
        distance=distance,
        loss=1.0 - left / flux,
        dmag=dmag,
        dmag_err=float(np.hypot(back.cte_dmag_err.item(), apart)),
        flag=int(back.cte_flag.item()),
    )


def predict_many(
    coefficients: CoefficientSet,
    dates: Sequence[float],
    fluxes: Sequence[float],
    backgrounds: Sequence[float],
    distance: float = CHIP_ROWS - 1.0,
) -> list[Prediction]:
    """Return the predictions for every combination, dates slowest."""
    return [
        predict(coefficients, mjd, flux, sky, distance)
        for mjd in dates
        for flux in fluxes
        for sky in backgrounds
    ]


def background_for(
    coefficients: CoefficientSet, mjd: float, flux: float, loss: float, distance: float = CHIP_ROWS - 1.0
) -> float | None:
    """Return the least background in the fitted range with which the loss stays at or under a limit.

    Parameters
    ----------
    coefficients : CoefficientSet
        A surface with background.
    mjd, flux, distance
        As in `predict`.
    loss : float
        Wanted fraction.

    Returns
    -------
    float or None
        Electrons per pixel in all (sky, dark, post-flash); None if no background of the fitted range does.

    Raises
    ------
    UsageError
        If the surface does not depend on the background.
    """
    if not coefficients.has_background:
        raise UsageError(
            f"coefficient set {coefficients.name!r} does not depend on the background; fit one with "
            "`cte-lake fit --background` over several flash levels"
        )
    low, high = coefficients.validity.background

    def excess(sky: float) -> float:
        return predict(coefficients, mjd, flux, sky, distance).loss - loss

    grid = np.linspace(low, high, max(int((high - low) / _STEP) + 1, 2))
    over = np.array([excess(float(sky)) for sky in grid]) > 0
    if not over[0]:
        return float(low)
    if over.all():
        return None
    first = int(np.argmin(over))
    below, above = float(grid[first - 1]), float(grid[first])
    while above - below > _EXACT:
        middle = 0.5 * (below + above)
        below, above = (middle, above) if excess(middle) > 0 else (below, middle)
    return 0.5 * (below + above)


def doubts(prediction: Prediction) -> list[str]:
    """Return the names of what is extrapolated in a prediction."""
    return [name for name in bits.decode(prediction.flag) if name != bits.BACKGROUND_UNKNOWN.name]
