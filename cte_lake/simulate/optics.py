"""What imitates a loss and takes no charge: stars that widen over the field, a sky that changes with rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from cte_lake.arrays import FloatArray
from cte_lake.simulate.geometry import CHIP_COLUMNS, CHIP_ROWS, first_column

#: Forms of a field of widths: towards the detector's edges, from its bottom to its top, towards the edges of
#: each chip, from its left to its right.
WidthForm = Literal["edges", "tilt", "bowl", "columns"]
#: Forms of a sky: from the detector's bottom to its top, from each chip's amplifiers to the gap between them.
SkyForm = Literal["tilt", "gap"]


@dataclass(frozen=True)
class Optics:
    """How stars and sky differ over the field; the default is the same star everywhere on a flat sky.

    Attributes
    ----------
    widening : float
        Fraction by which the point-spread function is wider where the form has it widest.
    form : {'edges', 'tilt', 'bowl', 'columns'}
        Where that is.
    blurred : bool
        Whether the core alone widens, as by charge diffusion; else the wings widen with it.
    sky_gradient : float
        e-/px by which the sky rises per 2048 rows, from none where its form begins.
    sky_form : {'tilt', 'gap'}
        Which way the sky rises.
    """

    widening: float = 0.0
    form: WidthForm = "edges"
    blurred: bool = False
    sky_gradient: float = 0.0
    sky_form: SkyForm = "tilt"

    def width(self, chip: int, x: FloatArray, y: FloatArray, columns: int) -> FloatArray:
        """Width of stars at 0-based pixels of a cut-out, in units of the nominal width, shape (n,)."""
        across = (x + first_column(columns)) / (CHIP_COLUMNS / 2) - 1.0
        on_chip = y / (CHIP_ROWS / 2) - 1.0
        along = (on_chip + (1.0 if chip == 1 else -1.0)) / 2.0
        fields = {
            "edges": np.maximum(across**2, along**2),
            "tilt": (1.0 + along) / 2.0,
            "bowl": on_chip**2,
            "columns": (1.0 + across) / 2.0,
        }
        return np.asarray(1.0 + self.widening * np.clip(fields[self.form], 0.0, 1.0))

    def extra_sky(self, chip: int) -> FloatArray:
        """Sky on top of the flat one in each row of a chip, e-/px, shape (2051, 1)."""
        rows = np.arange(CHIP_ROWS, dtype=float)
        if chip == 1:
            rows = rows + CHIP_ROWS if self.sky_form == "tilt" else rows[::-1]
        return np.asarray((self.sky_gradient * rows / 2048.0)[:, np.newaxis])
