"""What fixes a tilt that the stars leave open: no loss at launch, or a set rolled by 180 degrees."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cte_lake.arrays import FloatArray
from cte_lake.model.chips.equations import Condition, Reduced, Tilt, pairs_of_chips
from cte_lake.model.chips.rows import Exposures

#: Largest error of the chips' difference at no loss with which a ratio for each flux bin, or one for all, is
#: taken; beyond, too few epochs or levels of background lie between little loss and much.
_ERROR_OF_EACH, _ERROR_OF_ALL = 0.02, 0.05

NO_LOSS_OF_EACH = (
    "no loss at launch: in each flux bin the chips' difference grows from zero in proportion to their sum"
)
NO_LOSS_OF_ALL = (
    "no loss at launch: the chips' difference is one factor of their sum at all fluxes, dates and backgrounds"
)
ROLLED = "the difference of the chips in the 180-degree set"
UNFIXED = (
    "nothing: too few epochs, or one chip alone; of each epoch only the mean of both chips is determined"
)


@dataclass(frozen=True)
class Rolled:
    """The chips' difference in a flux bin of a rolled set.

    Attributes
    ----------
    bin : int
        Number of the flux bin.
    mjd : float
        Date.
    flash : int
        Post-flash, e-/px.
    difference, error : float
        Loss on chip 2 less that on chip 1, fraction per 2048 rows.
    """

    bin: int
    mjd: float
    flash: int
    difference: float
    error: float


def no_loss_at_launch(
    tilt: Tilt, reduced: Reduced, exposures: Exposures, loss: FloatArray
) -> tuple[Condition, str] | None:
    """Return the condition that the chips' difference is zero where their sum is, and its name.

    The sum of both chips' losses is determined by the stars of any epoch, so that it gives the growth from
    launch on, whatever its form. The difference is a multiple of the sum in each flux bin, plus the open
    tilt, which is the same for all: a straight line whose intercept is zero if there was no loss at launch.

    Parameters
    ----------
    tilt : Tilt
        What is open.
    reduced : Reduced
        The equations without zero points.
    exposures : Exposures
        What the losses are of.
    loss : ndarray, shape (losses,)
        The losses now; their sums alone count.

    Returns
    -------
    tuple of Condition and str, or None
        None where the losses so far do not determine the line.
    """
    two, one, bins = pairs_of_chips(exposures, tilt.direction != 0)
    total = loss[two] + loss[one]
    if not total.size or not np.any(total):
        return None
    error = np.sqrt(1.0 / reduced.alone[two] + 1.0 / reduced.alone[one])
    each = np.zeros((total.size, int(bins.max()) + 1))
    each[np.arange(total.size), bins] = total
    each = each[:, np.any(each, axis=0)]
    for slopes, limit, name in (
        (each, _ERROR_OF_EACH, NO_LOSS_OF_EACH),
        (total[:, None], _ERROR_OF_ALL, NO_LOSS_OF_ALL),
    ):
        # Half a turn changes the sign of the tilt, not that of a loss.
        design = np.hstack([tilt.direction[two, None], slopes]) / error[:, None]
        if design.shape[0] < design.shape[1] or np.linalg.matrix_rank(design) < design.shape[1]:
            continue
        share = np.linalg.pinv(design)[0] / error
        if np.linalg.norm(share * error) <= limit:
            factors = np.zeros(loss.size)
            factors[two] += share
            factors[one] -= share
            return Condition(factors), name
    return None


def as_rolled(known: Sequence[Rolled], tilt: Tilt, exposures: Exposures) -> list[Condition]:
    """Return the conditions that the chips differ as in a rolled set, at its date between two epochs.

    A bin counts if the losses have it at the set's level of post-flash; beyond the first or last epoch that
    epoch's difference is held, so the set should be of the monitor's years.
    """
    two, one, bins = pairs_of_chips(exposures, tilt.direction != 0)
    g = len(exposures.settings)
    date = setting_dates(exposures)[two % g]
    flash = np.array([exposures.settings[k].flash for k in two % g])
    conditions = []
    for each in known:
        near = np.flatnonzero((bins == each.bin) & (flash == each.flash))
        if not near.size:
            continue
        near = near[np.argsort(date[near])]
        place = np.interp(each.mjd, date[near], np.arange(near.size))
        low = int(place)
        factors = np.zeros(tilt.direction.size)
        for index, weight in ((low, 1.0 - place + low), (min(low + 1, near.size - 1), place - low)):
            factors[two[near[index]]] += weight
            factors[one[near[index]]] -= weight
        conditions.append(Condition(factors, each.difference, each.error))
    return conditions


def setting_dates(exposures: Exposures) -> FloatArray:
    """Mean date of each setting's exposures, MJD."""
    counts = np.bincount(exposures.setting_of)
    return np.asarray(np.bincount(exposures.setting_of, exposures.mjd) / counts)
