"""Photometry of simulated pairs with a known law: what closure tests are made on.

Stars have a power law of fluxes and fall anywhere on the chip; readout takes the injected loss, then come
photon, sky, read and flat-field noise, outliers (a neighbour, a cosmic ray, a wrong match) and a difference
of zero point between the two exposures. No pixels: a realisation takes milliseconds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from cte_lake.arrays import FloatArray
from cte_lake.model.loss_unit import CHIP_HEIGHT, CHIP_ROWS
from cte_lake.model.readout import lose
from cte_lake.model.terms import MJD_ZERO

#: c_ij of the default law, (0.055 + 7.5e-5 d + 2e-8 d**2) (2.6 - 0.9 f + 0.08 f**2): near NGC 104, no flash.
DEFAULT_LAW = ((0.143, -0.0495, 0.0044), (1.95e-4, -6.75e-5, 6.0e-6), (5.2e-8, -1.8e-8, 1.6e-9))
Form = Literal["local", "initial", "linear"]
FORMS: tuple[Form, ...] = ("local", "initial", "linear")


@dataclass(frozen=True)
class Injection:
    """What is simulated.

    Attributes
    ----------
    law : 3 x 3 tuple of float
        c_ij of S(d, f).
    form : {'local', 'initial', 'linear'}
        'local': the loss follows the packet's present flux (`cte_lake.model.readout`); 'initial': exp(-S t)
        with S at the flux before readout; 'linear': 1 - S t likewise. The last two test the correction
        against physics that it does not assume; their c_ij are not those of the fit.
    mjd : tuple of float
        Dates of the pairs, each a visit.
    stars : int
        Stars of a pair, between `flux_limits`.
    flux_limits : tuple of float
        True flux in r = 3 px, electrons.
    flux_slope : float
        dN/dF ~ F**-flux_slope.
    background : float
        Electrons per pixel.
    read_noise, flat_error : float
        Electrons per pixel; relative.
    outliers, outlier_dex : float, tuple of float
        Fraction of stars with one flux multiplied or divided by 10**(drawn between the two).
    zero_point : float
        Standard deviation of ln(flux) between the exposures of a pair.
    row_offset : float
        Rows by which chip 1 sees a star lower than chip 2 does.
    """

    law: tuple[tuple[float, float, float], ...] = DEFAULT_LAW
    form: Form = "local"
    mjd: tuple[float, ...] = tuple(
        55106.0 + 277.25 * epoch + 8.0 * repeat for epoch in range(10) for repeat in range(2)
    )
    stars: int = 4000
    flux_limits: tuple[float, float] = (80.0, 6.0e4)
    flux_slope: float = 1.3
    background: float = 3.0
    read_noise: float = 3.1
    flat_error: float = 0.012
    outliers: float = 0.03
    outlier_dex: tuple[float, float] = (0.15, 0.5)
    zero_point: float = 0.005
    row_offset: float = 10.0

    def quadratic(self, mjd: float) -> FloatArray:
        """a0, a1, a2 of the law in log10 flux at a date."""
        d = mjd - MJD_ZERO
        return np.asarray(np.array([1.0, d, d * d]) @ np.array(self.law), dtype=np.float64)


@dataclass(frozen=True)
class SimulatedPair:
    """Stars of a pair.

    Attributes
    ----------
    mjd : float
        Date.
    true_flux : ndarray
        Before readout, electrons.
    y_1, y_2 : ndarray
        Rows on chip 1 and chip 2.
    flux_1, flux_2 : ndarray
        Measured on chip 1 and chip 2.
    clean : ndarray of bool
        No outlier.
    """

    mjd: float
    true_flux: FloatArray
    y_1: FloatArray
    y_2: FloatArray
    flux_1: FloatArray
    flux_2: FloatArray
    clean: NDArray[np.bool_]


def _read_out(setup: Injection, flux: FloatArray, distance: FloatArray, mjd: float) -> FloatArray:
    a = setup.quadratic(mjd)
    if setup.form == "local":
        return lose(flux, distance, a)
    exponent = np.polyval(a[::-1], np.log10(flux)) * distance / CHIP_HEIGHT
    return flux * (np.exp(-exponent) if setup.form == "initial" else 1.0 - exponent)


def _noisy(setup: Injection, flux: FloatArray, generator: np.random.Generator) -> FloatArray:
    per_pixel = setup.background + setup.read_noise**2
    variance = flux + math.pi * 9.0 * per_pixel + (setup.flat_error * flux) ** 2
    return flux + generator.normal(size=flux.size) * np.sqrt(variance)


def simulate_pair(setup: Injection, mjd: float, generator: np.random.Generator) -> SimulatedPair:
    """Draw the stars of one pair and observe them on both chips."""
    size = setup.stars
    low, high = (limit ** (1.0 - setup.flux_slope) for limit in setup.flux_limits)
    flux = (low + generator.uniform(size=size) * (high - low)) ** (1.0 / (1.0 - setup.flux_slope))
    top = CHIP_ROWS - 1.0
    y_2 = generator.uniform(setup.row_offset, top, size)
    y_1 = y_2 - setup.row_offset
    first = _noisy(setup, _read_out(setup, flux, top - y_1, mjd), generator)
    second = _noisy(setup, _read_out(setup, flux, y_2, mjd), generator)
    outlier = generator.uniform(size=size) < setup.outliers
    factor = 10.0 ** (generator.uniform(*setup.outlier_dex, size) * generator.choice([-1.0, 1.0], size))
    on_first = generator.uniform(size=size) < 0.5
    first = np.where(outlier & on_first, first * factor, first)
    second = np.where(outlier & ~on_first, second * factor, second)
    shift = math.exp(generator.normal() * setup.zero_point / 2.0)
    return SimulatedPair(mjd, flux, y_1, y_2, first * shift, second / shift, ~outlier)
