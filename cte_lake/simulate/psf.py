"""A point-spread function like HST's, and its painting into images.

The function is computed from the telescope's pupil (2.4 m, central obscuration 0.33, four vanes), blurred by
charge diffusion and jitter and by the pixel, so it is band-limited: the sum over the pixels of a star does
not depend on where in a pixel the star lies.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates

from cte_lake.arrays import FloatArray
from cte_lake.compiled import compiled

#: Samples per pixel of the oversampled function.
OVERSAMPLING = 10
#: Pixels (width of the array) on which the function is computed; flux beyond half of it is folded in.
EXTENT = 128
#: Telescope and detector: aperture diameter (m), pixel (arcsec).
APERTURE_M = 2.4
PIXEL_ARCSEC = 0.03962
#: Blur (px, sigma) from charge diffusion and jitter; makes the FWHM 1.8 px in F502N.
BLUR_PX = 0.56
#: Sigma of a Gaussian as wide as the function, px.
CORE_PX = 0.76
#: Wavelengths (m) of the filters of the monitor.
WAVELENGTHS = {"F502N": 5.0096e-7, "F606W": 5.889e-7}
#: (half-size of the stamp in px, flux in e- up to which it is used): beyond, the wings are under 0.05 e-/px.
STAMPS = ((12, 2.0e3), (24, 3.0e4), (50, np.inf))
#: Steps in which the width of stars is tabulated, in units of the nominal width.
WIDTH_STEP = 0.02


@dataclass(frozen=True)
class Stamps:
    """Pixel values of a unit star for a grid of subpixel positions.

    Attributes
    ----------
    half : int
        A stamp has 2 half + 1 pixels a side.
    values : ndarray, shape (phases + 1, phases + 1, 2 half + 1, 2 half + 1)
        First axis: subpixel y offset from -0.5 to +0.5; second: x.
    """

    half: int
    values: NDArray[np.float32]


@lru_cache(maxsize=8)
def oversampled_psf(filter_name: str = "F502N", width: float = 1.0) -> FloatArray:
    """Pixel-integrated point-spread function on a grid of 0.1 px.

    Parameters
    ----------
    filter_name : str
        A filter of `WAVELENGTHS`; others are taken as F502N.
    width : float
        Width of a core that is blurred more than nominally, in units of the nominal width; at least 1.

    Returns
    -------
    ndarray, shape (1280, 1280)
        Fraction of the flux per pixel if the pixel's centre lies there; the peak is at [640, 640].
    """
    size = EXTENT * OVERSAMPLING
    resolution = np.rad2deg(WAVELENGTHS.get(filter_name, WAVELENGTHS["F502N"]) / APERTURE_M) * 3600.0
    diameter = size / OVERSAMPLING * PIXEL_ARCSEC / resolution  # of the pupil, in samples
    coordinate = np.arange(size) - size // 2
    y, x = coordinate[:, np.newaxis] / (diameter / 2.0), coordinate[np.newaxis, :] / (diameter / 2.0)
    radius = np.hypot(x, y)
    # Soft edges, about one sample wide, stand for the area of a sample inside the pupil.
    edge = diameter / 2.0
    pupil = np.clip((1.0 - radius) * edge + 0.5, 0, 1) * np.clip((radius - 0.33) * edge + 0.5, 0, 1)
    turned_x, turned_y = (x + y) / np.sqrt(2.0), (x - y) / np.sqrt(2.0)
    pupil *= 1.0 - np.maximum(np.abs(turned_x) < 0.011, np.abs(turned_y) < 0.011) * 0.9
    amplitude = np.fft.fft2(np.fft.ifftshift(pupil))
    transfer = np.fft.fft2(np.abs(amplitude) ** 2)
    frequency = np.fft.fftfreq(size, d=1.0 / OVERSAMPLING)  # cycles per px
    more = (width**2 - 1.0) * CORE_PX**2
    blur = np.exp(-2.0 * (BLUR_PX**2 + more) * (np.pi * frequency) ** 2) * np.sinc(frequency)
    psf = np.fft.fftshift(np.fft.ifft2(transfer * blur[:, np.newaxis] * blur[np.newaxis, :]).real)
    return np.asarray(psf * (OVERSAMPLING**2 / psf.sum()))


@lru_cache(maxsize=32)
def stamps(half: int, filter_name: str = "F502N", width: float = 1.0, blurred: bool = False) -> Stamps:
    """Build the stamps of one size; smaller ones have the finer grid of subpixel positions.

    `width` stretches the function, wings and all: 1.1 is a star that is wider by a tenth; `blurred` widens
    the core alone.
    """
    phases = 20 if half <= 12 else 10
    psf = oversampled_psf(filter_name, width if blurred else 1.0)
    width = 1.0 if blurred else width
    offsets = np.linspace(-0.5, 0.5, phases + 1)
    pixels = np.arange(-half, half + 1)
    centre = EXTENT * OVERSAMPLING // 2
    coordinate = centre + (pixels[np.newaxis, :] - offsets[:, np.newaxis]) * OVERSAMPLING / width
    n, m = phases + 1, 2 * half + 1
    rows = np.broadcast_to(coordinate[:, np.newaxis, :, np.newaxis], (n, n, m, m))
    columns = np.broadcast_to(coordinate[np.newaxis, :, np.newaxis, :], (n, n, m, m))
    if phases == OVERSAMPLING and width == 1.0:
        whole_rows, whole_columns = np.rint(rows).astype(int), np.rint(columns).astype(int)
        values = psf[whole_rows, whole_columns]
    else:
        values = map_coordinates(psf, [rows, columns], order=3, mode="wrap") / width**2
    return Stamps(half, np.ascontiguousarray(values, dtype=np.float32))


@compiled
def _paint(image: NDArray[np.float32], x: FloatArray, y: FloatArray, flux: FloatArray,
           values: NDArray[np.float32], half: int) -> None:  # fmt: skip
    """Add stars to ``image``; between the stamps of neighbouring subpixel positions it interpolates."""
    rows, columns = image.shape
    phases = values.shape[0] - 1
    for k in range(x.size):
        column, row = int(np.floor(x[k] + 0.5)), int(np.floor(y[k] + 0.5))
        px, py = (x[k] - column + 0.5) * phases, (y[k] - row + 0.5) * phases
        ix, iy = min(int(px), phases - 1), min(int(py), phases - 1)
        fx, fy = px - ix, py - iy
        w00 = flux[k] * (1 - fx) * (1 - fy)
        w01 = flux[k] * fx * (1 - fy)
        w10 = flux[k] * (1 - fx) * fy
        w11 = flux[k] * fx * fy
        for j in range(max(0, half - row), min(2 * half + 1, rows - row + half)):
            for i in range(max(0, half - column), min(2 * half + 1, columns - column + half)):
                image[row - half + j, column - half + i] += (
                    w00 * values[iy, ix, j, i] + w01 * values[iy, ix + 1, j, i]
                    + w10 * values[iy + 1, ix, j, i] + w11 * values[iy + 1, ix + 1, j, i]
                )  # fmt: skip


def paint_stars(
    image: NDArray[np.float32],
    x: FloatArray,
    y: FloatArray,
    flux: FloatArray,
    filter_name: str = "F502N",
    width: FloatArray | None = None,
    blurred: bool = False,
) -> None:
    """Add stars to an image, in place.

    Parameters
    ----------
    image : ndarray of float32, shape (rows, columns)
        Electrons.
    x, y : ndarray, shape (n,)
        0-based positions, px; stars off the image add what of their wings falls on it.
    flux : ndarray, shape (n,)
        Total electrons.
    filter_name : str
        Filter whose point-spread function is used.
    width : ndarray, shape (n,), optional
        Width of each star in units of the nominal one; a star between two steps of `WIDTH_STEP` is a mixture.
    blurred : bool
        Whether the wings stay as they are.
    """
    if width is not None:
        steps = width / WIDTH_STEP
        for step in np.unique(np.concatenate([np.floor(steps), np.ceil(steps)])):
            share = np.clip(1.0 - np.abs(steps - step), 0.0, 1.0)
            some = share > 0.0
            like = filter_name, round(float(step) * WIDTH_STEP, 6), blurred
            _paint_alike(image, x[some], y[some], flux[some], share[some], like)
        return
    _paint_alike(image, x, y, flux, np.ones(flux.size), (filter_name, 1.0, False))


def _paint_alike(
    image: NDArray[np.float32], x: FloatArray, y: FloatArray, flux: FloatArray, share: FloatArray,
    like: tuple[str, float, bool],
) -> None:  # fmt: skip
    """Add a share of each star's light, as stars of one width; all its light decides the stamp's size."""
    faintest = 0.0
    for half, brightest in STAMPS:
        rows, columns = image.shape
        chosen = (np.abs(flux) > faintest) & (np.abs(flux) <= brightest)
        chosen &= (x > -half) & (x < columns + half) & (y > -half) & (y < rows + half)
        if chosen.any():
            table = stamps(half, *like)
            _paint(image, x[chosen], y[chosen], (flux * share)[chosen], table.values, half)
        faintest = brightest


@lru_cache(maxsize=32)
def encircled_energy(radius: float, filter_name: str = "F502N") -> float:
    """Fraction of a star's flux within ``radius`` px, exact pixel overlap, the star at a pixel's centre."""
    from photutils.aperture import CircularAperture

    half = int(np.ceil(radius)) + 2
    image = np.zeros((2 * half + 1, 2 * half + 1), dtype=np.float32)
    table = stamps(STAMPS[-1][0], filter_name)
    middle = np.array([float(half)])
    _paint(image, middle, middle, np.array([1.0]), table.values, table.half)
    total, _ = CircularAperture((half, half), radius).do_photometry(image.astype(float))
    return float(total[0])
