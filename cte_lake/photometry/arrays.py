"""The two tables of arrays that photometry takes and gives."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cte_lake.arrays import BoolArray, FloatArray

PixelArray = npt.NDArray[np.float32] | npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class PixelData:
    """The pixels of one chip.

    Attributes
    ----------
    data : array of float32 or float64, shape (ny, nx)
        Signal per pixel in electrons. A pixel that is not finite counts as masked.
    error : array of the shape of `data`, or None
        Standard error per pixel in electrons; without it the flux errors are NaN.
        A pixel whose error is not finite counts as masked.
    mask : array of bool of the shape of `data`, or None
        True where a pixel is not to be used.
    saturated : array of bool of the shape of `data`, or None
        True where a pixel is saturated (it may be masked as well).
    cosmic : array of bool of the shape of `data`, or None
        True where a cosmic ray fell (such a pixel should be masked as well).

    Raises
    ------
    ValueError
        If an array is not two-dimensional or differs in shape from `data`.
    """

    data: npt.NDArray[np.floating]
    error: npt.NDArray[np.floating] | None = None
    mask: BoolArray | None = None
    saturated: BoolArray | None = None
    cosmic: BoolArray | None = None

    def __post_init__(self) -> None:
        if self.data.ndim != 2:
            raise ValueError(f"pixel data has {self.data.ndim} dimensions; a chip has 2")
        for name in ("error", "mask", "saturated", "cosmic"):
            array = getattr(self, name)
            if array is not None and array.shape != self.data.shape:
                raise ValueError(f"shape of {name} is {array.shape}, of the data {self.data.shape}")


@dataclass(frozen=True, eq=False)
class StarMeasurements:
    """What was measured: one row a star, in the order of the given positions.

    NaN means that nothing could be measured; `flags` says why.

    Attributes
    ----------
    x, y : array of float64, shape (n,)
        Centre of the apertures, 0-based pixels (the centre of the first pixel is 0).
    dx, dy : array of float64, shape (n,)
        Centroid less the given position, pixels; NaN where centring is off, failed or went too far, and the
        given position stays. In `x` and `y` unless the centroid was only watched.
    flux : array of float64, shape (n, n_radii)
        Sum over the good pixels less the sky, electrons; columns as ``settings.radii``.
    flux_err : array of float64, shape (n, n_radii)
        Error of the sum from the pixels' errors, electrons. The error of the sky is apart:
        it adds ``area * sky_err``, the same star's sky being common to all its radii.
    bkg : array of float64, shape (n, n_radii)
        What was taken off for the sky, electrons: ``flux + bkg`` is the raw sum.
    area : array of float64, shape (n, n_radii)
        Unmasked area on the chip within the aperture, pixels. Sums are never rescaled by it.
    sky, sky_err : array of float64, shape (n,)
        Sky per pixel and its standard error, electrons.
    n_sky : array of int32, shape (n,)
        Annulus pixels the sky rests on, after clipping.
    masked_light : array of float64, shape (n,)
        Share of a star's light within r = 3 px that masked pixels hold, by the profile of a star; the sums
        are without it (``flux / (1 - masked_light)`` puts it back).
    flags : array of int32, shape (n,)
        Conditions met, see `cte_lake.starflags`.
    """

    x: FloatArray
    y: FloatArray
    dx: FloatArray
    dy: FloatArray
    flux: FloatArray
    flux_err: FloatArray
    bkg: FloatArray
    area: FloatArray
    sky: FloatArray
    sky_err: FloatArray
    n_sky: IntArray
    masked_light: FloatArray
    flags: IntArray

    def __len__(self) -> int:
        return int(self.x.size)
