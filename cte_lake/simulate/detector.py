"""What the detector adds to the sky: cosmic rays, hot pixels, bad columns, saturation and noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from cte_lake.compiled import compiled
from cte_lake.simulate.geometry import CHIP_COLUMNS, CHIP_ROWS, first_column

FloatImage = NDArray[np.float32]

#: Data-quality bits.
DQ_BAD, DQ_HOT, DQ_CTE_TAIL, DQ_WARM, DQ_SATURATED = 4, 16, 32, 64, 256

#: Cosmic rays: median charge (e-) per px of path, and its scatter (natural logarithm).
CR_ELECTRONS_PER_PX, CR_SCATTER = 330.0, 1.15
#: The silicon is as deep as a pixel is wide, so a track is as long (px) as the tangent of its slant.
CR_LONGEST_PX = 80.0
#: Charge diffusion of a track, px (sigma).
CR_DIFFUSION = 0.35


@dataclass(frozen=True)
class Detector:
    """Rates and limits of the simulated detector.

    Attributes
    ----------
    read_noise : float
        e- per px.
    sky_rate : float
        Sky in F502N, e-/s/px; other filters by their throughput.
    dark_rate : float
        e-/s/px.
    cosmic_ray_rate : float
        Events per px and second; 1.4e-6 is 0.6 per cm2 and second. 0 for none.
    hot_fraction : float
        Fraction of hot pixels at MJD 57600; grows in proportion to the time since launch to orbit.
    full_well : float
        e- over which a pixel bleeds along its column.
    bad_columns : bool
        Every 250th column is flagged bad and reads low.
    trails : bool
        Released charge forms a trail behind each star; otherwise what is lost is gone.
    trail_length : float
        Scale of the trail, px.
    flc_fraction : float
        Part of the loss that is left in the FLC.
    """

    read_noise: float = 3.0
    sky_rate: float = 0.0026
    dark_rate: float = 8.0 / 3600.0
    cosmic_ray_rate: float = 1.4e-6
    hot_fraction: float = 0.011
    full_well: float = 72000.0
    bad_columns: bool = True
    trails: bool = False
    trail_length: float = 6.0
    flc_fraction: float = 0.35


#: MJD at which the detector was new, and at which `Detector.hot_fraction` holds.
MJD_NEW, MJD_HOT = 54970.0, 57600.0


def cosmic_rays(rng: np.random.Generator, width: int, exptime: float, rate: float) -> FloatImage:
    """Image of the charge of cosmic rays that hit a chip during an exposure.

    Directions are those of an isotropic flux through a plane; the length of a track and its charge grow with
    the slant, the charge with a long-tailed scatter.

    Parameters
    ----------
    rng : numpy.random.Generator
        Draws them.
    width : int
        Columns.
    exptime : float
        Seconds.
    rate : float
        Events per px and second.

    Returns
    -------
    ndarray of float32, shape (2051, width)
        Electrons.
    """
    image = np.zeros((CHIP_ROWS, width), dtype=np.float32)
    count = int(rng.poisson(rate * image.size * exptime))
    if count == 0:
        return image
    cosine = np.sqrt(rng.uniform(0.0, 1.0, count))
    length = np.minimum(np.sqrt(1.0 - cosine**2) / cosine, CR_LONGEST_PX)
    charge = CR_ELECTRONS_PER_PX * np.hypot(length, 1.0) * np.exp(rng.normal(0.0, CR_SCATTER, count))
    angle = rng.uniform(0.0, 2.0 * np.pi, count)
    x, y = rng.uniform(-0.5, width - 0.5, count), rng.uniform(-0.5, CHIP_ROWS - 0.5, count)
    samples = np.maximum(np.ceil(length * 3.0).astype(int), 1)
    track = np.repeat(np.arange(count), samples)
    step = np.arange(track.size) - np.repeat(np.cumsum(samples) - samples, samples)
    along = (step + 0.5) / samples[track] * length[track]
    column = np.rint(x[track] + along * np.cos(angle[track])).astype(int)
    row = np.rint(y[track] + along * np.sin(angle[track])).astype(int)
    on = (column >= 0) & (column < width) & (row >= 0) & (row < CHIP_ROWS)
    np.add.at(image, (row[on], column[on]), (charge / samples)[track][on].astype(np.float32))
    return np.asarray(gaussian_filter(image, CR_DIFFUSION, truncate=5.0))


def hot_pixels(
    chip: int, width: int, mjd: float, fraction: float, seed: int
) -> tuple[NDArray[np.intp], FloatImage]:
    """Hot pixels of a chip: the same ones in every exposure, more of them with time.

    Returns
    -------
    index : ndarray, shape (n,)
        Flat indices.
    rate : ndarray of float32, shape (n,)
        Excess dark current, e-/s.
    """
    size = CHIP_ROWS * width
    final = int(size * fraction * 2.0)
    rng = np.random.default_rng(np.random.SeedSequence([seed, chip, width, 16]))
    index = rng.integers(0, size, final)
    # A pixel drawn twice counts once; the order, in which they turn hot, is kept.
    index = index[np.sort(np.unique(index, return_index=True)[1])]
    rate = np.exp(rng.normal(np.log(0.03), 1.2, index.size)).astype(np.float32)
    age = np.clip((mjd - MJD_NEW) / (MJD_HOT - MJD_NEW), 0.0, 2.0)
    present = int(size * fraction * age)
    return index[:present], rate[:present]


def data_quality(
    width: int, hot: NDArray[np.intp], hot_rate: FloatImage, detector: Detector
) -> NDArray[np.int16]:
    """Flags known before the exposure: hot and warm pixels, bad columns, charge tails (32, harmless)."""
    dq = np.zeros((CHIP_ROWS, width), dtype=np.int16)
    flat = dq.reshape(-1)
    flat[hot] |= np.where(hot_rate > 0.015, DQ_HOT, DQ_WARM).astype(np.int16)
    if detector.bad_columns:
        columns = np.arange(137, CHIP_COLUMNS, 250) - first_column(width)
        columns = columns[(columns >= 0) & (columns < width)]
        dq[:, columns] |= DQ_BAD
        beside = columns[columns + 1 < width] + 1
        dq[CHIP_ROWS // 2 :, beside] |= DQ_CTE_TAIL
    return dq


@compiled
def bleed(image: FloatImage, full_well: float) -> None:
    """Let charge over the full well run along its column, half up and half down, in place."""
    rows, columns = image.shape
    for column in range(columns):
        for row in range(rows):
            excess = image[row, column] - full_well
            if excess <= 0.0:
                continue
            image[row, column] = full_well
            for direction in (-1, 1):
                left = excess / 2.0
                k = row + direction
                while left > 0.0 and 0 <= k < rows:
                    room = max(full_well - image[k, column], 0.0)
                    # Charge in rows not yet visited is levelled when the loop comes to them.
                    moved = min(room, left)
                    image[k, column] += moved
                    left -= moved
                    k += direction
