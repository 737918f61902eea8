"""What the chips' losses are solved from: stars by exposures, and what the exposures are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from cte_lake.arrays import FloatArray

SmallArray = NDArray[np.float32]
IntArray = NDArray[np.intp]


#: Stars beside a bin, whose level is followed because they may come into it: what a star has lost on average
#: makes it fainter than it was.
MARGIN = (0.5, 1.2)


@dataclass(frozen=True, order=True)
class Setting:
    """What exposures of one group share: one loss per flux bin belongs to it.

    Attributes
    ----------
    chip : int
        1 or 2.
    epoch : int
        Number of the epoch.
    flash : int
        Post-flash, e-/px.
    """

    chip: int
    epoch: int
    flash: int


@dataclass(frozen=True, eq=False)
class Exposures:
    """The exposures, sorted by their settings, and the flux bins.

    Attributes
    ----------
    names : tuple of str
        Image names.
    settings : tuple of Setting
        The distinct settings, sorted.
    setting_of : ndarray of int, shape (exposures,)
        Index into `settings`, never falling.
    exptime, mjd, background : ndarray, shape (exposures,)
        Seconds; start (MJD); e-/px at readout: sky and post-flash.
    bins : tuple of (float, float)
        Flux bins that do not overlap, rising: electrons before the loss, in the median exposure time.
    turn : ndarray, shape (exposures,)
        -1 where the stars' rows run the other way than in the others, as `turns` finds it; else 1.
    """

    names: tuple[str, ...]
    settings: tuple[Setting, ...]
    setting_of: IntArray
    exptime: FloatArray
    mjd: FloatArray
    background: FloatArray
    bins: tuple[tuple[float, float], ...]
    turn: FloatArray

    @classmethod
    def sorted_by_setting(
        cls,
        names: Sequence[str],
        settings: Sequence[Setting],
        exptime: FloatArray,
        mjd: FloatArray,
        background: FloatArray,
        bins: Sequence[tuple[float, float]],
    ) -> tuple[Exposures, IntArray]:
        """Return exposures in the order that the solution needs, and the index that sorts them so."""
        order = np.array(sorted(range(len(names)), key=lambda e: (settings[e], mjd[e], names[e])), np.intp)
        distinct = sorted(set(settings))
        number = {one: k for k, one in enumerate(distinct)}
        index = np.array([number[settings[e]] for e in order], dtype=np.intp)
        return (
            cls(
                tuple(names[e] for e in order),
                tuple(distinct),
                index,
                exptime[order],
                mjd[order],
                background[order],
                tuple(sorted(bins)),
                np.ones(order.size),
            ),
            order,
        )

    def __len__(self) -> int:
        return len(self.names)

    @cached_property
    def first_of_setting(self) -> IntArray:
        """Index of the first exposure of each setting."""
        return np.searchsorted(self.setting_of, np.arange(len(self.settings)))

    @cached_property
    def zero(self) -> FloatArray:
        """ln(exposure time / its median): the zero points to begin with."""
        return np.asarray(np.log(self.exptime / np.median(self.exptime)))

    def bin_of(self, flux: FloatArray) -> NDArray[np.int8]:
        """Return the number of each flux's bin; -2 - number for stars beside one, -1 for all others."""
        found = np.full(flux.shape, -1, dtype=np.int8)
        for number, (low, high) in enumerate(self.bins):
            beside = (flux >= low * MARGIN[0]) & (flux < high * MARGIN[1]) & (found < 0)
            found[beside] = -2 - number
            found[(flux >= low) & (flux < high)] = number
        return found


@dataclass(frozen=True, eq=False)
class StarRows:
    """Some stars in all exposures; every array has the shape (stars, exposures).

    Attributes
    ----------
    flux : ndarray of float32
        Electrons less the sky; NaN where the star was not measured, or not well.
    noise : ndarray of float32
        Variance (e-2) of a flux but for the star's own photons.
    distance : ndarray of float32
        Readout distance over 2048 rows.
    """

    flux: SmallArray
    noise: SmallArray
    distance: SmallArray

    def __len__(self) -> int:
        return int(self.flux.shape[0])

    def part(self, start: int, stop: int) -> StarRows:
        """Return some of the stars."""
        return StarRows(self.flux[start:stop], self.noise[start:stop], self.distance[start:stop])

    def mean_log(self, zero: FloatArray) -> FloatArray:
        """Return ln(flux) of each star in the median exposure time, of all its light; NaN for none."""
        seen = np.isfinite(self.flux)
        light = np.where(seen, self.flux, 0.0).sum(axis=1, dtype=np.float64)
        time = seen.astype(np.float32) @ np.exp(zero).astype(np.float32)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(np.log(np.where(light > 0, light, np.nan) / time), dtype=np.float64)


def turns(rows: StarRows, exposures: Exposures) -> FloatArray:
    """Return 1 for exposures in which the rows of the stars run as in the first that shares stars, else -1.

    Where rolls differ by other than half a turn the sign means nothing, and nothing rests on it.
    """
    chip_1 = np.array([one.chip == 1 for one in exposures.settings])[exposures.setting_of]
    seen = np.isfinite(rows.flux)
    row = np.where(seen, np.where(chip_1, 1.0 - rows.distance, rows.distance) - 0.5, 0.0)
    product = row.T @ row
    turn = np.zeros(len(exposures))
    for start in range(turn.size):
        if turn[start]:
            continue
        turn[start] = 1.0
        front = [start]
        while front:
            at = front.pop()
            reached = np.flatnonzero((turn == 0) & (np.abs(product[at]) > 0))
            turn[reached] = turn[at] * np.sign(product[at, reached])
            front += reached.tolist()
    return turn


@dataclass(frozen=True, eq=False)
class StarState:
    """What is known of the stars of a group between two passes; every array has the shape (stars,).

    Attributes
    ----------
    level : ndarray
        ln(electrons before the loss) in the median exposure time.
    bin : ndarray of int8
        Flux bin as `Exposures.bin_of` gives it; below 0: takes no part.
    spread : ndarray
        Factor on the star's variance, 1 unless it scatters by more than its noise.
    """

    level: FloatArray
    bin: NDArray[np.int8]
    spread: FloatArray


@dataclass(frozen=True, eq=False)
class Terms:
    """The terms that all stars share.

    Attributes
    ----------
    zero : ndarray, shape (bins, exposures)
        Zero points, natural logarithm; alike in all bins unless each bin has its own.
    loss : ndarray, shape (settings, bins)
        S at the bin's pivot, fraction per 2048 rows of what is left.
    scatter : ndarray, shape (bins,)
        Relative scatter of a flux beyond its noise (flat field, centring).
    pivot : ndarray, shape (bins,)
        ln(electrons before the loss) for which the losses of a bin stand.
    power : ndarray, shape (bins,)
        Within a bin the loss goes with the flux to this power.
    common : ndarray, shape (settings, bins)
        Mean loss of both chips, which is what changes with the flux within a bin: the chips' difference is
        taken as one for the bin, or the power would add what no exposure shows.
    """

    zero: FloatArray
    loss: FloatArray
    scatter: FloatArray
    pivot: FloatArray
    power: FloatArray
    common: FloatArray
