"""Stars of a drizzled image: found, measured, and those that are not clean left out."""

from __future__ import annotations

import warnings
from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
from astropy.wcs import WCS
from numpy.typing import NDArray
from photutils.aperture import ApertureStats, CircularAnnulus, CircularAperture, aperture_photometry
from photutils.detection import DAOStarFinder
from photutils.utils.exceptions import NoDetectionsWarning
from scipy.ndimage import maximum_filter, minimum_filter, uniform_filter
from scipy.spatial import cKDTree

from cte_lake.arrays import FloatArray
from cte_lake.config.sections import MasterBuild
from cte_lake.detector import SIGMA_PER_MAD
from cte_lake.pipeline.align.detect import sky_of

#: A core with less of the surrounding weight was saturated in most exposures; a bad pixel costs less.
_WEIGHT_OF_A_CORE = 0.3
#: Exposures that a core must rest on, on the mean: with one, its cosmic rays are still in it.
_DEPTH_OF_TWO = 1.5
_ANNULUS = (10.0, 15.0)
#: Distance of the places at which the noise of an aperture is measured, px.
_GRID = 23


@dataclass(frozen=True)
class Drizzled:
    """A drizzled image.

    Attributes
    ----------
    science : ndarray, shape (ny, nx)
        Electrons per second.
    weight : ndarray, shape (ny, nx)
        Exposure time that each pixel rests on, s; 0 where nothing was seen.
    wcs : WCS
        Without distortion.
    exptime : float
        Longest single exposure, s.
    """

    science: NDArray[np.float32]
    weight: NDArray[np.float32]
    wcs: WCS
    exptime: float


@dataclass(frozen=True)
class Stars:
    """Stars of a drizzled image, the brightest first; every array has shape (n,).

    Attributes
    ----------
    x, y : ndarray
        0-based pixels of the drizzled image.
    ra, dec : ndarray
        Degrees.
    flux : ndarray
        Electrons in the aperture, for the longest single exposure.
    depth : ndarray
        Exposure time that the star rests on, s.
    left_out : dict of str to int
        How many detections were left out, by reason.
    """

    x: FloatArray
    y: FloatArray
    ra: FloatArray
    dec: FloatArray
    flux: FloatArray
    depth: FloatArray
    left_out: dict[str, int]

    def __len__(self) -> int:
        return len(self.x)


def find_stars(image: Drizzled, settings: MasterBuild) -> Stars:
    """Find the clean stars of a drizzled image.

    Left out are: what only one exposure saw (its cosmic rays are still in it), saturated stars, those with a
    neighbour of comparable brightness, what lies in the wings of a bright star (their bumps look like stars),
    and what is too faint against the noise in the aperture.
    """
    science, weight = image.science, image.weight
    covered = weight > 0
    bad = ~covered | ~np.isfinite(science)
    sky, sigma = sky_of(science, bad)
    if not sigma > 0:
        return _no_stars()
    finder = DAOStarFinder(
        settings.threshold * sigma,
        settings.fwhm,
        sharpness_range=settings.sharpness,
        roundness_range=settings.roundness,
        exclude_border=True,
        # By default the fainter of two stars within 2.5 FWHM would be dropped unseen.
        min_separation=0.0,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NoDetectionsWarning)
        table = finder(np.where(bad, 0.0, science - sky), mask=bad)
    if table is None:
        return _no_stars()
    x, y, peak = (np.asarray(table[name], float) for name in ("x_centroid", "y_centroid", "peak"))
    flux = _fluxes(science, bad, x, y, settings.aperture) * image.exptime
    noise = _noise_of_aperture(science, bad, settings.aperture) * image.exptime
    reasons = _why_left_out(image, settings, x, y, peak, flux, flux / noise)
    kept = np.flatnonzero(reasons == "")
    kept = kept[np.argsort(-flux[kept], kind="stable")]
    depth = _at(weight, x, y)[kept]
    ra, dec = image.wcs.all_pix2world(x[kept], y[kept], 0)
    left_out = Counter(str(reason) for reason in reasons if reason)
    return Stars(x[kept], y[kept], ra, dec, flux[kept], depth, dict(left_out))


def _why_left_out(
    image: Drizzled,
    settings: MasterBuild,
    x: FloatArray,
    y: FloatArray,
    peak: FloatArray,
    flux: FloatArray,
    snr: FloatArray,
) -> NDArray[np.str_]:
    # The least weight in the core against the weight here: saturated pixels were not drizzled.
    core = _at(minimum_filter(image.weight, size=3), x, y)
    around = np.median(
        [_at(image.weight, x + dx, y + dy) for dx, dy in ((8, 0), (-8, 0), (0, 8), (0, -8))], axis=0
    )
    # Over the whole core: a bad pixel in one exposure does not make a star a thing of the others alone.
    depth = _at(uniform_filter(image.weight, size=3), x, y)
    scale = abs(float(image.wcs.proj_plane_pixel_scales()[1].to_value("arcsec")))
    saturated = (peak * image.exptime > settings.peak_max) | (core < _WEIGHT_OF_A_CORE * around)
    reasons = np.full(len(x), "", dtype="U16")
    crowded = beside_a_brighter(x, y, flux, settings.crowding_radius / scale, settings.crowding_ratio)
    glare = beside_a_brighter(x, y, flux, settings.glare_radius / scale, settings.glare_ratio)
    # Later ones win: what matters most comes last.
    reasons[crowded] = "crowded"
    reasons[glare] = "glare"
    reasons[~(snr >= settings.min_snr)] = "too faint"
    reasons[saturated] = "saturated"
    reasons[depth < _DEPTH_OF_TWO * image.exptime] = "single exposure"
    return reasons


def beside_a_brighter(
    x: FloatArray, y: FloatArray, flux: FloatArray, radius: float, ratio: float
) -> NDArray[np.bool_]:
    """Return which stars have another within `radius` px that has at least `ratio` times their flux."""
    beside = np.zeros(len(x), bool)
    pairs = cKDTree(np.column_stack([x, y])).query_pairs(radius, output_type="ndarray")
    for one, other in (pairs.T, pairs.T[::-1]):
        beside[one[flux[other] >= ratio * flux[one]]] = True
    return beside


def _noise_of_aperture(science: NDArray[np.float32], bad: NDArray[np.bool_], radius: float) -> float:
    """Return the scatter of the fluxes that are measured where nothing was detected, electrons per second.

    Measured, since drizzled pixels share their noise with their neighbours.
    """
    rows, columns = (
        grid.ravel().astype(float)
        for grid in np.mgrid[20 : science.shape[0] - 20 : _GRID, 20 : science.shape[1] - 20 : _GRID]
    )
    good = ~_at(maximum_filter(bad, size=7), columns, rows).astype(bool)
    flux = _fluxes(science, bad, columns[good], rows[good], radius)
    # Those that fall on stars are outliers on one side, so the lower half gives the noise.
    middle = np.median(flux)
    return SIGMA_PER_MAD * float(np.median(middle - flux[flux < middle]))


def _fluxes(
    science: NDArray[np.float32], bad: NDArray[np.bool_], x: FloatArray, y: FloatArray, radius: float
) -> FloatArray:
    positions = np.column_stack([x, y])
    aperture = CircularAperture(positions, radius)
    summed = aperture_photometry(science, aperture, mask=bad)["aperture_sum"]
    around = ApertureStats(science, CircularAnnulus(positions, *_ANNULUS), mask=bad, sum_method="center")
    flux: FloatArray = np.asarray(summed, float) - np.asarray(around.median, float) * aperture.area
    return flux


def _at(image: NDArray[Any], x: FloatArray, y: FloatArray) -> FloatArray:
    rows = np.clip(np.rint(y).astype(int), 0, image.shape[0] - 1)
    columns = np.clip(np.rint(x).astype(int), 0, image.shape[1] - 1)
    values: FloatArray = image[rows, columns].astype(np.float64)
    return values


def _no_stars() -> Stars:
    empty = np.empty(0)
    return Stars(empty, empty, empty, empty, empty, empty, {})
