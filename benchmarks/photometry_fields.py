"""Simulated pairs of exposures whose loss is known, for the benchmarks of the photometry."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.ndimage import binary_dilation
from scipy.spatial import KDTree

from cte_lake.model.estimators import bin_slopes
from cte_lake.names import Estimator
from cte_lake.photometry import PixelData
from cte_lake.simulate import Settings, make_field, simulate_exposure
from cte_lake.simulate.exposure import SimulatedExposure
from cte_lake.simulate.geometry import CHIP_ROWS, pixel_area
from cte_lake.simulate.program import TARGETS, nominal_visit
from cte_lake.simulate.truth import FLUX_BINS, pair_truth

Array = npt.NDArray[np.float64]

EPOCHS = (55466.0, 57601.0, 60000.0)
FIELDS = {"crowded": ("ngc104", 24_000, 512), "sparse": ("ngc6791", 2_000, 1024)}
"""Target, stars over 250 e- on a whole chip, columns of the frames."""
CATALOG_SCATTER = 0.05
POINTING_SCATTER = 0.1
"""Errors of the positions, px: 2 mas of the catalog, and what alignment leaves of the pointing."""
CR_FLOOR, CR_CERTAIN, CR_FOUND = 50.0, 100.0, (0.97, 0.995)
"""A cosmic-ray mask like the pipeline's: 97% of the pixels over 50 e-, 99.5% over 100 e-, grown by 1 px."""
ISOLATED = 5.0
"""Fluxes are told of stars without another of the catalog within so many px; slopes of all."""


@dataclass(frozen=True, eq=False)
class Frame:
    """One chip of one exposure, its catalog positions, and the fluxes left in r = 3 px after readout."""

    pixels: PixelData
    cosmic_rays: npt.NDArray[np.bool_]
    id: npt.NDArray[np.int64]
    x: Array
    y: Array
    flux: Array


@dataclass(frozen=True, eq=False)
class Pair:
    """A frame on chip 2 and one on chip 1, and the true losses per flux bin.

    The truth is what a measurement without noise finds of the stars' own light, by each estimator: the slope
    of the ratios has the same S^2/10 as the measured one.
    """

    epoch: float
    chip_2: Frame
    chip_1: Frame
    truth: dict[Estimator, Array]


def make_frame(exposure: SimulatedExposure, chip: int, width: int, rng: np.random.Generator) -> Frame:
    """Apply the pixel area map, make the masks and put errors on the positions."""
    simulated, stars = exposure.chips["flt", chip], exposure.stars[chip]
    area = pixel_area(chip, width)
    charge = exposure.cosmic_rays[chip]
    found = rng.uniform(size=charge.shape) < np.where(charge > CR_CERTAIN, CR_FOUND[1], CR_FOUND[0])
    rays = binary_dilation((charge > CR_FLOOR) & found)
    shift = rng.normal(0.0, POINTING_SCATTER, 2)
    order = np.argsort(stars.id)
    on = (np.abs(stars.x - (width - 1) / 2) < width / 2) & (
        np.abs(stars.y - (CHIP_ROWS - 1) / 2) < CHIP_ROWS / 2
    )
    order = order[on[order]]
    return Frame(
        pixels=PixelData(simulated.sci * area, simulated.err * area, (simulated.dq & ~32) != 0),
        cosmic_rays=rays,
        id=stars.id[order],
        x=stars.x[order] + shift[0],
        y=stars.y[order] + shift[1],
        flux=(stars.flux * (1.0 - stars.lost))[order],
    )


def simulate_pairs(kind: str, n_pairs: int, seed: int) -> Iterator[Pair]:
    """Yield so many pairs an epoch; each has its own field."""
    target, stars, width = FIELDS[kind]
    for epoch in EPOCHS:
        for k in range(n_pairs):
            own = 1000 * seed + 100 * EPOCHS.index(epoch) + k
            rng = np.random.default_rng([own, len(kind)])
            visit = nominal_visit(TARGETS[target], epoch)
            field = make_field(visit.exposures, width=width, stars=round(stars * width / 4096), seed=own)
            settings = Settings(width=width, seed=own)
            first, second = (
                simulate_exposure(plan, field, settings, chips=(chip,))
                for plan, chip in zip(visit.exposures, (2, 1), strict=True)
            )
            truth = pair_truth(visit.pairs[0], first, second, width=width)
            loss = np.array([np.nan if b["loss"] is None else b["loss"] for b in truth["cte_per_2048"]])
            error = rng.normal(0.0, CATALOG_SCATTER, (2, field.id.max() + 1))
            chip_2, chip_1 = (
                replace(frame, x=frame.x + error[0, frame.id], y=frame.y + error[1, frame.id])
                for frame in (make_frame(first, 2, width, rng), make_frame(second, 1, width, rng))
            )
            logarithms, _ = losses_of(chip_2, chip_1, chip_2.flux, chip_1.flux, "log_ratio", clip_sigma=1e9)
            yield Pair(epoch, chip_2, chip_1, {"mean_flux": loss, "log_ratio": logarithms})


def losses_of(
    chip_2: Frame, chip_1: Frame, flux_2: Array, flux_1: Array, estimator: Estimator, clip_sigma: float = 4.0
) -> tuple[Array, Array]:
    """Return loss per 2048 rows and its standard error per flux bin, as the monitor measures them."""
    _, in_2, in_1 = np.intersect1d(chip_2.id, chip_1.id, return_indices=True)
    found = bin_slopes(chip_2.y[in_2], flux_1[in_1], flux_2[in_2], FLUX_BINS, estimator, clip_sigma)
    return found.slope * 1024.0, found.slope_err * 1024.0


def isolated(frame: Frame) -> npt.NDArray[np.bool_]:
    """Return which stars have no other of the catalog within `ISOLATED` px."""
    places = np.column_stack([frame.x, frame.y])
    nearest, _ = KDTree(places).query(places, k=2)
    return np.asarray(nearest[:, 1] > ISOLATED)
