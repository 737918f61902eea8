"""Simulated monitors as star lists, with losses that are known: what the solution is tried on.

No pixels: stars of the simulated luminosity function in exposures that may be rolled, each chip with its own
multiple of a law, zero points that differ, photon, sky and read noise, scatter, outliers and variable stars.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from cte_lake.arrays import FloatArray
from cte_lake.detector import DETECTOR
from cte_lake.model.chips.rows import Exposures, Setting, StarRows, turns
from cte_lake.model.laws import LAWS, Law
from cte_lake.simulate.stars import draw_electrons

#: First exposures with post-flash, MJD.
_FIRST_FLASH = 56230.0
_AREA = np.pi * 9.0
#: Error of the clipped median of an annulus of 10 to 20 px, as in `benchmarks.simulated_photometry`.
_SKY = 1.2533 / np.sqrt(np.pi * 300.0)


@dataclass(frozen=True)
class Trial:
    """What is simulated.

    Attributes
    ----------
    law : str
        Name in `cte_lake.model.laws.LAWS`; its loss is that at the flux before readout.
    chips : tuple of float
        Factors of the law on chip 1 and chip 2.
    rolls : str
        'fixed': every star on its row, but for `jitter`; 'varied': a roll of its own for each epoch;
        'opposed': every other epoch half a turn; 'turned': every other exposure of the last epoch.
    stars : int
        Stars in the field, whose radius is that of a chip's half diagonal.
    dates : tuple of float
        Epochs, MJD.
    flashes : tuple of int
        Levels of post-flash once there are any.
    repeats : int
        Exposures on each chip at each level and epoch.
    sky, read_noise : float
        e-/px.
    zero, scatter, jitter : float
        Standard deviations of the zero points, of a flux beyond its noise (both relative), and of the
        pointing (px).
    outliers, variables : float
        Shares of fluxes that are off by a factor of up to 3, and of stars that vary by 15%.
    alone : float
        Share of exposures that are missing, which leaves others without a partner.
    """

    law: str = "power"
    chips: tuple[float, float] = (0.95, 1.05)
    rolls: str = "fixed"
    stars: int = 3000
    dates: tuple[float, ...] = tuple(55110.0 + 287.0 * k for k in range(20))
    flashes: tuple[int, ...] = (0,)
    repeats: int = 2
    sky: float = 1.7
    read_noise: float = 3.1
    zero: float = 0.005
    scatter: float = 0.007
    jitter: float = 2.0
    outliers: float = 0.01
    variables: float = 0.01
    alone: float = 0.05


@dataclass(frozen=True, eq=False)
class Observed:
    """A simulated monitor.

    Attributes
    ----------
    exposures : Exposures
        Sorted by their settings.
    x, y : ndarray, shape (stars, exposures)
        Places on the chips, px; NaN off them.
    """

    rows: StarRows
    exposures: Exposures
    x: FloatArray
    y: FloatArray


def observe(trial: Trial, generator: np.random.Generator, bins: tuple[tuple[float, float], ...]) -> Observed:
    """Simulate a monitor's star lists."""
    settings, mjd, roll = _plan(trial, generator)
    size = len(settings)
    exposures, order = Exposures.sorted_by_setting(
        [f"trial{number:04d}" for number in range(size)],
        settings,
        np.full(size, 348.0),
        mjd,
        np.array([trial.sky + one.flash for one in settings]),
        bins,
    )
    flux = draw_electrons(generator, trial.stars, 150.0, 6.0e4)
    x, y = _places(trial, generator, roll[order])
    chip = np.array([settings[e].chip for e in order])
    distance = np.where(chip == 1, DETECTOR.top - y, y) / DETECTOR.loss_rows
    factor = np.where(chip == 1, *trial.chips)
    loss = factor * LAWS[trial.law].loss(exposures.mjd, np.log10(flux)[:, None], exposures.background)
    shift = generator.normal(0.0, trial.zero, size)
    expected = flux[:, None] * np.exp(shift - loss * distance)
    noise = _AREA * (exposures.background + trial.read_noise**2)
    noise = noise + (_AREA * _SKY) ** 2 * (exposures.background + trial.read_noise**2)
    measured = _measured(trial, generator, expected, noise)
    rows = StarRows(
        np.where(np.isnan(y), np.nan, measured).astype(np.float32),
        np.broadcast_to(noise, measured.shape).astype(np.float32),
        distance.astype(np.float32),
    )
    return Observed(rows, replace(exposures, turn=turns(rows, exposures)), x, y)


def true_loss(trial: Trial, exposures: Exposures, log_flux: FloatArray) -> FloatArray:
    """Return the true losses of stars of some fluxes before the loss (log10); shape (settings, fluxes)."""
    law: Law = LAWS[trial.law]
    counts = np.bincount(exposures.setting_of)
    mjd = np.bincount(exposures.setting_of, exposures.mjd) / counts
    background = np.bincount(exposures.setting_of, exposures.background) / counts
    factor = np.array([trial.chips[one.chip - 1] for one in exposures.settings])
    return np.asarray(factor[:, None] * law.loss(mjd[:, None], log_flux, background[:, None]))


def _plan(trial: Trial, generator: np.random.Generator) -> tuple[list[Setting], FloatArray, FloatArray]:
    settings, mjd, roll = [], [], []
    for epoch, date in enumerate(trial.dates, start=1):
        angle = float(generator.uniform(0.0, 360.0)) if trial.rolls == "varied" else 0.0
        angle += 180.0 * (trial.rolls == "opposed" and epoch % 2 == 0)
        for flash in trial.flashes if date >= _FIRST_FLASH else (0,):
            for repeat in range(trial.repeats):
                for chip in (2, 1):
                    if generator.uniform() >= trial.alone:
                        settings.append(Setting(chip, epoch, flash))
                        mjd.append(date + 0.01 * repeat + 0.005 * (chip == 1))
                        half = trial.rolls == "turned" and epoch == len(trial.dates) and repeat % 2
                        roll.append(angle + 180.0 * half)
    return settings, np.array(mjd), np.array(roll)


def _places(trial: Trial, generator: np.random.Generator, roll: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Columns and rows of all stars in all exposures; a dither of one chip leaves the row as it is."""
    half_x, half_y = DETECTOR.columns / 2.0, DETECTOR.top / 2.0
    if trial.rolls == "varied":
        radius = np.hypot(half_x, half_y) * np.sqrt(generator.uniform(size=trial.stars))
        angle = generator.uniform(0.0, 2.0 * np.pi, trial.stars)
        u, v = radius * np.cos(angle), radius * np.sin(angle)
    else:
        u, v = (generator.uniform(-half, half, trial.stars) for half in (half_x, half_y))
    turn = np.deg2rad(roll)
    shift = generator.normal(0.0, trial.jitter, (2, roll.size))
    x = half_x + np.outer(u, np.cos(turn)) - np.outer(v, np.sin(turn)) + shift[0]
    y = half_y + np.outer(u, np.sin(turn)) + np.outer(v, np.cos(turn)) + shift[1]
    on: NDArray[np.bool_] = (x >= 0) & (x <= DETECTOR.columns - 1) & (y >= 0) & (y <= DETECTOR.top)
    return np.where(on, x, np.nan), np.where(on, y, np.nan)


def _measured(
    trial: Trial, generator: np.random.Generator, expected: FloatArray, noise: FloatArray
) -> FloatArray:
    seen = np.isfinite(expected)
    light = np.where(seen, expected, 0.0) * (1.0 + trial.scatter * generator.normal(size=expected.shape))
    varies = generator.uniform(size=len(expected)) < trial.variables
    light[varies] *= np.exp(0.15 * generator.normal(size=light[varies].shape))
    off = generator.uniform(size=expected.shape) < trial.outliers
    light[off] *= np.exp(generator.uniform(-1.1, 1.1, size=int(off.sum())))
    return np.asarray(light + generator.normal(size=light.shape) * np.sqrt(light + noise))
