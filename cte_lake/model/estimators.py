"""Slopes of one pair by flux bin: the estimators, star by star, in numpy.

The lake measures in SQL (``sql/slopes.sql``, ``sql/log_slopes.sql``); this is the same arithmetic for arrays:
for stars that are in no lake (fluxes after a correction, simulated frames), and as the judge of the SQL.

- ``both_in_bin``: both fluxes strictly inside the bin, ratio, clip about the mean (the 2017 code).
- ``mean_flux``: the mean of the two fluxes inside the bin, ratio, clip about the mean.
- ``log_ratio``: the mean of the two fluxes inside the bin, ln(ratio), clip about the fitted line.

``docs/model_evidence.md`` says why there is a third: under the law of `cte_lake.model.readout`
ln(f1/f2) is linear in y whatever the loss, its noise is symmetric, and a clip about the line neither keeps
the outliers of a steep relation nor cuts its ends.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cte_lake.arrays import FloatArray
from cte_lake.names import ESTIMATORS, Estimator, one_of

_MAX_CLIPS = 100


@dataclass(frozen=True)
class BinSlopes:
    """Slopes of one pair, one element per flux bin.

    Attributes
    ----------
    n : ndarray of int
        Stars after clipping.
    slope, slope_err, intercept : ndarray
        Of the ratio (or its logarithm) on y, 1/px; NaN with fewer than 3 stars.
    mean_flux : ndarray
        Mean over the stars of (flux_1 + flux_2) / 2, electrons.
    mean_log_flux, mean_log_flux_sq : ndarray
        Mean of f and of f**2, f = (log10 flux_1 + log10 flux_2) / 2: the flux half-way down the chip, at
        which the slope is the loss.
    """

    n: NDArray[np.int64]
    slope: FloatArray
    slope_err: FloatArray
    intercept: FloatArray
    mean_flux: FloatArray
    mean_log_flux: FloatArray
    mean_log_flux_sq: FloatArray


def fit_line(y: FloatArray, value: FloatArray) -> tuple[float, float, float]:
    """Return slope, its standard error and intercept of least squares; NaN with fewer than 3 points."""
    if y.size < 3:
        return (np.nan, np.nan, np.nan)
    centred = y - y.mean()
    square = float(centred @ centred)
    if square == 0:
        return (np.nan, np.nan, np.nan)
    slope = float(centred @ value) / square
    residual = value - value.mean() - slope * centred
    error = float(np.sqrt(residual @ residual / (y.size - 2) / square))
    return slope, error, float(value.mean() - slope * y.mean())


def _clip_about_mean(value: FloatArray, sigma: float) -> NDArray[np.bool_]:
    keep = np.ones(value.size, dtype=bool)
    for _ in range(_MAX_CLIPS):
        kept = value[keep]
        centre, spread = kept.mean(), kept.std()
        new = keep & (value >= centre - sigma * spread) & (value <= centre + sigma * spread)
        if new.sum() == keep.sum():
            break
        keep = new
    return keep


def clip_about_line(y: FloatArray, value: FloatArray, sigma: float) -> NDArray[np.bool_]:
    """Return which points stay within `sigma` standard deviations of their line, clipped to convergence."""
    keep = np.ones(value.size, dtype=bool)
    for _ in range(_MAX_CLIPS):
        slope, _, intercept = fit_line(y[keep], value[keep])
        residual = value - intercept - slope * y
        kept = residual[keep]
        if kept.size < 3 or not np.isfinite(slope):
            break
        spread = np.sqrt(kept @ kept / (kept.size - 2))
        # Points on a perfect line scatter by rounding, which must not throw any of them out.
        limit = max(sigma * float(spread), 1e-7 * float(np.std(value[keep]))) + 1e-15
        new = keep & (np.abs(residual) <= limit)
        if new.sum() == keep.sum():
            break
        keep = new
    return keep


def ratio_on_line(estimator: str, value: FloatArray) -> FloatArray:
    """Return the flux ratio that an estimator's line stands for: ``log_ratio`` fits its logarithm."""
    return np.exp(value) if estimator == "log_ratio" else value


def bin_slopes(
    y: ArrayLike,
    flux_1: ArrayLike,
    flux_2: ArrayLike,
    bins: Sequence[tuple[float, float]],
    estimator: Estimator = "log_ratio",
    clip_sigma: float = 4.0,
) -> BinSlopes:
    """Measure the slope of the flux ratio on y in each flux bin.

    Parameters
    ----------
    y : array_like
        Row on chip 2 (the second exposure), px.
    flux_1, flux_2 : array_like
        Fluxes of the same stars in the two exposures, electrons.
    bins : sequence of (low, high)
        Flux bins, electrons, limits excluded.
    estimator : {'both_in_bin', 'mean_flux', 'log_ratio'}
        See the module's text.
    clip_sigma : float, optional
        Clipping limit.

    Raises
    ------
    UsageError
        If the estimator is unknown.
    """
    one_of("estimator", estimator, ESTIMATORS)
    row, first, second = (np.asarray(v, dtype=np.float64) for v in (y, flux_1, flux_2))
    usable = (first > 0) & (second > 0) & np.isfinite(first) & np.isfinite(second) & np.isfinite(row)
    row, first, second = row[usable], first[usable], second[usable]
    flux = 0.5 * (first + second)
    half_way = 0.5 * np.log10(first * second)
    value = np.log(first / second) if estimator == "log_ratio" else first / second
    result = np.full((len(bins), 7), np.nan)
    for number, (low, high) in enumerate(bins):
        if estimator == "both_in_bin":
            inside = (first > low) & (first < high) & (second > low) & (second < high)
        else:
            inside = (flux > low) & (flux < high)
        yy, vv, ff, log = row[inside], value[inside], flux[inside], half_way[inside]
        if yy.size:
            about_line = estimator == "log_ratio"
            keep = clip_about_line(yy, vv, clip_sigma) if about_line else _clip_about_mean(vv, clip_sigma)
            yy, vv, ff, log = yy[keep], vv[keep], ff[keep], log[keep]
            result[number] = (yy.size, *fit_line(yy, vv), ff.mean(), log.mean(), np.mean(log**2))
        else:
            result[number, 0] = 0
    return BinSlopes(result[:, 0].astype(np.int64), *(result[:, c] for c in range(1, 7)))
