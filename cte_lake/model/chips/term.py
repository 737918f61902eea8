"""The chips' difference for a fitted surface, from each chip's own losses."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from cte_lake.model.chip_difference import UNKNOWN, ChipDifference
from cte_lake.model.chips.equations import pairs_of_chips
from cte_lake.model.chips.losses import ChipLosses
from cte_lake.model.chips.rows import FloatArray

#: S of dates (MJD), log10 fluxes and backgrounds (e-/px).
Surface = Callable[[FloatArray, FloatArray, FloatArray], FloatArray]


def chip_term(losses: ChipLosses, surface: Surface) -> ChipDifference:
    """Measure c of S1 = (1 + c) S and S2 = (1 - c) S by the losses of chips that were solved for.

    Parameters
    ----------
    losses : ChipLosses
        Each chip's losses, with their covariance.
    surface : callable
        S, the mean of both chips.

    Returns
    -------
    ChipDifference
        With the error that the covariance gives, times the scatter about c S where that is larger; unknown
        where no difference was determined. ``pairs`` counts the differences.
    """
    told = [row for row in losses.of_both_chips() if row["difference"] is not None]
    if not told:
        return ChipDifference(0.0, UNKNOWN, 0)
    mjd, flux, sky, difference = (
        np.array([row[name] for row in told]) for name in ("mjd", "mean_log_flux", "background", "difference")
    )
    two, one, _ = pairs_of_chips(losses.exposures, losses.told)
    c = losses.solution.covariance
    covariance = c[np.ix_(two, two)] + c[np.ix_(one, one)] - c[np.ix_(two, one)] - c[np.ix_(one, two)]
    size = surface(mjd, flux, sky)
    variance = np.diag(covariance) / 4.0
    weight = size / variance
    information = float(size @ weight)
    if information <= 0:
        return ChipDifference(0.0, UNKNOWN, 0)
    # Weights by the errors alone; the error by the whole covariance, in which the open tilt is one for all.
    value = float(weight @ (-difference / 2.0)) / information
    error = float(np.sqrt(weight @ covariance @ weight / 4.0)) / information
    scatter = float(np.mean((-difference / 2.0 - value * size) ** 2 / variance))
    return ChipDifference(value, error * max(scatter, 1.0) ** 0.5, len(told))
