"""From the pixels of a chip and the positions of its stars to their measurements."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cte_lake import starflags as registry
from cte_lake.arrays import BoolArray, FloatArray
from cte_lake.photometry.arrays import IntArray, PixelArray, PixelData, StarMeasurements
from cte_lake.photometry.modes import PhotometrySettings

#: Rows of a strip of the chip, whose stars are measured one after the other.
_STRIP = 48.0


@dataclass(frozen=True, eq=False)
class _Pixels:
    """A chip as the kernels take it: native floats, 0 where a pixel does not count."""

    data: PixelArray
    error: PixelArray
    good: npt.NDArray[np.uint8]
    saturated: npt.NDArray[np.uint8]
    cosmic: npt.NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class _Centres:
    """Where the apertures go, and the sky that was measured on the way."""

    x: FloatArray
    y: FloatArray
    dx: FloatArray
    dy: FloatArray
    failed: BoolArray
    far: BoolArray
    sky: FloatArray
    sky_err: FloatArray
    n_sky: IntArray


def measure(
    image: PixelData, x: npt.ArrayLike, y: npt.ArrayLike, settings: PhotometrySettings
) -> StarMeasurements:
    """Measure every star of a chip at all radii.

    Parameters
    ----------
    image : PixelData
        Signal, errors, mask and saturation of the chip.
    x, y : array_like, shape (n,)
        Positions predicted by the catalog, 0-based pixels. Give all stars of the catalog on the chip, so that
        each finds its neighbours.
    settings : PhotometrySettings
        What to do, see `cte_lake.photometry.modes.settings_for`.

    Returns
    -------
    StarMeasurements
        One row a star, in the order given. Sums are over good pixels only and never rescaled: a masked
        pixel takes its signal from ``flux`` and its area from ``area``, and raises a flag.

    Raises
    ------
    ValueError
        If `x` and `y` are not one-dimensional and of equal length.
    """
    catalog_x = np.ascontiguousarray(x, dtype=np.float64)
    catalog_y = np.ascontiguousarray(y, dtype=np.float64)
    if catalog_x.ndim != 1 or catalog_x.shape != catalog_y.shape:
        raise ValueError(
            f"positions have shapes {catalog_x.shape} and {catalog_y.shape}; one of each a star is wanted"
        )
    # Stars that follow each other on the chip share cached pixels: a third less time for the same numbers.
    order = np.lexsort((catalog_x, catalog_y // _STRIP))
    back = np.empty_like(order)
    back[order] = np.arange(order.size)
    found = _measure(image, catalog_x[order], catalog_y[order], settings)
    return StarMeasurements(**{name: values[back] for name, values in vars(found).items()})


def _measure(
    image: PixelData, catalog_x: FloatArray, catalog_y: FloatArray, settings: PhotometrySettings
) -> StarMeasurements:
    """Measure stars in the given order."""
    from cte_lake.photometry.starlight import has_bright_neighbours, masked_light

    pixels = _prepare(image, settings)
    centres = _centre(
        pixels, catalog_x + settings.position_offset, catalog_y + settings.position_offset, settings
    )
    sums, variances, areas, chip_areas = _sum(pixels, centres, settings)
    taken_off = _areas_for_sky(areas, settings) * centres.sky[:, np.newaxis]
    nothing = areas == 0
    bkg = np.where(nothing, np.nan, taken_off)
    flux_err = np.sqrt(variances)
    flux_err[nothing if image.error is not None else ...] = np.nan
    flux = sums - bkg
    offset = settings.position_offset
    taken = masked_light(pixels.good, centres.x - offset, centres.y - offset)
    neighbours = has_bright_neighbours(
        catalog_x, catalog_y, flux[:, 0], settings.neighbour_distance, settings.neighbour_limit
    )
    return StarMeasurements(
        x=centres.x,
        y=centres.y,
        dx=centres.dx,
        dy=centres.dy,
        flux=flux,
        flux_err=flux_err,
        bkg=bkg,
        area=areas,
        sky=centres.sky,
        sky_err=centres.sky_err,
        n_sky=centres.n_sky,
        masked_light=taken,
        flags=_flag(pixels, centres, areas, chip_areas, taken, neighbours, settings),
    )


def _prepare(image: PixelData, settings: PhotometrySettings) -> _Pixels:
    """Return native arrays with bad pixels at 0, so that no NaN reaches a sum."""
    single = image.data.dtype.itemsize <= 4 and (image.error is None or image.error.dtype.itemsize <= 4)
    dtype: type[np.floating] = np.float32 if single else np.float64
    data = np.array(image.data, dtype=dtype, order="C")
    good = np.isfinite(data)
    if image.error is None:
        error = np.zeros_like(data)
    else:
        error = np.array(image.error, dtype=dtype, order="C")
        good &= np.isfinite(error)
    if image.mask is not None:
        good &= ~np.asarray(image.mask, dtype=np.bool_)
    saturated = np.zeros(data.shape, dtype=np.bool_)
    if image.saturated is not None:
        saturated |= np.asarray(image.saturated, dtype=np.bool_)
    if settings.saturation_level is not None:
        saturated |= data >= settings.saturation_level
    data[~good] = 0
    error[~good] = 0
    cosmic = np.zeros(data.shape, np.bool_) if image.cosmic is None else np.ascontiguousarray(image.cosmic)
    return _Pixels(data, error, good.view(np.uint8), saturated.view(np.uint8), cosmic.view(np.uint8))


def _centre(pixels: _Pixels, x: FloatArray, y: FloatArray, settings: PhotometrySettings) -> _Centres:
    """Find the centres and the sky: the window needs the sky first, IRAF measures it about the new centre."""
    from cte_lake.photometry import centring
    from cte_lake.photometry.sky import measure_sky

    dx, dy = np.full(x.size, np.nan), np.full(x.size, np.nan)
    failed, far = np.zeros(x.size, dtype=np.bool_), np.zeros(x.size, dtype=np.bool_)
    if settings.centring == "iraf":
        dx, dy, failed, far = centring.iraf_centroids(
            pixels.data, pixels.good, x, y, settings.centring_box, settings.max_shift
        )
    at_x, at_y = x + np.nan_to_num(dx), y + np.nan_to_num(dy)
    sky, sky_err, n_sky = measure_sky(pixels.data, pixels.error, pixels.good, at_x, at_y, settings)
    if settings.centring in ("watch", "window"):
        dx, dy, failed, far = centring.windowed_centroids(
            pixels.data, pixels.good, x, y, sky, settings.window_sigma, settings.max_shift
        )
    if settings.centring == "watch":
        return _Centres(x, y, dx, dy, failed, far, sky, sky_err, n_sky)
    # A star without a centroid keeps its place in the catalog.
    at_x, at_y = x + np.nan_to_num(dx), y + np.nan_to_num(dy)
    return _Centres(at_x, at_y, dx, dy, failed, far, sky, sky_err, n_sky)


def _sum(
    pixels: _Pixels, centres: _Centres, settings: PhotometrySettings
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Return sums, variances, good areas and areas on the chip, each of shape (n, n_radii)."""
    radii = np.array(settings.radii)
    if settings.engine == "photutils":
        return photutils_sums(pixels.data, pixels.error, pixels.good, centres.x, centres.y, radii)
    from cte_lake.photometry.kernel import aperture_sums, iraf_sums

    kernel = aperture_sums if settings.overlap == "exact" else iraf_sums
    sums: tuple[FloatArray, FloatArray, FloatArray, FloatArray] = kernel(
        pixels.data, pixels.error, pixels.good, centres.x, centres.y, radii
    )
    return sums


def _areas_for_sky(areas: FloatArray, settings: PhotometrySettings) -> FloatArray:
    """Return the areas that the sky is taken off for, shape (n, n_radii)."""
    if settings.area == "good":
        return areas
    whole = np.array([math.pi * radius**2 for radius in settings.radii])
    return np.broadcast_to(whole, areas.shape)


def _flag(
    pixels: _Pixels,
    centres: _Centres,
    areas: FloatArray,
    chip_areas: FloatArray,
    taken: FloatArray,
    neighbours: BoolArray,
    settings: PhotometrySettings,
) -> IntArray:
    """Return the flags of every star."""
    from cte_lake.photometry.kernel import core_counts

    n_good, n_saturated = core_counts(
        pixels.good, pixels.saturated, centres.x, centres.y, settings.core_radius
    )
    _, n_hit = core_counts(pixels.good, pixels.cosmic, centres.x, centres.y, settings.ray_radius)
    ny, nx = pixels.data.shape
    # Distance of each centre from the nearest edge of the chip, whose pixels end at -0.5 and n - 0.5.
    room = np.minimum.reduce([centres.x + 0.5, nx - 0.5 - centres.x, centres.y + 0.5, ny - 0.5 - centres.y])
    masked = chip_areas - areas > settings.masked_fraction_limit * chip_areas
    conditions = {
        registry.OFF_CHIP: ~(room >= settings.radii[-1]),
        registry.CORE_OFF_CHIP: ~(room >= settings.core_radius),
        registry.MASKED_CORE: taken > settings.masked_light_limit,
        registry.MASKED_FRACTION: masked.any(axis=1),
        registry.SATURATED: n_saturated > 0,
        registry.FEW_SKY_PIXELS: centres.n_sky < settings.min_sky_pixels,
        registry.NO_SKY: ~np.isfinite(centres.sky),
        registry.NEIGHBOUR: neighbours,
        registry.CENTRING_FAILED: centres.failed,
        registry.CENTRE_FAR: centres.far,
        registry.NOT_MEASURED: n_good == 0,
        registry.COSMIC_RAY: (n_hit > 0) & (settings.ray_radius > 0),
    }
    flags = np.zeros(centres.x.size, dtype=np.int32)
    for flag, met in conditions.items():
        flags[met] |= flag.value
    return flags


def photutils_sums(
    data: PixelArray,
    error: PixelArray,
    good: npt.NDArray[np.uint8],
    x: FloatArray,
    y: FloatArray,
    radii: FloatArray,
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Sum data, variance and area over circular apertures with ``photutils.aperture.CircularAperture``.

    Parameters and results are those of `cte_lake.photometry.kernel.aperture_sums` with exact overlap.
    """
    from photutils.aperture import CircularAperture

    out = np.zeros((4, x.size, radii.size))
    placed = np.flatnonzero(np.isfinite(x) & np.isfinite(y))
    if placed.size == 0:
        return out[0], out[1], out[2], out[3]
    positions = np.column_stack([x[placed], y[placed]])
    mask = good == 0
    signal, sigma = data.astype(np.float64), error.astype(np.float64)
    for k, radius in enumerate(radii):
        aperture = CircularAperture(positions, r=float(radius))
        sums, errors = aperture.do_photometry(signal, error=sigma, mask=mask, method="exact")
        out[0, placed, k] = np.nan_to_num(sums)
        out[1, placed, k] = np.nan_to_num(errors) ** 2
        out[2, placed, k] = np.nan_to_num(aperture.area_overlap(signal, mask=mask, method="exact"))
        out[3, placed, k] = np.nan_to_num(aperture.area_overlap(signal, method="exact"))
    return out[0], out[1], out[2], out[3]
