"""One simulated exposure: the sky, the detector and the loss of charge, as an FLT and its FLC."""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import field as default
from typing import Literal
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from cte_lake.arrays import FloatArray
from cte_lake.simulate.detector import (
    DQ_BAD,
    DQ_SATURATED,
    Detector,
    bleed,
    cosmic_rays,
    data_quality,
    hot_pixels,
)
from cte_lake.simulate.geometry import CHIP_COLUMNS, CHIP_ROWS, pixel_area
from cte_lake.simulate.law import CTELaw, readout_distance
from cte_lake.simulate.optics import Optics
from cte_lake.simulate.program import ExposurePlan
from cte_lake.simulate.psf import encircled_energy, paint_stars
from cte_lake.simulate.stars import THROUGHPUT, StarField, sky_to_pixel
from cte_lake.simulate.trail import returned, trail, trail_shift

FloatImage = NDArray[np.float32]
FileType = Literal["flt", "flc"]

#: Radius (px) in which the law's flux and the true fluxes are counted: the one the monitor analyses.
LAW_RADIUS = 3.0
#: Drift (px) of a smeared exposure and the steps in which it is painted.
SMEAR_PX, SMEAR_STEPS = 30.0, 45


@dataclass(frozen=True)
class Settings:
    """What is the same for all exposures of a simulation.

    Attributes
    ----------
    detector : Detector
        Rates and limits.
    width : int
        Columns of the centred cut-out; 4096 for the full frame. Height is always full.
    seed : int
        Same seed, plan and field: same frames, to the bit.
    optics : Optics
        Width of stars and sky over the field.
    """

    law: CTELaw = default(default_factory=CTELaw)
    detector: Detector = default(default_factory=Detector)
    width: int = CHIP_COLUMNS
    seed: int = 0
    optics: Optics = default(default_factory=Optics)


@dataclass(frozen=True, eq=False)
class StarTruth:
    """What is true of the stars on one chip of one exposure; every array has shape (n,).

    Attributes
    ----------
    id : ndarray of int64
        Numbers of the field.
    x, y : ndarray
        0-based pixels, before any error of the header.
    flux : ndarray
        e- within r = 3 px, pixel area corrected, before the loss.
    loss : ndarray
        S, fraction lost per 2048 rows in the FLT.
    lost : ndarray
        Fraction of the flux lost by this star in the FLT (with trails: less what comes back within r = 3 px).
    shift, shift_flc : ndarray
        How far the star's trail moves its centroid away from the amplifiers in the FLT and the FLC, px; 0
        without trails.
    """

    id: NDArray[np.int64]
    x: FloatArray
    y: FloatArray
    flux: FloatArray
    loss: FloatArray
    lost: FloatArray
    shift: FloatArray
    shift_flc: FloatArray


@dataclass(frozen=True, eq=False)
class SimulatedChip:
    """Arrays of one chip of one file, shape (2051, width): SCI and ERR (e-), DQ flags."""

    sci: FloatImage
    err: FloatImage
    dq: NDArray[np.int16]


@dataclass(frozen=True, eq=False)
class SimulatedExposure:
    """An exposure.

    Attributes
    ----------
    chips : dict
        (file type, chip) -> SimulatedChip.
    stars : dict
        chip -> StarTruth.
    cosmic_rays : dict
        chip -> ndarray of float32 (2051, width), the cosmic rays' own charge, e-.
    background : float
        Sky, dark and post-flash at readout, e-/px.
    """

    plan: ExposurePlan
    chips: dict[tuple[FileType, int], SimulatedChip]
    stars: dict[int, StarTruth]
    cosmic_rays: dict[int, FloatImage]
    background: float


def background_level(plan: ExposurePlan, detector: Detector) -> float:
    """Sky, dark and post-flash at readout, e-/px."""
    sky = detector.sky_rate * THROUGHPUT.get(plan.filter, 1.0)
    return (sky + detector.dark_rate) * plan.exptime + plan.flash


def simulate_exposure(
    plan: ExposurePlan, field: StarField, settings: Settings | None = None, chips: tuple[int, ...] = (2, 1)
) -> SimulatedExposure:
    """Simulate one exposure; no file is touched.

    Returns
    -------
    SimulatedExposure
        The FLT and the FLC are the same exposure: same photons, cosmic rays and noise, but for the loss.
    """
    settings = settings or Settings()
    files: dict[tuple[FileType, int], SimulatedChip] = {}
    stars: dict[int, StarTruth] = {}
    rays: dict[int, FloatImage] = {}
    background = background_level(plan, settings.detector)
    for chip in chips:
        rng = np.random.default_rng(
            np.random.SeedSequence([settings.seed, crc32(plan.rootname.encode()), chip])
        )
        truth = true_stars(plan, field, chip, settings)
        stars[chip] = truth
        flt_image, flc_image = _star_images(plan, truth, chip, settings)
        rays[chip] = cosmic_rays(rng, settings.width, plan.exptime, settings.detector.cosmic_ray_rate)
        flt, flc = _expose(plan, chip, settings, flt_image, flc_image, rays[chip], rng)
        files["flt", chip], files["flc", chip] = flt, flc
    return SimulatedExposure(plan, files, stars, rays, background)


def true_stars(plan: ExposurePlan, field: StarField, chip: int, settings: Settings) -> StarTruth:
    """Positions, fluxes and losses of the stars that fall on (or within 50 px of) a chip."""
    margin = 50.0
    x, y = sky_to_pixel(chip, plan.attitude, settings.width, field.ra, field.dec)
    on = (x > -margin) & (x < settings.width + margin) & (y > -margin) & (y < CHIP_ROWS + margin)
    on &= plan.anomaly != "empty"
    x, y = x[on], y[on]
    if plan.anomaly == "wrong_field":
        # A field seen in a mirror has as many stars and no overlap with the one in the catalog.
        x, y = settings.width - 1 - x[::-1], y[::-1]
    electrons = field.electrons(plan.exptime, plan.filter)[on]
    flux = electrons * encircled_energy(LAW_RADIUS, plan.filter)
    loss = settings.law.loss(plan.mjd, flux, background_level(plan, settings.detector))
    distance = np.clip(readout_distance(chip, y), 0.0, CHIP_ROWS - 1)
    lost = 1.0 - settings.law.survival(loss, distance)
    shift = shift_flc = np.zeros(lost.size)
    if settings.detector.trails:
        length = settings.detector.trail_length
        shift = trail_shift(lost, length, plan.filter)
        shift_flc = trail_shift(lost * settings.detector.flc_fraction, length, plan.filter)
        lost = lost * (1.0 - returned(length, plan.filter, LAW_RADIUS))
    return StarTruth(field.id[on], x, y, flux, loss, lost, shift, shift_flc)


def _star_images(
    plan: ExposurePlan, truth: StarTruth, chip: int, settings: Settings
) -> tuple[FloatImage, FloatImage]:
    """Paint the stars as the FLT and as the FLC has them: total electrons collected per pixel."""
    detector = settings.detector
    electrons = truth.flux / encircled_energy(LAW_RADIUS, plan.filter)
    distance = np.clip(readout_distance(chip, truth.y), 0.0, CHIP_ROWS - 1)
    lost = electrons * (1.0 - settings.law.survival(truth.loss, distance))
    shape = (CHIP_ROWS, settings.width)
    whole, missing = np.zeros(shape, dtype=np.float32), np.zeros(shape, dtype=np.float32)
    optics = settings.optics
    width = optics.width(chip, truth.x, truth.y, settings.width) if optics.widening else None
    for dx, dy, weight in _drift(plan):
        paint_stars(whole, truth.x + dx, truth.y + dy, electrons * weight, plan.filter, width, optics.blurred)
        # The stamp of the star decides how far its wings reach, so the lost part is painted with its own.
        paint_stars(missing, truth.x + dx, truth.y + dy, lost * weight, plan.filter, width, optics.blurred)
    if detector.trails:
        missing -= trail(missing, chip, detector.trail_length)
    flt = whole - missing
    missing *= np.float32(detector.flc_fraction)
    return flt, whole - missing


def _drift(plan: ExposurePlan) -> list[tuple[float, float, float]]:
    """Offsets (px) and weights over which a star's light is spread."""
    if plan.anomaly != "guide_star_smear":
        return [(0.0, 0.0, 1.0)]
    steps = np.linspace(-0.5, 0.5, SMEAR_STEPS)
    return [(SMEAR_PX * s, SMEAR_PX * (s * s - 0.1), 1.0 / SMEAR_STEPS) for s in steps]


def _expose(
    plan: ExposurePlan, chip: int, settings: Settings, flt: FloatImage, flc: FloatImage, rays: FloatImage,
    rng: np.random.Generator,
) -> tuple[SimulatedChip, SimulatedChip]:  # fmt: skip
    """Photons to calibrated electrons: noise, cosmic rays, hot pixels, bleeding, flat field, flags."""
    detector, width = settings.detector, settings.width
    area = pixel_area(chip, width)
    hot, hot_rate = hot_pixels(chip, width, plan.mjd, detector.hot_fraction, settings.seed)
    dq = data_quality(width, hot, hot_rate, detector)
    pedestal = np.full(flt.shape, detector.dark_rate * plan.exptime + plan.flash, dtype=np.float32)
    pedestal.reshape(-1)[hot] += hot_rate * np.float32(plan.exptime)
    sky = np.float32(detector.sky_rate * THROUGHPUT.get(plan.filter, 1.0) * plan.exptime)
    extra_sky = settings.optics.extra_sky(chip).astype(np.float32)
    collected = rng.poisson(flt + (sky + extra_sky) * area + pedestal).astype(np.float32)
    collected += rays
    if plan.chinject != "NONE":
        collected += _injected_charge(plan.chinject, collected.shape, rng)
    collected += rng.standard_normal(collected.shape, dtype=np.float32) * np.float32(detector.read_noise)
    bleed(collected, detector.full_well)
    dq[collected >= 0.98 * detector.full_well] |= DQ_SATURATED
    recovered = np.where(dq & DQ_SATURATED, 0.0, flc - flt).astype(np.float32)
    chips = []
    for charge in (collected, collected + recovered):
        err = np.sqrt(np.maximum(charge, 0.0) + np.float32(detector.read_noise**2)) / area
        sci = (charge - pedestal) / area
        sci[(dq & DQ_BAD) != 0] *= np.float32(0.5)
        chips.append(SimulatedChip(sci, err.astype(np.float32), dq))
    return chips[0], chips[1]


def _injected_charge(mode: str, shape: tuple[int, int], rng: np.random.Generator) -> FloatImage:
    """Noise of injected lines after the bias image took their mean off: about 18 e- in every line."""
    image = np.zeros(shape, dtype=np.float32)
    spacing = int(mode.removeprefix("LINE")) if mode.startswith("LINE") else 1
    lines = image[::spacing]
    lines += rng.standard_normal(lines.shape, dtype=np.float32) * np.float32(18.0)
    return image
