"""The scale S0 of the smooth surface: a positive function of flux and background, or a constant."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cte_lake.arrays import FloatArray
from cte_lake.model.margins import Margin, sky_variable
from cte_lake.model.points import FitPoints
from cte_lake.model.robust import soft_least_squares

#: Losses that change their sign depart by several times the constant that they tend to.
_FLOOR = 3.0
#: Mean loss over its error under which losses have no shape to take a scale from.
_DETECTED = 10.0
#: Errors of a gain, in some bin and third of the backgrounds, that no positive scale describes.
_GAIN = 5.0


@dataclass(frozen=True)
class Scale:
    """ln S0 = quadratic in f and b; empty coefficients: a constant.

    Attributes
    ----------
    constant : float
        S0 where there are no coefficients.
    coefficients : tuple of float
        Of 1, f, f**2, b, b**2, f b in the margins' scaled variables.
    """

    constant: float
    coefficients: tuple[float, ...] = ()

    def at(self, f: FloatArray, b: FloatArray) -> FloatArray:
        """Return S0 at scaled log flux and background."""
        floor = np.full(np.broadcast_shapes(f.shape, b.shape), self.constant)
        if not self.coefficients:
            return floor
        return np.asarray(floor + np.exp(np.clip(_quadratic(f, b) @ np.array(self.coefficients), -12.0, 3.0)))


def _quadratic(f: FloatArray, b: FloatArray) -> FloatArray:
    one = np.ones(np.broadcast_shapes(f.shape, b.shape))
    return np.stack([one, f * one, f**2 * one, b * one, b**2 * one, f * b], axis=-1)


def _gains(points: FitPoints, b: FloatArray) -> bool:
    """Whether the losses of some bin and third of the backgrounds are gains: S0 would be nothing there."""
    third = np.searchsorted(np.quantile(b, (1 / 3, 2 / 3)), b, side="right")
    pulls = points.loss / points.loss_err
    lows = np.unique(points.bin_lo)
    cells = (pulls[(points.bin_lo == low) & (third == k)] for low in lows for k in range(3))
    return any(float(np.median(cell)) * np.sqrt(cell.size) < -_GAIN for cell in cells if cell.size)


def fit_scale(points: FitPoints, margins: tuple[Margin, Margin, Margin], shift: bool = False) -> Scale | None:
    """Fit S = exp(quadratic in f and b) (1 + parabola in time); None where losses are not like that."""
    t, f = margins[0].scaled(points.mjd), margins[1].scaled(points.log_flux)
    b = margins[2].scaled(sky_variable(points, margins)) * (not margins[2].tilt)
    design = _quadratic(f, b)
    used = design.std(axis=0) > 1e-9
    used[0] = True
    start = np.zeros(int(used.sum()) + 3)
    level = float(np.average(points.loss, weights=points.loss_err**-2.0))
    start[0] = np.log(max(level, 1e-3))
    if abs(level) * float(np.sqrt(np.sum(points.loss_err**-2.0))) < _DETECTED:
        return None
    if not shift and _gains(points, b):
        return None

    def pulls(p: FloatArray) -> tuple[FloatArray, FloatArray]:
        log = design[:, used] @ p[:-3]
        shape, course = np.exp(np.clip(log, -12.0, 3.0)), 1.0 + p[-2] * t + p[-1] * t**2
        level = shape + shift * p[-3]
        steep = np.where((log > -12.0) & (log < 3.0), shape * course, 0.0)
        slopes = np.column_stack([steep[:, None] * design[:, used], shift * course, level * t, level * t**2])
        return (level * course - points.loss) / points.loss_err, slopes / points.loss_err[:, None]

    found = soft_least_squares(pulls, start)
    coefficients = np.zeros(6)
    coefficients[used] = found[:-3]
    if not np.all(np.isfinite(coefficients)) or np.abs(coefficients[1:]).max() > 8.0:
        return None
    return Scale(_FLOOR * abs(float(found[-3])) * shift, tuple(float(c) for c in coefficients))


def constant_scale(points: FitPoints) -> Scale:
    """Return a constant S0 of the size of the losses."""
    noise = float(np.mean(points.loss_err**2))
    return Scale(float(np.sqrt(max(float(np.mean(points.loss**2)) - noise, noise, 1e-8))))
