"""The shift of stars by charge that is released late: its law, its fit and what it does to a star's row."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cte_lake.arrays import FloatArray
from cte_lake.errors import FitRefused
from cte_lake.model import flags as bits
from cte_lake.model.loss_unit import CHIP_HEIGHT, CHIP_ROWS
from cte_lake.model.robust import Loss, solve
from cte_lake.model.tables import column
from cte_lake.model.terms import MJD_ZERO, Term, background_variable, term_name

Range = tuple[float, float]

#: What the head of a set with a shift says.
HEAD = """\
#
# [shift] is how far readout moves the centroid of a star away from the amplifiers, px per 2048 rows:
#   D = sum of c_ijk d^i g^j b^k   with  d = (MJD - 55400) / 1000,  g = sqrt(1000 / flux),  b as above;
# beyond its ranges of flux and background D is held at the edge. The star's row before readout is
# y - D*rows/2048 on chip 2 and y + D*rows/2048 on chip 1.
"""
#: Unit of the dates in the law, days, and the flux at which its flux variable is 1, electrons.
DATE_UNIT, FLUX_UNIT = 1000.0, 1000.0
#: Powers of the flux variable: without a constant, so that the shift of very bright stars is none.
_FLUX_POWERS = (1, 2)


@dataclass(frozen=True)
class ShiftLaw:
    """How far readout moves a star's centroid away from the amplifiers.

    D = sum of c_ijk d**i g**j b**k in px per 2048 rows of readout, with d = (MJD - 55400) / 1000,
    g = sqrt(1000 / flux) and b = log10(1 + background).

    Attributes
    ----------
    terms : tuple of Term
        Powers i, j, k.
    coefficients : tuple of float
        px per 2048 rows, one a term.
    covariance : tuple of tuple of float
        Of the coefficients.
    flux, mjd, background : tuple of float
        Ranges of the data, electrons, MJD and e-/px; fluxes and backgrounds beyond are held at the edge.
    """

    terms: tuple[Term, ...]
    coefficients: tuple[float, ...]
    covariance: tuple[tuple[float, ...], ...]
    flux: Range
    mjd: Range
    background: Range

    @property
    def has_background(self) -> bool:
        """Whether the background is a variable of the law."""
        return any(k for _, _, k in self.terms)

    def displacement(
        self, mjd: ArrayLike, flux: ArrayLike, background: ArrayLike = np.nan
    ) -> tuple[FloatArray, FloatArray]:
        """Return D and its standard error, px per 2048 rows; NaN where the flux is not positive.

        Parameters
        ----------
        mjd, flux, background : array_like
            Date (MJD), electrons less the sky, electrons per pixel at readout (needed where the law has it).
        """
        date, star, sky = np.broadcast_arrays(
            *(np.asarray(v, dtype=np.float64) for v in (mjd, flux, background))
        )
        usable = np.where(star > 0, np.clip(star, *self.flux), np.nan)
        level = np.clip(sky, *self.background) if self.has_background else np.zeros(sky.shape)
        basis = _basis(self.terms, date.ravel(), usable.ravel(), level.ravel())
        variance = np.einsum("np,pq,nq->n", basis, np.array(self.covariance), basis)
        value = basis @ np.array(self.coefficients)
        return value.reshape(star.shape), np.sqrt(np.maximum(variance, 0.0)).reshape(star.shape)


@dataclass(frozen=True)
class CorrectedRow:
    """Rows without the shift, one a star: `y` and its error (px, that of the law), and bits of `flags`."""

    y: FloatArray
    y_err: FloatArray
    flag: NDArray[np.int32]


def _basis(terms: tuple[Term, ...], mjd: FloatArray, flux: FloatArray, background: FloatArray) -> FloatArray:
    d, g, b = (mjd - MJD_ZERO) / DATE_UNIT, np.sqrt(FLUX_UNIT / flux), background_variable(background)
    return np.stack([d**i * g**j * b**k for i, j, k in terms], axis=1)


def fit_shift(rows: Any, loss: Loss = "huber") -> ShiftLaw:
    """Fit the law to rows of the view ``displacement`` that are compared with 'bright'.

    What is fitted is D of a bin less D of the pair's bright stars, at the mean fluxes of both. The law is
    linear in time where there are several epochs, and in b where there are several levels of post-flash.

    Parameters
    ----------
    rows : pyarrow.Table
        Columns against, mjd, flash, mean_flux, bright_flux, readout_background, bin_lo, displacement,
        displacement_err; of one kind of exposures.
    loss : {'none', 'huber', 'tukey'}
        Of the fit.

    Raises
    ------
    FitRefused
        If there are too few rows.
    """
    held = np.asarray(column(rows, "against").astype(str)) == "bright"
    names = ("mjd", "mean_flux", "bright_flux", "readout_background", "displacement", "displacement_err")
    mjd, flux, bright, sky, value, error = (
        np.asarray(column(rows, name), dtype=float)[held] for name in names
    )
    flash = np.asarray(column(rows, "flash"))[held]
    usable = np.isfinite(value) & (error > 0)
    if not usable.any():
        raise FitRefused("no pair of the selection has a displacement against its bright stars")
    mjd, flux, bright, sky, value, error, flash = (
        values[usable] for values in (mjd, flux, bright, sky, value, error, flash)
    )
    dates = range(2 if np.ptp(mjd) > DATE_UNIT / 4 else 1)
    levels = range(2 if np.unique(flash).size > 1 and np.isfinite(sky).all() else 1)
    terms: tuple[Term, ...] = tuple(itertools.product(dates, _FLUX_POWERS, levels))
    known = sky if len(levels) > 1 else np.zeros(sky.size)
    design = _basis(terms, mjd, flux, known) - _basis(terms, mjd, bright, known)
    fit = solve(design, value, error, loss)
    lowest = float(np.asarray(column(rows, "bin_lo"), dtype=float)[held][usable].min())
    measured = sky[np.isfinite(sky)]
    return ShiftLaw(
        terms=terms,
        coefficients=tuple(fit.values.tolist()),
        covariance=tuple(tuple(row) for row in fit.covariance.tolist()),
        flux=(lowest, float(bright.max())),
        mjd=(float(mjd.min()), float(mjd.max())),
        background=(float(measured.min()), float(measured.max())) if measured.size else (np.nan, np.nan),
    )


def correct_row(
    law: ShiftLaw,
    flux: ArrayLike,
    y: ArrayLike,
    chip: ArrayLike,
    mjd: ArrayLike,
    background: ArrayLike = np.nan,
) -> CorrectedRow:
    """Put stars back to the rows that they had before readout.

    Parameters
    ----------
    law : ShiftLaw
        The fitted shift.
    flux : array_like
        Measured flux less the sky, electrons.
    y : array_like
        Row of the star's centroid (not of its place in a catalog), 0-based px.
    chip, mjd, background : array_like
        As for `cte_lake.model.correct.correct`.
    """
    star, row, which, date, sky = np.broadcast_arrays(
        *(np.asarray(v, dtype=np.float64) for v in (flux, y, chip, mjd, background))
    )
    on_chip = (row >= -0.5) & (row < CHIP_ROWS - 0.5) & ((which == 1) | (which == 2))
    value, error = law.displacement(date, star, sky)
    distance = np.where(which == 2, row, CHIP_ROWS - 1 - row)
    missing = ~np.isfinite(star + row + which + date)
    if law.has_background:
        missing |= ~np.isfinite(sky)
    rows = np.where(on_chip & ~missing, np.maximum(distance, 0.0), np.nan) / CHIP_HEIGHT
    with np.errstate(invalid="ignore"):
        conditions = {
            bits.FLUX_BELOW: (star > 0) & (star < law.flux[0]),
            bits.FLUX_ABOVE: star > law.flux[1],
            bits.DATE_BEFORE: date < law.mjd[0],
            bits.DATE_AFTER: date > law.mjd[1],
            bits.BACKGROUND_BELOW: sky < law.background[0],
            bits.BACKGROUND_ABOVE: sky > law.background[1],
            bits.BACKGROUND_UNKNOWN: np.isnan(sky),
            bits.FLUX_NOT_POSITIVE: star <= 0,
            bits.INPUT_MISSING: missing,
            bits.OFF_CHIP: ~on_chip & np.isfinite(row + which),
        }
    flag = np.zeros(star.shape, dtype=np.int32)
    for condition, met in conditions.items():
        flag[met] |= condition.value
    return CorrectedRow(row - np.where(which == 2, 1.0, -1.0) * value * rows, error * rows, flag)


def shift_values(law: ShiftLaw) -> dict[str, Any]:
    """Return the law as plain values, for TOML and JSON; a background that is not known is left out."""
    values: dict[str, Any] = {
        "terms": [term_name(term, three=True) for term in law.terms],
        "coefficients": list(law.coefficients),
        "covariance": [list(row) for row in law.covariance],
        "flux": list(law.flux),
        "mjd": list(law.mjd),
    }
    return values if np.isnan(law.background[0]) else values | {"background": list(law.background)}


def _powers(name: str) -> Term:
    if not re.fullmatch(r"c[0-2]{3}", name):
        raise ValueError(f"term {name!r} of [shift] is not of the form c_ijk with powers 0 to 2")
    i, j, k = (int(digit) for digit in name[1:])
    return i, j, k


def read_shift(data: Mapping[str, Any]) -> ShiftLaw:
    """Return the law of a parsed section; `KeyError`, `TypeError` or `ValueError` where it is none."""
    terms = tuple(_powers(name) for name in data["terms"])
    coefficients = tuple(float(value) for value in data["coefficients"])
    covariance = tuple(tuple(float(value) for value in row) for row in data["covariance"])
    if not len(terms) == len(coefficients) == len(covariance) == len(set(terms)) or any(
        len(row) != len(terms) for row in covariance
    ):
        raise ValueError("terms, coefficients and covariance of [shift] do not match")

    def pair(values: Any) -> Range:
        low, high = values
        return (float(low), float(high))

    background = data.get("background", (np.nan, np.nan))
    return ShiftLaw(terms, coefficients, covariance, pair(data["flux"]), pair(data["mjd"]), pair(background))
