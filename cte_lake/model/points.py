"""The points that a surface is fitted to: losses of pairs by flux bin."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cte_lake.arrays import FloatArray
from cte_lake.errors import FitRefused
from cte_lake.model.bins import Bin, non_overlapping
from cte_lake.model.loss_unit import CHIP_ROWS
from cte_lake.model.tables import column, column_names, has, numbers

#: A slope of fewer stars has an error bar that is itself too uncertain to weigh by.
MIN_STARS = 10
#: What may differ within one fit.
MIXED = ("target", "filter", "length")
#: Days within which visits count as one epoch (docs/field.md#epochs).
EPOCH_WIDTH = 30.0
#: Distance from the amplifiers in the middle of a chip, and the rms distance of its rows from there, px: an
#: error of a line's slope times the latter is that of its level.
_MIDDLE = 0.5 * (CHIP_ROWS - 1)
_ROWS_RMS = CHIP_ROWS / 12.0**0.5


@dataclass(frozen=True)
class FitPoints:
    """Losses with what they depend on, one element per pair and flux bin.

    Attributes
    ----------
    mjd : ndarray
        Date of the pair, MJD.
    loss, loss_err : ndarray
        CTE loss per 2048 rows (fraction) and its standard error.
    log_flux, log_flux_sq : ndarray
        Mean over the bin's stars of f and f**2, f = log10 electrons.
    background : ndarray
        Electrons per pixel at readout: sky, dark and post-flash together.
    bin_lo, bin_hi : ndarray
        Flux bin, electrons.
    visit : ndarray of str
        What is left out and drawn together in cross-validation and bootstrap.
    n : ndarray
        Stars.
    level, level_err : ndarray or None
        ln(flux on chip 1 / flux on chip 2) in the middle of the chip and its error, which separate the chips'
        losses; see `cte_lake.model.chip_difference`; None where it was not measured.
    kind : ndarray of str or None
        Target, filter and length, as far as they differ among the points; None where none does.
    """

    mjd: FloatArray
    loss: FloatArray
    loss_err: FloatArray
    log_flux: FloatArray
    log_flux_sq: FloatArray
    background: FloatArray
    bin_lo: FloatArray
    bin_hi: FloatArray
    visit: NDArray[np.str_]
    n: FloatArray
    level: FloatArray | None = None
    level_err: FloatArray | None = None
    kind: NDArray[np.str_] | None = None

    def __len__(self) -> int:
        return self.mjd.size

    def take(self, index: ArrayLike) -> FitPoints:
        """Return the points at an index or mask."""
        where = np.asarray(index)
        values: dict[str, Any] = {}
        for one in fields(self):
            whole = getattr(self, one.name)
            values[one.name] = None if whole is None else whole[where]
        return replace(self, **values)

    @property
    def visits(self) -> list[str]:
        """The distinct visits, sorted."""
        return sorted(set(self.visit.tolist()))


def epoch_dates(mjd: ArrayLike, width: float = EPOCH_WIDTH) -> list[FloatArray]:
    """Return the dates in groups, each nearer than `width` days to its neighbour in the group."""
    dates = np.unique(np.asarray(mjd, dtype=np.float64))
    groups = np.split(dates, np.flatnonzero(np.diff(dates) >= width) + 1)
    return [group for group in groups if group.size]


def epochs(mjd: ArrayLike, width: float = EPOCH_WIDTH) -> FloatArray:
    """Return the mean dates of the groups of dates that are nearer than `width` days to their neighbour."""
    return np.array([group.mean() for group in epoch_dates(mjd, width)])


def contrasts(points: FitPoints) -> tuple[list[str], FloatArray]:
    """Return the kinds of points, and rows of which each times the factors averages 0 over visits."""
    if points.kind is None or np.unique(points.kind).size < 2:
        return [], np.zeros((len(points), 0))
    names, number = np.unique(points.kind, return_inverse=True)
    share = np.array([np.unique(points.visit[points.kind == name]).size for name in names], dtype=np.float64)
    rows = np.vstack([-share[1:] / share[0], np.eye(names.size - 1)])
    return names.tolist(), np.asarray(rows[number.ravel()])


def from_table(table: Any, min_stars: int = MIN_STARS, bins: Iterable[Bin] | None = None) -> FitPoints:
    """Read the points from rows of the view ``cte_vs_flux`` (or ``cte``).

    Rows without a slope, without an error or with fewer than `min_stars` stars are left out, and so are the
    bins that overlap others. Where a row has no mean of the logarithm of flux (columns ``mean_log_flux``,
    ``mean_log_flux_sq``; of the lake's estimators 'log_ratio' has them) the logarithm of ``mean_flux`` stands
    in; that shifts f by up to 0.04 dex in wide bins.

    Parameters
    ----------
    table : table or mapping
        Columns mjd, cte_loss, cte_loss_err, mean_flux, bin_lo, bin_hi, n; a background (`at_readout`),
        proposal, visit and the means of the logarithm where there are any; target, filter and length, which
        make `FitPoints.kind`.
    min_stars : int, optional
        Fewest stars of a slope.
    bins : iterable of (low, high), optional
        The bins to use, instead of the non-overlapping ones.

    Raises
    ------
    FitRefused
        If no row is left.
    UsageError
        If a column is missing.
    """
    log, log_sq = log_flux_moments(table)
    size = log.size
    level, level_err = _levels(table)
    points = FitPoints(
        mjd=numbers(table, "mjd"),
        loss=numbers(table, "cte_loss"),
        loss_err=numbers(table, "cte_loss_err"),
        log_flux=log,
        log_flux_sq=log_sq,
        background=at_readout(table, size),
        bin_lo=numbers(table, "bin_lo"),
        bin_hi=numbers(table, "bin_hi"),
        visit=_visits(table),
        n=numbers(table, "n"),
        level=level,
        level_err=level_err,
        kind=_kinds(table),
    )
    good = (points.n >= min_stars) & (points.loss_err > 0)
    for values in (points.mjd, points.loss, points.loss_err, points.log_flux):
        good &= np.isfinite(values)
    if not good.any():
        raise FitRefused(
            f"none of the {size} slopes has an error and at least {min_stars} stars; there is nothing to fit"
        )
    points = points.take(good)
    every = zip(points.bin_lo.tolist(), points.bin_hi.tolist(), strict=True)
    wanted = set(non_overlapping(every) if bins is None else bins)
    pairs = zip(points.bin_lo.tolist(), points.bin_hi.tolist(), strict=True)
    keep = np.array([pair in wanted for pair in pairs])
    if not keep.any():
        raise FitRefused("no slope belongs to the flux bins that were asked for")
    return points.take(keep)


def at_readout(table: Any, size: int) -> FloatArray:
    """Return the background that the traps saw (e-/px) in the rows of a table; without such a column NaN.

    That is ``readout_background``, which has what calibration takes off the pixels too; a table without it
    states it as ``background``.
    """
    for name in ("readout_background", "background"):
        if has(table, (name,)):
            return numbers(table, name)
    return np.full(size, np.nan)


def log_flux_moments(table: Any) -> tuple[FloatArray, FloatArray]:
    """Return the means of f and f**2 over each row's stars, f = log10 electrons; see `from_table`."""
    mean_flux = numbers(table, "mean_flux")
    log = np.log10(np.where(mean_flux > 0, mean_flux, np.nan))
    log_sq = log**2
    if has(table, ("mean_log_flux", "mean_log_flux_sq")):
        mean, mean_sq = numbers(table, "mean_log_flux"), numbers(table, "mean_log_flux_sq")
        measured = np.isfinite(mean) & np.isfinite(mean_sq)
        log, log_sq = np.where(measured, mean, log), np.where(measured, mean_sq, log_sq)
    return log, log_sq


def _levels(table: Any) -> tuple[FloatArray | None, FloatArray | None]:
    """ln(flux on chip 1 / flux on chip 2) in the middle of the chip, of lines fitted to that logarithm."""
    if not has(table, ("intercept", "slope", "slope_err", "estimator")):
        return None, None
    logarithm = column(table, "estimator") == "log_ratio"
    level = numbers(table, "intercept") + numbers(table, "slope") * _MIDDLE
    error = numbers(table, "slope_err") * _ROWS_RMS
    return np.where(logarithm, level, np.nan), np.where(logarithm, error, np.nan)


def _kinds(table: Any) -> NDArray[np.str_] | None:
    columns = [column(table, name).astype(str) for name in MIXED if has(table, (name,))]
    varying = [values for values in columns if np.unique(values).size > 1]
    return np.array([" ".join(row) for row in zip(*varying, strict=True)]) if varying else None


def _visits(table: Any) -> NDArray[np.str_]:
    names = column_names(table)
    if {"proposal", "visit"} <= set(names):
        pairs = zip(column(table, "proposal"), column(table, "visit"), strict=True)
        return np.array([f"{proposal}/{visit}" for proposal, visit in pairs])
    return np.array([f"{date:.0f}" for date in numbers(table, "mjd")])
