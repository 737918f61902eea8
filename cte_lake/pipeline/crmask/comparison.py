"""The engine 'drizzle': what AstroDrizzle does to find cosmic rays, in this process and strip by strip.

The exposures are drizzled to a common plane (kernel 'turbo', a square of one pixel each), combined there
('minmed'), brought back ('poly5') and compared (driz_cr), all by drizzlepac's rules. Pixels wait in a folder
and only a strip of the plane is in memory for all exposures.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.ndimage import maximum_filter

from cte_lake.arrays import BoolArray, FloatArray
from cte_lake.config.sections import Crmask
from cte_lake.errors import Rejected
from cte_lake.frames.fitsfile import ChipImage, read_chip, replace_wcs
from cte_lake.frames.opening import EXTVER_OF_CHIP, open_frame
from cte_lake.pipeline.crmask.plane_pixels import STEP, Plane, blot, choose, combine, compare, spread
from cte_lake.pipeline.private import silenced
from cte_lake.pipeline.survey import ExposureFile

#: Rows of the plane that are in memory for all exposures.
_STRIP = 256
#: Good pixels of a chip from which its sky is found: to 0.003 e- at a noise of 3 e-.
_SKY_SAMPLE = 1_000_000
#: Share of the usual weight from which a pixel of the plane counts (combine_maskpt).
_LEAST_WEIGHT = 0.3
#: Standard deviations under the sky from which a pixel is no star's (static_sig).
_TOO_LOW = 4.0
#: drizzlepac clears this bit, by which an earlier AstroDrizzle marked its cosmic rays.
_OLD_HITS = 1 << 12


@dataclass(frozen=True)
class Exposure:
    """An exposure whose pixels wait in a folder.

    Attributes
    ----------
    exptime : float
        Seconds.
    sky : mapping of int to float
        By chip, e-/px: of the lower of their medians per sky area, since a crowded chip's is too high.
    variance : float
        Of the read noise of a pixel, electrons squared.
    usual : float
        Share of its pixels that are good: the mean weight on the plane.
    chips : mapping of int to Path
        By chip, the file of its pixels; ``good`` is beside it.
    wcs : mapping of int to HSTWCS
        By chip.
    """

    exptime: float
    sky: Mapping[int, float]
    variance: float
    usual: float
    chips: Mapping[int, Path]
    wcs: Mapping[int, Any]


def set_aside(
    exposure: ExposureFile, cards: Mapping[int, Mapping[str, Any]] | None, good_bits: str, folder: Path
) -> Exposure:
    """Read an exposure, find its sky, and put its pixels into the folder.

    Raises
    ------
    Rejected
        If the file cannot be read, has no exposure time, or no good pixel on a chip.
    """
    name = Path(exposure.path).name
    if not exposure.exptime > 0:
        raise Rejected("missing_keyword", f"{name} has no EXPTIME above 0; fetch it again", stage="crmask")
    wcs, read_noise = _headers(Path(exposure.path), cards)
    brightness, shares, files = [], [], {}
    for chip in (2, 1):
        image = read_chip(exposure.path, chip)
        good = _good_pixels(image, good_bits)
        if not good.any():
            raise Rejected("no_good_pixel", f"chip {chip} of {name} has no good pixel", stage="crmask")
        sky, too_low = _sky(image.data, good)
        good &= image.data >= too_low
        brightness.append(sky / wcs[chip].idcscale ** 2)
        shares.append(good.mean())
        files[chip] = folder / f"{exposure.rootname}_{chip}.npy"
        np.save(files[chip], np.nan_to_num(image.data, nan=0.0, posinf=0.0, neginf=0.0))
        np.save(_good_beside(files[chip]), good)
    skies = {chip: min(brightness) * wcs[chip].idcscale ** 2 for chip in wcs}
    return Exposure(exposure.exptime, skies, read_noise**2, float(np.mean(shares)), files, wcs)


def _headers(path: Path, cards: Mapping[int, Mapping[str, Any]] | None) -> tuple[dict[int, Any], float]:
    """Return the WCS of each chip, with the aligned cards, and the mean read noise of the amplifiers."""
    from stwcs.wcsutil import HSTWCS

    with open_frame(path) as hdus, silenced("stwcs"):
        for chip, extver in EXTVER_OF_CHIP.items():
            if cards is not None:
                replace_wcs(hdus["SCI", extver].header, cards[chip])
        wcs = {chip: HSTWCS(hdus, ("SCI", extver)) for chip, extver in EXTVER_OF_CHIP.items()}
        return wcs, float(np.mean([hdus[0].header[f"READNSE{amplifier}"] for amplifier in "ABCD"]))


def _good_beside(pixels: Path) -> Path:
    return pixels.with_suffix(".good.npy")


def _good_pixels(image: ChipImage, good_bits: str) -> BoolArray:
    bits = _OLD_HITS
    for stated in good_bits.replace("+", ",").split(","):
        bits |= int(stated)
    bad = np.uint16(~bits & 0xFFFF)
    good: BoolArray = np.isfinite(image.data) & ((image.dq.view(np.uint16) & bad) == 0)
    return good


def _sky(data: Plane, good: BoolArray) -> tuple[float, float]:
    """Return the clipped median of a chip's good pixels, and the value below which a pixel is none."""
    from stsci.imagestats import ImageStats

    pixels = data[good]
    sample = np.ascontiguousarray(pixels[:: max(1, pixels.size // _SKY_SAMPLE)])
    sky = ImageStats(sample, fields="median", nclip=5, lsig=4.0, usig=4.0)
    peak = ImageStats(sample, fields="mode", nclip=3)
    return float(sky.median), float(peak.mode - _TOO_LOW * peak.stddev)


def hits_of(
    settings: Crmask, exposures: Mapping[str, Exposure]
) -> dict[str, tuple[dict[int, BoolArray], dict[int, float]]]:
    """Return the masks and the skies of each exposure, by chip, found by comparison with the others."""
    shape, places = common_plane(list(exposures.values()))
    clean = _clean_plane(list(exposures.values()), shape, places)
    return {
        rootname: (
            {chip: _hits(settings, exposure, chip, clean, place[chip]) for chip in place},
            dict(exposure.sky),
        )
        for (rootname, exposure), place in zip(exposures.items(), places, strict=True)
    }


@dataclass(frozen=True)
class Place:
    """Where a chip lies on the plane: its grid, and the area of its pixels by IDCSCALE, in the plane's."""

    grid: FloatArray
    area: float


def common_plane(exposures: Sequence[Exposure]) -> tuple[tuple[int, int], list[dict[int, Place]]]:
    """Return the shape of drizzlepac's plane without distortion that holds all chips, and where they lie."""
    from stwcs.distortion.utils import output_wcs

    plane = output_wcs([wcs for exposure in exposures for wcs in exposure.wcs.values()])
    width, height = plane.pixel_shape
    return (height, width), [
        {
            chip: Place(_grid(wcs, plane), (wcs.idcscale / plane.pscale) ** 2)
            for chip, wcs in exposure.wcs.items()
        }
        for exposure in exposures
    ]


def _grid(wcs: Any, plane: Any) -> FloatArray:
    nx, ny = wcs.pixel_shape
    x, y = np.meshgrid(np.arange(0, nx + STEP, STEP), np.arange(0, ny + STEP, STEP))
    sky = wcs.all_pix2world(x.ravel(), y.ravel(), 0)
    return np.stack([on.reshape(x.shape) for on in plane.wcs_world2pix(*sky, 0)])


def _clean_plane(
    exposures: Sequence[Exposure], shape: tuple[int, int], places: Sequence[Mapping[int, Place]]
) -> Plane:
    """Return the exposures' common image, e-/s, without sky and cosmic rays."""
    clean = np.empty(shape, np.float32)
    exptime, variance, usual = (
        np.array([getattr(exposure, name) for exposure in exposures])
        for name in ("exptime", "variance", "usual")
    )
    sky = np.array([min(exposure.sky.values()) for exposure in exposures])
    for first in range(0, shape[0], _STRIP):
        rows = clean[first : first + _STRIP]
        top, end = max(first - 1, 0), min(first + len(rows) + 1, shape[0])
        signal = np.zeros((len(exposures), end - top, shape[1]), np.float32)
        weight = np.zeros_like(signal)
        for k, (exposure, place) in enumerate(zip(exposures, places, strict=True)):
            for chip in place:
                _spread_rows(exposure, chip, place[chip], top, signal[k], weight[k])
        median, lowest, excess = np.empty((3, *signal.shape[1:]), np.float32)
        combine(signal, weight, exptime, sky, _LEAST_WEIGHT * usual, variance, median, lowest, excess)
        choose(median, lowest, excess, first - top, rows)
    return clean


def _spread_rows(exposure: Exposure, chip: int, place: Place, top: int, signal: Plane, weight: Plane) -> None:
    """Add those rows of a chip to a strip that fall on it."""
    low, high = place.grid[1].min(axis=1), place.grid[1].max(axis=1)
    here = np.flatnonzero(
        (np.maximum(high[1:], high[:-1]) > top - 2) & (np.minimum(low[1:], low[:-1]) < top + len(signal) + 1)
    )
    if here.size:
        rows = slice(here[0] * STEP, (here[-1] + 1) * STEP)
        # Mapped for these rows alone: what is mapped counts as this process's memory.
        data = np.load(exposure.chips[chip], mmap_mode="r")[rows] - np.float32(exposure.sky[chip])
        data /= np.float32(place.area)
        good = np.array(np.load(_good_beside(exposure.chips[chip]), mmap_mode="r")[rows])
        spread(data, good, place.grid, rows.start, top, signal, weight)


def _hits(settings: Crmask, exposure: Exposure, chip: int, clean: Plane, place: Place) -> BoolArray:
    data = np.load(exposure.chips[chip])
    expected, hit = np.empty_like(data), np.empty(data.shape, bool)
    blot(clean, place.grid, exposure.exptime * place.area, exposure.sky[chip], expected)
    compare(data, expected, exposure.sky[chip], exposure.variance, settings.snr, settings.scale, hit)
    grown: BoolArray = maximum_filter(hit, settings.grow) if settings.grow > 1 else hit
    return grown
