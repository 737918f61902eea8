"""Closure: inject a known law, measure, fit and correct, and see whether the law comes back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from cte_lake.errors import FitRefused, UsageError
from cte_lake.model.coefficients import CoefficientSet, from_fit
from cte_lake.model.correct import correct
from cte_lake.model.estimators import BinSlopes, Estimator, bin_slopes
from cte_lake.model.fit import SurfaceFit, fit_surface
from cte_lake.model.injection import Injection, SimulatedPair, simulate_pair
from cte_lake.model.points import FitPoints
from cte_lake.model.readout import CHIP_HEIGHT
from cte_lake.model.robust import Loss
from cte_lake.model.terms import tensor_terms

FloatArray = NDArray[np.float64]
Bin = tuple[float, float]

DEFAULT_BINS: tuple[Bin, ...] = (
    (250.0, 500.0),
    (500.0, 1000.0),
    (1000.0, 2000.0),
    (2000.0, 4000.0),
    (4000.0, 8000.0),
    (8000.0, 32000.0),
)


@dataclass(frozen=True)
class ClosureOptions:
    """How the simulated pairs are measured.

    Attributes
    ----------
    estimator : str
        One of `cte_lake.model.estimators.ESTIMATORS`.
    mean_log : bool
        Use the bins' means of f and f**2; else the logarithm of the mean flux, as in 2017.
    robust : {'huber', 'tukey', 'none'}
        Loss of the fit.
    bins : sequence of (low, high)
        Flux bins, not overlapping.
    """

    estimator: Estimator = "log_ratio"
    mean_log: bool = True
    robust: Loss = "huber"
    bins: Sequence[Bin] = DEFAULT_BINS


@dataclass(frozen=True)
class ClosureResult:
    """Outcome of `run_closure`; r realisations, v pairs, b bins, p coefficients, e groups of dates.

    Attributes
    ----------
    setup, options
        What was run.
    slope_residual, slope_pull : ndarray, shape (r, v, b)
        Loss less injected loss, per 2048 rows; over its error.
    slope_truth : ndarray, shape (r, v, b)
        Injected loss, averaged over the bin's stars.
    coefficients, pulls : ndarray, shape (r, p)
        Fitted c_ij; (fitted - injected) / error.
    flux_bias : ndarray, shape (r, e, b)
        Mean of corrected over true flux less 1, by true flux and third of the dates.
    uncorrected_bias : ndarray, shape (r, e, b)
        The same of the measured flux.
    refused : int
        Realisations whose fit was refused.
    """

    setup: Injection
    options: ClosureOptions
    slope_residual: FloatArray
    slope_pull: FloatArray
    slope_truth: FloatArray
    coefficients: FloatArray
    pulls: FloatArray
    flux_bias: FloatArray
    uncorrected_bias: FloatArray
    refused: int


def measure(pairs: Sequence[SimulatedPair], setup: Injection, options: ClosureOptions) -> FitPoints:
    """Measure the slopes of simulated pairs; the points of the fit, pair by pair, bin by bin."""
    slopes: list[BinSlopes] = [
        bin_slopes(pair.y_2, pair.flux_1, pair.flux_2, options.bins, options.estimator) for pair in pairs
    ]
    count = len(options.bins)

    def stacked(name: str) -> FloatArray:
        return np.concatenate([np.asarray(getattr(s, name), dtype=np.float64) for s in slopes])

    log, log_sq = stacked("mean_log_flux"), stacked("mean_log_flux_sq")
    if not options.mean_log:
        log = np.log10(stacked("mean_flux"))
        log_sq = log**2
    return FitPoints(
        mjd=np.repeat([pair.mjd for pair in pairs], count),
        loss=stacked("slope") * CHIP_HEIGHT / 2.0,
        loss_err=stacked("slope_err") * CHIP_HEIGHT / 2.0,
        log_flux=log,
        log_flux_sq=log_sq,
        background=np.full(count * len(pairs), setup.background),
        bin_lo=np.tile([b[0] for b in options.bins], len(pairs)),
        bin_hi=np.tile([b[1] for b in options.bins], len(pairs)),
        visit=np.repeat([f"{number:03d}" for number in range(len(pairs))], count),
        n=stacked("n"),
    )


def injected_loss(setup: Injection, points: FitPoints, options: ClosureOptions) -> FloatArray:
    """Return the law's loss averaged over the stars of each point."""
    a = np.array([setup.quadratic(mjd) for mjd in points.mjd])
    return a[:, 0] + a[:, 1] * points.log_flux + a[:, 2] * points.log_flux_sq


def _flux_bias(
    pairs: Sequence[SimulatedPair], coefficients: CoefficientSet, bins: Sequence[Bin], groups: int = 3
) -> tuple[FloatArray, FloatArray]:
    """Mean of corrected / true - 1 and of measured / true - 1 by third of the dates and true flux."""
    edges = np.array([bins[0][0], *(b[1] for b in bins)])
    order = np.array([pair.mjd for pair in pairs]).argsort().argsort() * groups // len(pairs)
    sums = np.zeros((3, groups, len(bins)))
    for pair, group in zip(pairs, order, strict=True):
        for flux, y, chip in ((pair.flux_1, pair.y_1, 1), (pair.flux_2, pair.y_2, 2)):
            result = correct(coefficients, flux, y, chip, pair.mjd)
            where = np.searchsorted(edges, pair.true_flux) - 1
            good = pair.clean & (where >= 0) & (where < len(bins)) & np.isfinite(result.corrected_flux)
            where = where[good]
            for row, values in enumerate((result.corrected_flux, flux)):
                excess = values[good] / pair.true_flux[good] - 1.0
                sums[row, group] += np.bincount(where, excess, len(bins))
            sums[2, group] += np.bincount(where, minlength=len(bins))
    counts = np.maximum(sums[2], 1.0)
    return sums[0] / counts, sums[1] / counts


def run_closure(
    realisations: int,
    setup: Injection | None = None,
    options: ClosureOptions | None = None,
    seed: int = 1,
    progress: Callable[[int], None] | None = None,
) -> ClosureResult:
    """Simulate, measure, fit and correct many times.

    Parameters
    ----------
    realisations : int
        How many; the mean of a pull is known to 1 / sqrt(realisations).
    setup : Injection, optional
        What is simulated.
    options : ClosureOptions, optional
        How it is measured.
    seed : int, optional
        Of the first realisation; each has its own generator, so that a part of a run repeats exactly.
    progress : callable, optional
        Called with the number of realisations done.

    Raises
    ------
    UsageError
        If fewer than 2 realisations are asked for.
    FitRefused
        If no realisation could be fitted.
    """
    if realisations < 2:
        raise UsageError(f"{realisations} realisations have no scatter; ask for 2 or more")
    setup, options = setup or Injection(), options or ClosureOptions()
    truth = np.array(setup.law).ravel()
    rows: list[tuple[FloatArray, ...]] = []
    refused = 0
    for number in range(realisations):
        generator = np.random.default_rng([seed, number])
        pairs = [simulate_pair(setup, mjd, generator) for mjd in setup.mjd]
        points = measure(pairs, setup, options)
        shape = (len(pairs), len(options.bins))
        expected = injected_loss(setup, points, options)
        residual = points.loss - expected
        try:
            fit = _fit(points, options)
        except FitRefused:
            refused += 1
            continue
        pull = (fit.coefficients - truth) / fit.errors
        bias = _flux_bias(pairs, from_fit(fit, "closure", 3, "flt"), options.bins)
        rows.append(
            (
                residual.reshape(shape),
                (residual / points.loss_err).reshape(shape),
                expected.reshape(shape),
                fit.coefficients,
                pull,
                *bias,
            )
        )
        if progress:
            progress(number + 1)
    if len(rows) < 2:
        raise FitRefused(f"{refused} of {realisations} realisations could not be fitted")
    columns = [np.array(values) for values in zip(*rows, strict=True)]
    residuals, slope_pull, expected_loss, coefficients, pulls, corrected, measured = columns
    return ClosureResult(
        setup=setup,
        options=options,
        slope_residual=residuals,
        slope_pull=slope_pull,
        slope_truth=expected_loss,
        coefficients=coefficients,
        pulls=pulls,
        flux_bias=corrected,
        uncorrected_bias=measured,
        refused=refused,
    )


def _fit(points: FitPoints, options: ClosureOptions) -> SurfaceFit:
    good = np.isfinite(points.loss) & (points.loss_err > 0) & (points.n >= 10)
    return fit_surface(points.take(good), 2, 0, options.robust)


def before_and_after() -> dict[str, ClosureOptions]:
    """Return the estimators in the order in which they were improved, by what to call them."""
    new = ClosureOptions()
    return {
        "2017: both fluxes in the bin, ratio, log of the mean flux": replace(
            new, estimator="both_in_bin", mean_log=False
        ),
        "mean flux in the bin, ratio, log of the mean flux": replace(
            new, estimator="mean_flux", mean_log=False
        ),
        "mean flux in the bin, ratio, mean log flux": replace(new, estimator="mean_flux"),
        "mean flux in the bin, log ratio, mean log flux": new,
    }


def coefficient_names() -> list[str]:
    """Names of the nine coefficients in their order."""
    return [f"c{i}{j}" for i, j, _ in tensor_terms(2)]
