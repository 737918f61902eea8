"""Laws of the loss that no form of the fit is: what its errors are tried on.

Each law gives S, the fraction lost per 2048 rows, for a date (MJD), log10 flux (electrons) and background
(e-/px at readout). They are chosen to differ in what a form may get wrong: growth with time, dependence on
flux and on background, sign, kinks and jumps. None of them is a member of the family that is fitted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from cte_lake.arrays import FloatArray
from cte_lake.detector import DETECTOR
from cte_lake.model.loss_unit import CHIP_HEIGHT

Loss = Callable[[FloatArray, FloatArray, FloatArray], FloatArray]

_DAYS_PER_YEAR = 365.25
#: Steps of the integration of a star's way; the error of the fourth-order rule is far under 1e-6 of the flux.
_STEPS = 24


def years_since_launch(mjd: ArrayLike) -> FloatArray:
    """Return years since the launch of WFC3."""
    return (np.asarray(mjd, dtype=np.float64) - DETECTOR.launched) / _DAYS_PER_YEAR


def _year(year: float) -> float:
    """Years since launch at a calendar year."""
    return float(years_since_launch(51544.0 + (year - 2000.0) * _DAYS_PER_YEAR))


def _power(t: FloatArray, f: FloatArray, b: FloatArray) -> FloatArray:
    kink = 0.35 * np.maximum(t - _year(2020.0), 0.0) / 15.0
    return (
        0.39 * ((np.maximum(t, 0.0) / 15.0) ** 1.2 + kink) * 10.0 ** (-0.45 * (f - 3.0)) * np.exp(-b / 30.0)
    )


def _saturating(t: FloatArray, f: FloatArray, b: FloatArray) -> FloatArray:
    flux = 10.0**f
    return 0.62 * (t / 15.0) / (1.0 + (flux / 1200.0) ** 0.75) / (1.0 + b / 15.0)


def _over_corrected(t: FloatArray, f: FloatArray, b: FloatArray) -> FloatArray:
    left = 0.30 * 10.0 ** (-0.6 * (f - 3.0)) * np.exp(-b / 18.0)
    return (t / 15.0) ** 1.1 * (left - 0.030 * (1.0 - np.exp(-(b + 8.0) / 40.0)))


def _two_species(t: FloatArray, f: FloatArray, b: FloatArray) -> FloatArray:
    slow = 0.16 * (1.0 - np.exp(-t / 7.0)) * 10.0 ** (-0.25 * (f - 3.0)) / (1.0 + b / 60.0)
    fast = 0.22 * (t / 15.0) ** 1.5 * 10.0 ** (-0.8 * (f - 3.0)) * np.exp(-b / 12.0)
    return np.asarray(slow + fast)


def _solar_cycle(t: FloatArray, f: FloatArray, b: FloatArray) -> FloatArray:
    # Protons of the South Atlantic Anomaly go with the solar cycle of 11 years: the rate, not the level.
    phase = 2.0 * np.pi * (t - _year(2014.3)) / 11.0
    zero = 2.0 * np.pi * (-_year(2014.3)) / 11.0
    level = t - 0.35 * 11.0 / (2.0 * np.pi) * (np.sin(phase) - np.sin(zero))
    return np.asarray(0.36 * level / 15.0 * 10.0 ** (-0.5 * (f - 3.0)) * (1.0 + b / 4.0) ** -0.55)


def _anneal(t: FloatArray, f: FloatArray, b: FloatArray) -> FloatArray:
    jump = np.where(t >= _year(2016.7), 0.92, 1.0)
    return (
        jump
        * 0.40
        * (t / 15.0)
        * 10.0 ** (-0.42 * (f - 3.0) - 0.06 * (f - 3.0) ** 2)
        * np.exp(-((b / 40.0) ** 0.8))
    )


def _shelf(t: FloatArray, f: FloatArray, b: FloatArray) -> FloatArray:
    # Losses that are nearly the same below a flux and fall steeply above it, sooner where there is
    # background.
    turn = 3.1 - 0.25 * np.log10(1.0 + b)
    return (
        0.33 * (t / 15.0) ** 0.9 / (1.0 + np.exp((f - turn) / 0.28)) / np.sqrt(1.0 + b / 10.0)
        + 0.01 * t / 15.0
    )


def _polynomial(t: FloatArray, f: FloatArray, b: FloatArray) -> FloatArray:
    d = t * _DAYS_PER_YEAR + DETECTOR.launched - DETECTOR.date_zero
    level = 0.055 + 7.5e-5 * d + 2e-9 * d**2
    return level * (2.6 - 0.9 * f + 0.08 * f**2) * (1.0 - 0.42 * np.log10(1.0 + b))


def _zero(t: FloatArray, f: FloatArray, b: FloatArray) -> FloatArray:
    return np.zeros(np.broadcast_shapes(t.shape, f.shape, b.shape))


@dataclass(frozen=True)
class Law:
    """A law of the loss.

    Attributes
    ----------
    name, meaning : str
        What to call it; what is in it.
    function : callable
        S of years since launch, log10 flux and background.
    """

    name: str
    meaning: str
    function: Loss

    def loss(self, mjd: ArrayLike, log_flux: ArrayLike, background: ArrayLike) -> FloatArray:
        """Return S for dates (MJD), log10 fluxes (electrons) and backgrounds (e-/px), broadcast."""
        t, f, b = np.broadcast_arrays(
            years_since_launch(mjd), np.asarray(log_flux, np.float64), np.asarray(background, np.float64)
        )
        return np.asarray(self.function(t, f, b))

    def left(
        self, flux: ArrayLike, rows: ArrayLike, mjd: ArrayLike, background: ArrayLike, factor: ArrayLike = 1.0
    ) -> FloatArray:
        """Return what readout leaves of true fluxes: d(ln F)/dt = -factor S(F), t = rows / 2048.

        Parameters
        ----------
        flux, rows, mjd, background : array_like
            True flux (electrons), rows to the amplifiers, date, background (e-/px); broadcast.
        factor : array_like, optional
            What multiplies the law, such as that of a chip or of a visit.
        """
        star, way, date, sky, times = np.broadcast_arrays(
            *(np.asarray(v, np.float64) for v in (flux, rows, mjd, background, factor))
        )
        u, ln10 = np.log10(star), np.log(10.0)
        step = way / CHIP_HEIGHT / _STEPS

        def rate(value: FloatArray) -> FloatArray:
            return np.asarray(-times * self.loss(date, value, sky) / ln10)

        for _ in range(_STEPS):
            one = rate(u)
            two = rate(u + 0.5 * step * one)
            three = rate(u + 0.5 * step * two)
            u = u + step / 6.0 * (one + 2.0 * two + 2.0 * three + rate(u + step * three))
        return np.asarray(10.0**u, dtype=np.float64)


def _named(name: str, meaning: str, function: Loss) -> tuple[str, Law]:
    return name, Law(name, meaning, function)


#: The laws by name.
LAWS: Mapping[str, Law] = dict(
    (
        _named("power", "t^1.2 with a kink in 2020, flux^-0.45, exp(-b/30)", _power),
        _named("saturating", "linear in time, hyperbolic in flux and background", _saturating),
        _named(
            "over-corrected", "FLC: a small loss that turns into a gain for bright stars", _over_corrected
        ),
        _named("two-species", "two kinds of traps, one saturating in time, one growing", _two_species),
        _named("solar-cycle", "a rate that goes with the solar cycle of 11 years", _solar_cycle),
        _named("anneal", "a fall by 8% at an anneal in 2016", _anneal),
        _named("shelf", "flat below a flux that moves with background, steep above", _shelf),
        _named("polynomial", "the published family, linear in log background", _polynomial),
        _named("zero", "no loss at all", _zero),
    )
)
