"""The injected law of CTE loss: what fraction of a star's flux readout takes, and from where on the chip."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from cte_lake.arrays import FloatArray
from cte_lake.detector import DETECTOR
from cte_lake.simulate.geometry import CHIP_ROWS

#: c_ij of the default law: linear in time times a quadratic in log10 flux, near the measured loss.
DEFAULT_COEFFICIENTS = ((0.2955, -0.1214, 0.01287), (5.273e-4, -2.166e-4, 2.297e-5), (0.0, 0.0, 0.0))


@dataclass(frozen=True)
class CTELaw:
    """A loss S(d, f) = sum of c_ij d^i f^j, lowered by background.

    Attributes
    ----------
    coefficients : tuple of 3 tuples of 3 float
        c_ij with d = MJD - 55400 (i) and f = log10 of the flux in e- within r = 3 px (j), at no background.
    background_scale : float
        Background (e-/px: sky, dark and post-flash) that halves the loss; infinite for none of it.
    form : {'exponential', 'linear'}
        What is left after a readout distance r (rows): exp(-S r / 2048), or 1 - S r / 2048. With the
        exponential the ratio of the two chips has an exactly linear logarithm, and the straight line
        that the monitor fits to the ratio has a slope of 2 S (1 + S^2 / 10) / 2048 to second order.
    log_flux_range : tuple of float
        f is held within these limits, S above zero.
    """

    coefficients: tuple[tuple[float, float, float], ...] = DEFAULT_COEFFICIENTS
    background_scale: float = 20.0
    form: Literal["exponential", "linear"] = "exponential"
    log_flux_range: tuple[float, float] = (2.0, 4.7)

    def loss(self, mjd: ArrayLike, flux: ArrayLike, background: ArrayLike = 0.0) -> FloatArray:
        """Fraction of flux lost per 2048 rows of readout, positive.

        Parameters
        ----------
        mjd : array_like
            Date of the exposure.
        flux : array_like
            Flux before the loss, e- within r = 3 px.
        background : array_like
            e-/px at readout.

        Returns
        -------
        ndarray
            Broadcast shape of the arguments, dimensionless.
        """
        c = np.asarray(self.coefficients, dtype=float)
        d = np.asarray(mjd, dtype=float) - DETECTOR.date_zero
        with np.errstate(divide="ignore"):
            f = np.log10(np.maximum(np.asarray(flux, dtype=float), 0.0))
        f = np.clip(f, *self.log_flux_range)
        surface = sum(c[i, j] * d**i * f**j for i in range(3) for j in range(3))
        dimming = 1.0 / (1.0 + np.asarray(background, dtype=float) / self.background_scale)
        return np.asarray(np.maximum(surface, 0.0) * dimming)

    def survival(self, loss: ArrayLike, distance: ArrayLike) -> FloatArray:
        """Fraction of the flux left after ``distance`` rows of readout, with ``loss`` per 2048 rows."""
        exponent = np.asarray(loss, dtype=float) * np.asarray(distance, dtype=float) / DETECTOR.loss_rows
        if self.form == "linear":
            return np.asarray(np.maximum(1.0 - exponent, 0.0))
        return np.asarray(np.exp(-exponent))

    def as_dict(self) -> dict[str, Any]:
        """Return the law as plain values, for ``truth.json``."""
        return {
            "coefficients": [list(row) for row in self.coefficients],
            "background_scale": self.background_scale,
            "form": self.form,
            "log_flux_range": list(self.log_flux_range),
        }


#: A detector that loses nothing, for tests of everything else.
NO_LOSS = CTELaw(coefficients=((0.0, 0.0, 0.0),) * 3)


def readout_distance(chip: int, y: ArrayLike) -> FloatArray:
    """Rows a charge at ``y`` (0-based) is moved: chip 2 is read towards row 0, chip 1 towards the top."""
    rows = np.asarray(y, dtype=float)
    return np.asarray(CHIP_ROWS - 1 - rows if chip == 1 else rows)


def slope_loss(ratio: ArrayLike, y: ArrayLike) -> float:
    """Loss per 2048 rows (slope / 2 x 2048) of noise-free ratios, by least squares; NaN for under 3 stars."""
    values, rows = np.asarray(ratio, dtype=float), np.asarray(y, dtype=float)
    if values.size < 3:
        return float("nan")
    centred = rows - rows.mean()
    return float(centred @ values / (centred @ centred) / 2.0 * DETECTOR.loss_rows)
