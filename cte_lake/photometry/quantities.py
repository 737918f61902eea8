"""Quantities that functions measure beside the photometry: what a function gets, what it must return.

A function is called once an exposure, ``function(pixels, stars, exposure)``, and returns one number a star:

- ``pixels``, a `PixelData`: the chip in electrons, times the pixel area map, with errors, mask (True where a
  pixel does not count), saturation and cosmic rays.
- ``stars``, a mapping of the columns of ``phot`` to arrays of shape (n,): x, y (0-based pixels), flux_r03,
  sky, flags and the others; NaN where there is no value.
- ``exposure``, a mapping of facts: imagename, target, chip, filetype, filter, exptime, mjd, flash.

All of it is for reading alone. NaN means that there is no value.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from cte_lake.arrays import FloatArray
from cte_lake.detector import DETECTOR
from cte_lake.errors import Rejected
from cte_lake.photometry.arrays import PixelData

Stars = Mapping[str, npt.NDArray[Any]]
Quantity = Callable[[PixelData, Stars, Mapping[str, Any]], npt.ArrayLike]


def measure_added(
    name: str, function: Quantity, pixels: PixelData, stars: Stars, exposure: Mapping[str, Any]
) -> FloatArray:
    """Return what a function gives for the stars of an exposure, NaN for no value.

    Raises
    ------
    Rejected
        If it fails, or returns anything but one number a star.
    """
    n, image = len(stars["x"]), exposure["imagename"]
    try:
        returned = function(pixels, stars, exposure)
    except Exception as error:  # a user's function may fail by any
        raise _failed(f"{name} was not measured in {image}: {type(error).__name__}: {error}") from error
    if hasattr(returned, "unit"):
        reason = "its function returned values with a unit; return plain numbers in the unit of the settings"
        raise _failed(f"{name} was not measured in {image}: {reason}")
    try:
        values = np.array(np.ma.filled(np.ma.asarray(returned, dtype=np.float64), np.nan))
    except (TypeError, ValueError) as error:
        raise _failed(f"{name} was not measured in {image}: its function returned no numbers") from error
    if values.shape != (n,):
        reason = f"its function returned shape {values.shape}, one number for each of {n} stars is wanted"
        raise _failed(f"{name} was not measured in {image}: {reason}")
    values[~np.isfinite(values)] = np.nan
    return values


def _failed(detail: str) -> Rejected:
    return Rejected("added_column", detail, stage="measure")


def read_only(pixels: PixelData) -> PixelData:
    """Return the pixels as arrays that a function cannot change."""

    def locked(plane: npt.NDArray[Any]) -> npt.NDArray[Any]:
        view = plane.view()
        view.flags.writeable = False
        return view

    rest = {
        name: locked(plane) for name, plane in vars(pixels).items() if name != "data" and plane is not None
    }
    return PixelData(locked(pixels.data), **rest)


def trail(pixels: PixelData, stars: Stars, exposure: Mapping[str, Any]) -> FloatArray:
    """Return the light of a star's trail: 3 to 7 rows behind it less 3 to 7 rows before it, over its flux.

    Charge that is released late lies behind a star, away from the amplifiers; sky and the wings of a round
    star are alike on both sides. Three columns are summed. NaN where a pixel is masked or beyond the chip.
    """
    away = DETECTOR.readout_sign(exposure["chip"])
    row, column = (np.rint(stars[name]).astype(np.int64)[:, None, None] for name in ("y", "x"))
    columns = column + np.arange(-1, 2)
    data = np.pad(_unmasked(pixels), 8, constant_values=np.nan)

    def light(side: int) -> FloatArray:
        rows = row + side * away * np.arange(3, 8)[:, None]
        inside = np.clip(rows + 8, 0, data.shape[0] - 1), np.clip(columns + 8, 0, data.shape[1] - 1)
        summed: FloatArray = data[inside].sum(axis=(1, 2))
        return summed

    with np.errstate(divide="ignore", invalid="ignore"):
        ratio: FloatArray = (light(1) - light(-1)) / stars["flux_r03"]
    return ratio


def _unmasked(pixels: PixelData) -> FloatArray:
    data = np.array(pixels.data, dtype=np.float64)
    return data if pixels.mask is None else np.where(pixels.mask, np.nan, data)
