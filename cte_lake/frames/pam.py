"""Pixel area map: what SCI is multiplied with so that a star has the same counts everywhere.

Flat-fielding makes the sky flat, so a star on a pixel of larger area has too few counts. The map is the area
of each pixel over that of :data:`.geometry.REFERENCE_PIXEL`, for both chips, as in the official maps
(``UVIS1wfc3_map.fits``, ``UVIS2wfc3_map.fits``; WFC3 ISR 2010-08 and the WFC3 page on pixel area maps).
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
from astropy.wcs import WCS
from numpy.typing import NDArray

from cte_lake.detector import DETECTOR
from cte_lake.errors import Rejected
from cte_lake.frames.fitsfile import ChipImage
from cte_lake.frames.geometry import pixel_areas
from cte_lake.frames.opening import open_frame

OFFICIAL_MAPS: Final = {1: "UVIS1wfc3_map.fits", 2: "UVIS2wfc3_map.fits"}
#: What the areas of both chips lie well within; a map in electrons or arcsec does not.
_AREAS: Final = (0.9, 1.1)


def pixel_area_map(wcs: WCS, shape: tuple[int, ...], reference_area: float) -> NDArray[np.float32]:
    """Compute the pixel area map of a chip from its distortion.

    Parameters
    ----------
    wcs : astropy.wcs.WCS
        Of the chip.
    shape : (ny, nx)
        Of the chip.
    reference_area : float
        Square degrees: :func:`.geometry.reference_pixel_area` of the exposure's chip 2.

    Returns
    -------
    ndarray, (ny, nx), float32
        Relative areas; 1 at :data:`.geometry.REFERENCE_PIXEL` of chip 2.
    """
    relative: NDArray[np.float32] = (pixel_areas(wcs, shape) / reference_area).astype(np.float32)
    return relative


def read_official_map(folder: Path | str, chip: int) -> NDArray[np.float32]:
    """Read the official map of a chip, as published: an image of the whole chip in the first extension.

    Raises
    ------
    Rejected
        ``bad_pam`` if the folder has no such map, or it is no map of a whole chip.
    """
    path = Path(folder) / OFFICIAL_MAPS[chip]
    if not path.is_file():
        raise Rejected(
            "bad_pam",
            f"there is no {path}; put the official map there or leave the folder unset",
            stage="measure",
        )
    with open_frame(path) as hdus:
        plane = next((np.asarray(hdu.data, dtype=np.float32) for hdu in hdus if hdu.data is not None), None)
    if plane is None or plane.shape != DETECTOR.shape:
        found = "no image" if plane is None else f"an image of shape {plane.shape}"
        raise Rejected(
            "bad_pam", f"{path} holds {found}, not the {DETECTOR.shape} of a chip", stage="measure"
        )
    if not (np.isfinite(plane).all() and _AREAS[0] < plane.min() and plane.max() < _AREAS[1]):
        what = f"values from {plane.min():.4g} to {plane.max():.4g}, which are no relative pixel areas"
        raise Rejected("bad_pam", f"{path} holds {what}", stage="measure")
    return plane


def official_map(folder: Path | str, image: ChipImage) -> NDArray[np.float32]:
    """Read the official map of a chip and cut out what the image shows.

    Raises
    ------
    Rejected
        ``bad_pam`` if the folder has no such map, or it is none.
    """
    return part_of_map(read_official_map(folder, image.chip), image)


def part_of_map(plane: NDArray[np.float32], image: ChipImage) -> NDArray[np.float32]:
    """Cut out of a map of the whole chip what the image shows."""
    ny, nx = image.data.shape
    return plane[image.row0 : image.row0 + ny, image.column0 : image.column0 + nx]


def area_map_for(image: ChipImage, folder: Path | str | None = None) -> NDArray[np.float32]:
    """Return the map of an image: the official one where a folder is given, else from its distortion."""
    if folder is not None:
        return official_map(folder, image)
    return pixel_area_map(image.wcs, image.data.shape, image.reference_area)


def largest_deviation(computed: NDArray[np.float32], official: NDArray[np.float32]) -> float:
    """Return how far the ratio of two maps of the same pixels is from 1, where it is farthest.

    Raises
    ------
    ValueError
        The maps differ in shape.
    """
    if computed.shape != official.shape:
        raise ValueError(f"maps differ in shape: {computed.shape} and {official.shape}")
    return float(np.abs(computed.astype(np.float64) / official - 1.0).max())
