"""The units in which a loss is told: percent per 2048 rows, or magnitudes per 2051 rows."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cte_lake.detector import DETECTOR
from cte_lake.errors import UsageError

LN10 = math.log(10.0)
#: Magnitudes of a natural logarithm of flux.
MAG_PER_LN = 2.5 / LN10


FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class LossUnit:
    """A unit of losses.

    Attributes
    ----------
    name, symbol : str
        What it is called on the command line; how it is written behind a number.
    rows : int
        Rows of readout that a loss refers to.
    digits : int
        Decimals of a loss in a table.
    least : float
        Least range of an axis of losses.
    """

    name: str
    symbol: str
    rows: int
    digits: int
    least: float

    @property
    def label(self) -> str:
        """Label of an axis of losses."""
        return f"CTE loss per {self.rows} rows ({self.symbol})"

    def of(
        self, loss: ArrayLike, error: ArrayLike, estimator: ArrayLike = ""
    ) -> tuple[FloatArray, FloatArray]:
        """Convert losses and their errors.

        Parameters
        ----------
        loss, error : array_like
            Fractions per 2048 rows.
        estimator : array_like of str, optional
            How they were measured: of 'log_ratio' they are lost of what is left at each row, else of the
            flux in the middle of the chip.

        Returns
        -------
        loss, error : ndarray
            In this unit; NaN in magnitudes where all is lost.
        """
        value, half = np.asarray(loss, dtype=np.float64), np.asarray(error, dtype=np.float64)
        if self.name == PERCENT.name:
            return 100.0 * value, 100.0 * half
        logarithm = np.asarray(estimator) == "log_ratio"
        lost = np.where(logarithm, 0.0, value)
        lost = np.where(lost < 1.0, lost, np.nan)
        scale = MAG_PER_LN * self.rows / DETECTOR.loss_rows
        return scale * np.where(logarithm, value, -np.log1p(-lost)), scale * half / (1.0 - lost)

    def text(self, loss: float | None, error: float | None, estimator: str = "") -> str | None:
        """A loss, a fraction, with its error as a table shows it, without the unit; None for no loss."""
        if loss is None:
            return None
        value, half = self.of(loss, np.nan if error is None else error, estimator)
        if error is None or not np.isfinite(half):
            return f"{float(value):.{self.digits}f}"
        return f"{float(value):.{self.digits}f} ± {float(half):.{self.digits}f}"


PERCENT: Final = LossUnit("percent", "%", DETECTOR.loss_rows, 2, 1.0)
MAGNITUDES: Final = LossUnit("mag", "mag", DETECTOR.published_rows, 3, 0.01)
UNITS: Final = {unit.name: unit for unit in (PERCENT, MAGNITUDES)}


def loss_unit(name: str) -> LossUnit:
    """Return the unit of a name.

    Raises
    ------
    UsageError
        If there is none.
    """
    if name.strip().lower() not in UNITS:
        raise UsageError(f"--unit {name!r} is not known; it is {' or '.join(UNITS)}")
    return UNITS[name.strip().lower()]
