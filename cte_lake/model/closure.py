"""Closure: a known law was injected, measured, fitted and corrected; how far off is what came back.

Judges realisations, and whether a run of them passes; `cte_lake.correction.closure` makes them, with the
lake's own views and fit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cte_lake.arrays import FloatArray
from cte_lake.model.coefficients import CoefficientSet
from cte_lake.model.correct import correct
from cte_lake.model.injection import Injection, SimulatedPair
from cte_lake.model.points import FitPoints
from cte_lake.model.robust import Loss
from cte_lake.model.terms import tensor_terms
from cte_lake.names import Estimator

Bin = tuple[float, float]
#: Parts of the dates in which corrected fluxes are judged: early, middle, late.
DATE_GROUPS = 3


@dataclass(frozen=True)
class ClosureOptions:
    """How the simulated pairs are measured.

    Attributes
    ----------
    estimator : str
        One of `cte_lake.model.estimators.ESTIMATORS`.
    robust : {'huber', 'tukey', 'none'}
        Loss of the fit.
    """

    estimator: Estimator = "log_ratio"
    robust: Loss = "huber"


@dataclass(frozen=True)
class Realisation:
    """One simulated lake, judged; v pairs, b bins, p coefficients, e groups of dates.

    Attributes
    ----------
    slope_residual, slope_pull : ndarray, shape (v, b)
        Loss less injected loss, per 2048 rows; over its error. NaN where there is no slope.
    slope_truth : ndarray, shape (v, b)
        Injected loss, averaged over the bin's stars.
    coefficients, pulls : ndarray, shape (p,)
        Fitted c_ij; (fitted - injected) / error.
    flux_bias, uncorrected_bias : ndarray, shape (e, b)
        Mean of corrected, and of measured, over true flux less 1, by true flux and third of the dates.
    """

    slope_residual: FloatArray
    slope_pull: FloatArray
    slope_truth: FloatArray
    coefficients: FloatArray
    pulls: FloatArray
    flux_bias: FloatArray
    uncorrected_bias: FloatArray


@dataclass(frozen=True)
class ClosureResult:
    """All realisations of a run: the arrays of `Realisation`, one more axis (r realisations) in front.

    Attributes
    ----------
    setup, options, bins
        What was run, with the flux bins (electrons) of the axis b.
    slope_residual, slope_pull, slope_truth : ndarray, shape (r, v, b)
    coefficients, pulls : ndarray, shape (r, p)
    flux_bias, uncorrected_bias : ndarray, shape (r, e, b)
    refused : int
        Realisations whose fit was refused.
    """

    setup: Injection
    options: ClosureOptions
    bins: Sequence[Bin]
    slope_residual: FloatArray
    slope_pull: FloatArray
    slope_truth: FloatArray
    coefficients: FloatArray
    pulls: FloatArray
    flux_bias: FloatArray
    uncorrected_bias: FloatArray
    refused: int


def judge(
    setup: Injection,
    pairs: Sequence[SimulatedPair],
    points: FitPoints,
    fitted: CoefficientSet,
    bins: Sequence[Bin],
) -> Realisation:
    """Hold what was measured and fitted in one simulated lake against what was injected.

    Parameters
    ----------
    setup : Injection
        What was simulated.
    pairs : sequence of SimulatedPair
        The pairs of the lake.
    points : FitPoints
        Slopes that were measured of them, in any order, of these bins.
    fitted : CoefficientSet
        The nine coefficients fitted to the points.
    bins : sequence of (low, high)
        Flux bins, electrons, rising; they do not overlap.
    """
    injected = injected_loss(setup, points)
    residual = points.loss - injected
    place = _places(pairs, points, bins)
    flux_bias, uncorrected = _flux_bias(pairs, fitted, bins)
    return Realisation(
        slope_residual=_gridded(residual, place, len(pairs), len(bins)),
        slope_pull=_gridded(residual / points.loss_err, place, len(pairs), len(bins)),
        slope_truth=_gridded(injected, place, len(pairs), len(bins)),
        coefficients=fitted.coefficients,
        pulls=(fitted.coefficients - np.array(setup.law).ravel()) / fitted.errors,
        flux_bias=flux_bias,
        uncorrected_bias=uncorrected,
    )


def collect(
    setup: Injection,
    options: ClosureOptions,
    bins: Sequence[Bin],
    realisations: Sequence[Realisation],
    refused: int,
) -> ClosureResult:
    """Stack realisations into the result of a run."""
    arrays = {
        name: np.array([getattr(one, name) for one in realisations])
        for name in Realisation.__dataclass_fields__
    }
    return ClosureResult(setup=setup, options=options, bins=tuple(bins), refused=refused, **arrays)


def injected_loss(setup: Injection, points: FitPoints) -> FloatArray:
    """Return the law's loss averaged over the stars of each point."""
    a = np.array([setup.quadratic(mjd) for mjd in points.mjd])
    return np.asarray(a[:, 0] + a[:, 1] * points.log_flux + a[:, 2] * points.log_flux_sq)


def _places(pairs: Sequence[SimulatedPair], points: FitPoints, bins: Sequence[Bin]) -> NDArray[np.int64]:
    """Place of each point in a grid of pairs by bins: the pair nearest in time, the bin of its limits."""
    dates = np.array([pair.mjd for pair in pairs])
    pair = np.abs(points.mjd[:, None] - dates).argmin(axis=1)
    number = {limits: index for index, limits in enumerate(bins)}
    which = [number[low, high] for low, high in zip(points.bin_lo, points.bin_hi, strict=True)]
    return np.asarray(pair * len(bins) + np.array(which), dtype=np.int64)


def _gridded(values: FloatArray, place: NDArray[np.int64], pairs: int, bins: int) -> FloatArray:
    grid = np.full(pairs * bins, np.nan)
    grid[place] = values
    return grid.reshape(pairs, bins)


def _flux_bias(
    pairs: Sequence[SimulatedPair], coefficients: CoefficientSet, bins: Sequence[Bin]
) -> tuple[FloatArray, FloatArray]:
    """Mean of corrected / true - 1 and of measured / true - 1 by third of the dates and true flux."""
    lows, highs = np.array(bins).T
    order = np.array([pair.mjd for pair in pairs]).argsort().argsort() * DATE_GROUPS // len(pairs)
    sums = np.zeros((3, DATE_GROUPS, len(bins)))
    for pair, group in zip(pairs, order, strict=True):
        for flux, y, chip in ((pair.flux_1, pair.y_1, 1), (pair.flux_2, pair.y_2, 2)):
            result = correct(coefficients, flux, y, chip, pair.mjd)
            where = np.searchsorted(lows, pair.true_flux) - 1
            good = pair.clean & (where >= 0) & (pair.true_flux < highs[where])
            good &= np.isfinite(result.corrected_flux)
            where = where[good]
            for row, values in enumerate((result.corrected_flux, flux)):
                excess = values[good] / pair.true_flux[good] - 1.0
                sums[row, group] += np.bincount(where, excess, len(bins))
            sums[2, group] += np.bincount(where, minlength=len(bins))
    counts = np.maximum(sums[2], 1.0)
    return sums[0] / counts, sums[1] / counts


def coefficient_names() -> list[str]:
    """Names of the nine coefficients in their order."""
    return [f"c{i}{j}" for i, j, _ in tensor_terms(2)]


#: Limits of the acceptance: mean of a pull, its width, bias of corrected fluxes.
PULL_MEAN, PULL_WIDTH, FLUX_BIAS = 0.15, (0.85, 1.15), 0.003
_GROUPS = ("early", "middle", "late")


@dataclass(frozen=True)
class ClosureReport:
    """Summary of a closure run.

    Attributes
    ----------
    slopes, coefficients, fluxes : list of dict
        A row per flux bin; per coefficient; per third of the dates and flux bin.
    failures : list of str
        What is outside the limits by more than chance allows (two standard errors of this many realisations).
    realisations : int
        Realisations fitted.
    """

    slopes: list[dict[str, Any]]
    coefficients: list[dict[str, Any]]
    fluxes: list[dict[str, Any]]
    failures: list[str]
    realisations: int

    def as_dict(self) -> dict[str, Any]:
        """Return the report as plain values."""
        return dict(vars(self))


def summarise(result: ClosureResult) -> ClosureReport:
    """Return bias and pull of slopes, coefficients and corrected fluxes, and what is outside the limits."""
    count = result.pulls.shape[0]
    slopes = _slopes(result)
    coefficients = [
        {
            "coefficient": name,
            "injected": float(truth),
            "mean": float(values.mean()),
            "pull_mean": float(pull.mean()),
            "pull_width": float(pull.std(ddof=1)),
        }
        for name, truth, values, pull in zip(
            coefficient_names(),
            np.array(result.setup.law).ravel(),
            result.coefficients.T,
            result.pulls.T,
            strict=True,
        )
    ]
    fluxes = [
        {
            "dates": _GROUPS[group],
            "bin_lo": low,
            "bin_hi": high,
            "measured_bias": float(result.uncorrected_bias[:, group, number].mean()),
            "corrected_bias": float(result.flux_bias[:, group, number].mean()),
            "corrected_bias_err": float(result.flux_bias[:, group, number].std(ddof=1) / np.sqrt(count)),
        }
        for group in range(len(_GROUPS))
        for number, (low, high) in enumerate(result.bins)
    ]
    return ClosureReport(slopes, coefficients, fluxes, _failures(coefficients, fluxes, count), count)


def _slopes(result: ClosureResult) -> list[dict[str, Any]]:
    rows = []
    for number, (low, high) in enumerate(result.bins):
        residual, pull = result.slope_residual[..., number], result.slope_pull[..., number]
        rows.append(
            {
                "bin_lo": low,
                "bin_hi": high,
                "injected": float(np.nanmean(result.slope_truth[..., number])),
                "bias": float(np.nanmean(residual)),
                "bias_err": float(np.nanstd(residual) / np.sqrt(np.isfinite(residual).sum())),
                "pull_mean": float(np.nanmean(pull)),
                "pull_width": float(np.nanstd(pull)),
            }
        )
    return rows


def _failures(coefficients: list[dict[str, Any]], fluxes: list[dict[str, Any]], count: int) -> list[str]:
    # A small run must not fail by chance: means are known to 1 / sqrt(count), widths to 1 / sqrt(2 count).
    mean_slack, width_slack = 2.0 / np.sqrt(count), 2.0 / np.sqrt(2.0 * count)
    if count >= 300:
        mean_slack = width_slack = 0.0
    found = []
    for row in coefficients:
        if abs(row["pull_mean"]) > PULL_MEAN + mean_slack:
            found.append(f"pull of {row['coefficient']} has mean {row['pull_mean']:+.2f}")
        if not PULL_WIDTH[0] - width_slack <= row["pull_width"] <= PULL_WIDTH[1] + width_slack:
            found.append(f"pull of {row['coefficient']} has width {row['pull_width']:.2f}")
    for row in fluxes:
        if abs(row["corrected_bias"]) > FLUX_BIAS + 2.0 * row["corrected_bias_err"] * (count < 300):
            found.append(
                f"corrected fluxes of {row['bin_lo']:g}-{row['bin_hi']:g} e- ({row['dates']} dates) "
                f"are biased by {100 * row['corrected_bias']:+.2f}%"
            )
    return found
