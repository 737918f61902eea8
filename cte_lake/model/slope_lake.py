"""The slopes of a simulated lake, drawn without stars: campaigns of hundreds of lakes in seconds.

A slope's error is what the noise of the stars of its bin gives; a visit scatters all its losses by one
factor; the chips lie to either side of their mean, which moves the ratio in the middle of the chip and not
its slope.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from cte_lake.arrays import FloatArray
from cte_lake.model.laws import Law, years_since_launch
from cte_lake.model.loss_unit import CHIP_HEIGHT, CHIP_ROWS
from cte_lake.model.points import FitPoints

Bin = tuple[float, float]
#: c of years since launch and log10 flux.
Apart = Callable[[FloatArray, FloatArray], FloatArray]

#: The bins of the package that do not overlap, electrons.
BINS: tuple[Bin, ...] = (
    (250.0, 500.0), (500.0, 1000.0), (1000.0, 2000.0), (2000.0, 4000.0), (4000.0, 8000.0), (8000.0, 32000.0),
)  # fmt: skip
_NODES = 24


@dataclass(frozen=True)
class SlopeLake:
    """What is simulated.

    Attributes
    ----------
    law : Law
        The loss.
    epochs : int
        Dates, evenly from `first` to `last` (MJD); each has a pair per level of post-flash.
    flash : tuple of float
        Levels of post-flash, e-/px.
    visits_per_epoch : int
        Visits that the pairs of an epoch are spread over.
    sky, sky_scatter, read_noise, flat_error : float
        e-/px, relative, e-/px, relative; the sky scatters from pair to pair.
    stars : int
        Stars of a pair between 80 and 60,000 e-, dN/dF ~ F**-1.3.
    visit_scatter : float
        Standard deviation of the factor that a visit has on its losses.
    chips : float or callable
        Half the relative difference of the chips' losses: chip 1 loses 1 + chips, chip 2 1 - chips times
        the mean; or that as a function of years since launch and log10 flux.
    zero_point : float
        ln of the chips' ratio of fluxes without any loss.
    outliers : float
        Fraction of wild slopes, off by some ten errors.
    """

    law: Law
    epochs: int = 28
    first: float = 55106.0
    last: float = 60560.0
    flash: tuple[float, ...] = (0.0, 6.0, 12.0, 33.0, 55.0, 116.0)
    visits_per_epoch: int = 3
    sky: float = 3.0
    sky_scatter: float = 0.15
    read_noise: float = 3.1
    flat_error: float = 0.012
    stars: int = 4000
    visit_scatter: float = 0.02
    chips: float | Apart = 0.05
    zero_point: float = 0.0
    outliers: float = 0.0

    def apart(self, t: FloatArray, f: FloatArray) -> FloatArray:
        """Return half the chips' relative difference at years since launch and log10 fluxes."""
        return self.chips(t, f) if callable(self.chips) else np.full(np.broadcast(t, f).shape, self.chips)

    def law_of(self, chip: int) -> Law:
        """Return the law of a chip."""
        sign, law = (1.0 if chip == 1 else -1.0), self.law.function
        return Law(
            self.law.name, f"chip {chip}", lambda t, f, b: law(t, f, b) * (1 + sign * self.apart(t, f))
        )

    def draw(self, seed: int) -> tuple[FitPoints, FloatArray]:
        """Return the slopes of a lake, and each one's factor of its visit."""
        rng = np.random.default_rng(seed)
        dates = np.linspace(self.first, self.last, self.epochs)
        dates = dates + rng.uniform(-40.0, 40.0, dates.size) * (dates != self.first) * (dates != self.last)
        epoch = np.repeat(np.arange(self.epochs), len(self.flash))
        level = np.tile(np.arange(len(self.flash)), self.epochs)
        visit = epoch * self.visits_per_epoch + level % self.visits_per_epoch
        factors = 1.0 + self.visit_scatter * rng.normal(size=self.epochs * self.visits_per_epoch)
        own = np.abs(self.sky * (1.0 + self.sky_scatter * rng.normal(size=epoch.size)))
        sky = own + np.array(self.flash)[level]
        mjd = dates[epoch] + rng.uniform(0.0, 2.0, epoch.size)
        parts = [self._bin(one, mjd, sky, factors[visit], rng) for one in BINS]
        names = np.array([f"sim/{number:03d}" for number in visit])
        columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
        points = FitPoints(visit=np.tile(names, len(BINS)), **columns)
        return points, np.tile(factors[visit], len(BINS))

    def _bin(
        self, limits: Bin, mjd: FloatArray, sky: FloatArray, factor: FloatArray, rng: np.random.Generator
    ) -> dict[str, FloatArray]:
        low, high = limits
        flux = np.geomspace(low, high, 2 * _NODES + 1)[1::2]
        share = flux**-0.3 / np.sum(flux**-0.3)
        count = self.stars * (low**-0.3 - high**-0.3) / (80.0**-0.3 - 6e4**-0.3)
        number = np.maximum(rng.poisson(count, mjd.size), 12).astype(np.float64)
        variance = flux + math.pi * 9.0 * (sky[:, None] + self.read_noise**2) + (self.flat_error * flux) ** 2
        scatter = np.sqrt(2.0 * (variance / flux**2) @ share)
        error = scatter / np.sqrt(number) / (CHIP_ROWS / math.sqrt(12.0)) * CHIP_HEIGHT / 2.0
        both = self.law.loss(mjd[:, None], np.log10(flux), sky[:, None])
        loss = (both @ share) * factor
        apart = (both * self.apart(years_since_launch(mjd)[:, None], np.log10(flux)) @ share) * factor
        wild = (rng.uniform(size=mjd.size) < self.outliers) * rng.normal(0.0, 10.0, mjd.size)
        level_err = scatter / np.sqrt(number)
        return {
            "mjd": mjd,
            "loss": loss + error * (rng.normal(size=mjd.size) + wild),
            "loss_err": error,
            "log_flux": np.full(mjd.size, float(np.log10(flux) @ share)),
            "log_flux_sq": np.full(mjd.size, float(np.log10(flux) ** 2 @ share)),
            "background": sky,
            "bin_lo": np.full(mjd.size, low),
            "bin_hi": np.full(mjd.size, high),
            "n": number,
            "level": self.zero_point - apart + level_err * rng.normal(size=mjd.size),
            "level_err": level_err,
        }
