"""Where the ratio of a pair crosses 1, free or forced; and the losses of each chip alone (180-degree set).

The two exposures of a pair lose the same where a star is equally far from the amplifiers in both, near row
1024 of chip 2 (docs/field.md#the-effect). The 2017 author left open whether the fits should be held to that
row. Here the crossing is measured with its error, and a fit forced through it is compared with the free one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from cte_lake.arrays import FloatArray
from cte_lake.errors import FitRefused
from cte_lake.model.estimators import clip_about_line
from cte_lake.model.loss_unit import CHIP_HEIGHT


@dataclass(frozen=True)
class PivotFit:
    """Straight line of ln(flux 1 / flux 2) on the row, free and forced.

    Attributes
    ----------
    n : int
        Stars after the clip.
    loss, loss_err : float
        CTE loss per 2048 rows of the free fit; a positive number is a loss on either chip.
    pivot : float
        Row where the fitted ratio is 1; NaN where the slope is zero.
    pivot_low, pivot_high : float
        Its 68.3% interval after Fieller (1954); infinite where the slope is not significant.
    forced_pivot, forced_loss, forced_loss_err : float
        The fit held to ratio 1 at `forced_pivot`; NaN where none was asked for.
    forced_p_value : float
        Probability that a ratio of 1 there is off by as much by chance (F test); small: the data refuse it.
    """

    n: int
    loss: float
    loss_err: float
    pivot: float
    pivot_low: float
    pivot_high: float
    forced_pivot: float
    forced_loss: float
    forced_loss_err: float
    forced_p_value: float


def fit_pivot(
    y: ArrayLike,
    flux_1: ArrayLike,
    flux_2: ArrayLike,
    chip: int = 2,
    forced: float | None = None,
    clip_sigma: float = 4.0,
) -> PivotFit:
    """Fit the ratio of a pair on the row in the second exposure.

    Parameters
    ----------
    y : array_like
        Row in the second exposure (chip 2 of a nominal pair), px.
    flux_1, flux_2 : array_like
        Fluxes in the two exposures, of one flux bin.
    chip : {1, 2}, optional
        Chip of the second exposure. Chip 1 is read towards the top, so that its ratio falls with the row
        where chip 2's rises; its sign is turned.
    forced : float, optional
        Row at which the ratio is held to 1 in a second fit.
    clip_sigma : float, optional
        Clip about the free line.

    Raises
    ------
    FitRefused
        If fewer than 4 stars are there or all have the same row.
    """
    row, first, second = (np.asarray(v, dtype=np.float64) for v in (y, flux_1, flux_2))
    good = (first > 0) & (second > 0) & np.isfinite(first) & np.isfinite(second) & np.isfinite(row)
    row, value = row[good], np.log(first[good] / second[good])
    if row.size < 4 or np.ptp(row) == 0:
        raise FitRefused(f"{row.size} stars on {np.unique(row).size} rows carry no line; 4 on 2 are needed")
    keep = clip_about_line(row, value, clip_sigma)
    row, value = row[keep], value[keep]
    centred = row - row.mean()
    square = float(centred @ centred)
    slope, level = float(centred @ value) / square, float(value.mean())
    residual = value - level - slope * centred
    variance = float(residual @ residual) / (row.size - 2)
    error = float(np.sqrt(variance / square))
    unit = CHIP_HEIGHT / 2.0 * (1.0 if chip == 2 else -1.0)
    low, high = _fieller(level, variance / row.size, slope, error**2)
    held = _forced(row, value, forced, float(residual @ residual))
    return PivotFit(
        n=int(row.size),
        loss=slope * unit,
        loss_err=error * abs(unit),
        pivot=float(row.mean()) - level / slope if slope else float("nan"),
        pivot_low=float(row.mean()) + low,
        pivot_high=float(row.mean()) + high,
        forced_pivot=float("nan") if forced is None else forced,
        forced_loss=held[0] * unit,
        forced_loss_err=held[1] * abs(unit),
        forced_p_value=held[2],
    )


def _fieller(level: float, level_var: float, slope: float, slope_var: float) -> tuple[float, float]:
    """One-sigma interval of -level / slope, the two being independent (the row is centred)."""
    bracket = slope**2 - slope_var
    if bracket <= 0:
        return (-np.inf, np.inf)
    root = np.sqrt(level**2 * slope_var + level_var * bracket)
    middle, half = -level * slope / bracket, root / bracket
    return (float(middle - half), float(middle + half))


def _forced(
    row: FloatArray, value: FloatArray, forced: float | None, free_square: float
) -> tuple[float, float, float]:
    if forced is None:
        return (float("nan"), float("nan"), float("nan"))
    arm = row - forced
    square = float(arm @ arm)
    slope = float(arm @ value) / square
    residual = value - slope * arm
    total = float(residual @ residual)
    error = float(np.sqrt(total / (row.size - 1) / square))
    excess = max(total - free_square, 0.0) / (free_square / (row.size - 2)) if free_square else np.inf
    return (slope, error, _chance(excess, row.size - 2))


def _chance(square: float, freedom: int) -> float:
    """Chance that the square of Student's t is larger (Abramowitz and Stegun 1964, 26.7.3 and 26.7.4)."""
    if not math.isfinite(square):
        return 0.0
    angle = math.atan(math.sqrt(square / freedom))
    cosine = math.cos(angle)
    odd = freedom % 2
    term = total = (cosine if freedom > 1 else 0.0) if odd else 1.0
    for k in range(2 + odd, freedom - 1, 2):
        term *= cosine**2 * (k - 1) / k
        total += term
    inside = 2 / math.pi * (angle + math.sin(angle) * total) if odd else math.sin(angle) * total
    return max(1.0 - inside, 0.0)
