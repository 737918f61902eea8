"""The units of a loss: percent per 2048 rows, or magnitudes per 2051 rows; the rows of a chip."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from cte_lake.arrays import FloatArray
from cte_lake.detector import DETECTOR
from cte_lake.errors import UsageError

# numba freezes module globals and reads plain numbers only.
LN10 = math.log(10.0)
CHIP_ROWS = DETECTOR.rows
#: Rows that a loss refers to (docs/field.md#the-effect).
CHIP_HEIGHT = float(DETECTOR.loss_rows)
#: Magnitudes of a natural logarithm of flux.
MAG_PER_LN = 2.5 / LN10


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

    def of(self, loss: ArrayLike, error: ArrayLike) -> tuple[FloatArray, FloatArray]:
        """Convert losses, fractions per 2048 rows of what is left at each row, and their errors."""
        scale = 100.0 if self.name == PERCENT.name else MAG_PER_LN * self.rows / DETECTOR.loss_rows
        value, half = np.asarray(loss, dtype=np.float64), np.asarray(error, dtype=np.float64)
        return scale * value, scale * half

    def text(self, loss: float | None, error: float | None) -> str | None:
        """A loss, a fraction, with its error as a table shows it, without the unit; None for no loss."""
        if loss is None:
            return None
        value, half = self.of(loss, np.nan if error is None else error)
        if error is None or not np.isfinite(half):
            return f"{float(value):.{self.digits}f}"
        return f"{float(value):.{self.digits}f} ± {float(half):.{self.digits}f}"


PERCENT: Final = LossUnit("percent", "%", DETECTOR.loss_rows, 2, 1.0)
MAGNITUDES: Final = LossUnit("mag", "mag", DETECTOR.published_rows, 4, 0.01)
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
