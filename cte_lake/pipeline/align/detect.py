"""Finding the stars of a chip that are good for astrometry: bright, unsaturated, no cosmic rays."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from photutils.detection import DAOStarFinder
from photutils.utils.exceptions import NoDetectionsWarning
from scipy.ndimage import convolve

from cte_lake.arrays import FloatArray
from cte_lake.detector import SIGMA_PER_MAD

#: The threshold is lowered no further than this, in standard deviations of the sky.
LOWEST_THRESHOLD = 5.0
_MOMENT_HALF_WIDTH = 3


@dataclass(frozen=True)
class DetectionSettings:
    """How stars are detected.

    Attributes
    ----------
    fwhm : float
        Width of a star image, px.
    threshold : float
        Detection limit, standard deviations of the sky.
    enough_sources, max_sources : int
        Largest number of stars: the threshold is lowered while fewer are found; the brightest are kept.
    peak_max : float
        Sources with a brighter pixel are left out, electrons.
    sharpness, roundness : tuple of float
        Ranges of DAOFIND's shape measures.
    """

    fwhm: float
    threshold: float
    enough_sources: int
    max_sources: int
    peak_max: float
    sharpness: tuple[float, float]
    roundness: tuple[float, float]


@dataclass(frozen=True)
class Sources:
    """Stars found on a chip, the brightest first.

    Attributes
    ----------
    x, y : ndarray, shape (n,)
        Centres, 0-based pixels.
    flux : ndarray, shape (n,)
        Brightness above the sky, electrons (of the detection's small aperture: for ranking only).
    moments : ndarray, shape (n, 3)
        Second moments xx, yy, xy of the image in 7 x 7 pixels, px^2; NaN where the box leaves the chip.
    """

    x: FloatArray
    y: FloatArray
    flux: FloatArray
    moments: FloatArray

    def __len__(self) -> int:
        return len(self.x)


def detect_sources(data: NDArray[np.float32], bad: NDArray[np.bool_], settings: DetectionSettings) -> Sources:
    """Find the stars of a chip.

    Parameters
    ----------
    data : ndarray, shape (ny, nx)
        Image, electrons.
    bad : ndarray of bool, shape (ny, nx)
        Pixels not to be used; a source with one of them within 1 px of its centre is left out.
    settings : DetectionSettings
        How to look.

    Returns
    -------
    Sources
        The brightest stars; empty where there are none or the chip has no good pixel.
    """
    sky, sigma = sky_of(data, bad)
    if not sigma > 0:
        return _no_sources()
    image = np.where(bad, 0.0, data - sky)
    # The kernel is that of the width alone, whatever the threshold.
    smooth = convolve(image, DAOStarFinder(sigma, settings.fwhm).kernel.data, mode="constant")
    threshold = settings.threshold
    while True:
        found = _find(image, smooth, bad, threshold * sigma, settings, settings.peak_max - sky)
        if len(found) >= settings.enough_sources or threshold <= LOWEST_THRESHOLD:
            break
        threshold = max(threshold / 4, LOWEST_THRESHOLD)
    order = np.argsort(-found[:, 2], kind="stable")[: settings.max_sources]
    x, y, flux = found[order].T
    return Sources(x, y, flux, second_moments(image, x, y))


def sky_of(data: NDArray[np.float32], bad: NDArray[np.bool_]) -> tuple[float, float]:
    """Return sky and its standard deviation, electrons, by median and MAD of the good pixels; NaN if none."""
    # Every 7th good pixel of a chip settles the median to a hundredth of sigma.
    sample = data[~bad][::7]
    if sample.size < 100:
        return float("nan"), float("nan")
    for _ in range(3):
        sky = float(np.median(sample))
        sigma = SIGMA_PER_MAD * float(np.median(np.abs(sample - sky)))
        if sigma == 0:
            break
        sample = sample[np.abs(sample - sky) < 4 * sigma]
    return sky, sigma


def _find(
    image: FloatArray,
    smooth: FloatArray,
    bad: NDArray[np.bool_],
    threshold: float,
    settings: DetectionSettings,
    peak_max: float,
) -> FloatArray:
    finder = DAOStarFinder(
        threshold,
        settings.fwhm,
        sharpness_range=settings.sharpness,
        roundness_range=settings.roundness,
        peak_max=peak_max,
    )
    border = finder.kernel.data.shape[0] // 2
    peaks = _peaks(smooth, bad, finder.threshold_eff, finder.min_separation, border)
    if len(peaks) == 0:
        return np.empty((0, 3))
    finder.xycoords = peaks
    with warnings.catch_warnings():
        # The number of rows says so.
        warnings.simplefilter("ignore", NoDetectionsWarning)
        table = finder(image)
    if table is None:
        return np.empty((0, 3))
    return np.column_stack([np.asarray(table[name], float) for name in ("x_centroid", "y_centroid", "flux")])


def _peaks(
    smooth: FloatArray, bad: NDArray[np.bool_], threshold: float, separation: float, border: int
) -> NDArray[np.intp]:
    """Return columns and rows, shape (n, 2), of the pixels that are the highest within `separation`, px.

    Left out are peaks beside a bad pixel, whose centres would be wrong, and within `border` px of the edge.
    photutils' own search filters the whole chip to the same end, at ten times the cost.
    """
    rows, columns = np.nonzero(smooth > threshold)
    ny, nx = smooth.shape
    inside = (rows >= border) & (rows < ny - border) & (columns >= border) & (columns < nx - border)
    rows, columns = rows[inside], columns[inside]
    for reach in (1.0, separation):
        keep = smooth[rows, columns] >= _highest_near(smooth, rows, columns, reach)
        rows, columns = rows[keep], columns[keep]
    good = ~_highest_near(bad, rows, columns, np.sqrt(2))
    return np.column_stack([columns[good], rows[good]])


def _highest_near(
    image: NDArray[Any], rows: NDArray[np.intp], columns: NDArray[np.intp], reach: float
) -> NDArray[Any]:
    """Return the highest value within `reach` px of each place, shape (n,)."""
    half = int(reach)
    dy, dx = np.mgrid[-half : half + 1, -half : half + 1]
    near = dy**2 + dx**2 <= reach**2
    y = (rows[:, None] + dy[near]).clip(0, image.shape[0] - 1)
    x = (columns[:, None] + dx[near]).clip(0, image.shape[1] - 1)
    highest: NDArray[Any] = image[y, x].max(axis=1)
    return highest


def second_moments(image: FloatArray, x: FloatArray, y: FloatArray) -> FloatArray:
    """Return the moments xx, yy, xy (px^2) of the sources' images in 7 x 7 pixels; NaN at the chip's edge."""
    half = _MOMENT_HALF_WIDTH
    ny, nx = image.shape
    columns, rows = np.rint(x).astype(int), np.rint(y).astype(int)
    inside = (columns >= half) & (columns < nx - half) & (rows >= half) & (rows < ny - half)
    moments = np.full((len(x), 3), np.nan)
    if not inside.any():
        return moments
    dy, dx = np.mgrid[-half : half + 1, -half : half + 1]
    stamps = image[rows[inside, None, None] + dy, columns[inside, None, None] + dx].clip(min=0)
    weight = stamps / np.maximum(stamps.sum(axis=(1, 2), keepdims=True), 1e-30)
    mean_x, mean_y = (weight * dx).sum(axis=(1, 2)), (weight * dy).sum(axis=(1, 2))
    moments[inside] = np.column_stack(
        [
            (weight * dx**2).sum(axis=(1, 2)) - mean_x**2,
            (weight * dy**2).sum(axis=(1, 2)) - mean_y**2,
            (weight * dx * dy).sum(axis=(1, 2)) - mean_x * mean_y,
        ]
    )
    return moments


def _no_sources() -> Sources:
    empty = np.empty(0)
    return Sources(empty, empty, empty, np.empty((0, 3)))
