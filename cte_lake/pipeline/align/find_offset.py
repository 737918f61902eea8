"""How far the stars of a chip are from where a WCS puts the catalog: for the word on a refused exposure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from astropy.wcs import WCS
from astropy.wcs.utils import proj_plane_pixel_scales

from cte_lake.arrays import FloatArray
from cte_lake.config.sections import Align
from cte_lake.masters.project import project
from cte_lake.pipeline.align.detect import Sources
from cte_lake.pipeline.align.match import match_fractions, match_nearest, on_field, refine, search_offset

_BRIGHTEST = 300
#: The SIP polynomial turns a shift on the sky into shifts that differ by a pixel over the chip.
_TOLERANCE = 1.5
_ROTATION = 0.5
_SIGNIFICANCE = 5.0


@dataclass(frozen=True)
class Offset:
    """Where the stars are, seen from where the WCS puts the catalog.

    Attributes
    ----------
    dx, dy : float
        Median of star less place, px.
    arcsec : float
        Its length on the sky.
    rotation : float
        Turn of the stars about the middle of the chip, degrees.
    n_matched, n_sources : int
        Brightest sources that have a star then, of how many.
    """

    dx: float
    dy: float
    arcsec: float
    rotation: float
    n_matched: int
    n_sources: int

    def __str__(self) -> str:
        turned = f", turned by {self.rotation:+.2f} degrees" if abs(self.rotation) >= 0.02 else ""
        return (
            f"{np.hypot(self.dx, self.dy):.1f} px ({self.arcsec:.2f} arcsec; "
            f"x {self.dx:+.1f}, y {self.dy:+.1f} px{turned})"
        )


def find_offset(
    sources: Sources, wcs: WCS, ra: FloatArray, dec: FloatArray, shape: tuple[int, ...], radius: float,
    settings: Align,
) -> Offset | None:  # fmt: skip
    """Look for the catalog's stars up to `radius` arcsec and half a degree away from their places.

    Parameters
    ----------
    sources : Sources
        Stars found on the chip.
    wcs : WCS
        Of the chip, as its header has it.
    ra, dec : ndarray, shape (n,)
        The catalog, degrees.
    shape : (ny, nx)
        Of the chip.
    radius : float
        Arcsec.
    settings : Align
        Its gate says which share of matches is no chance.

    Returns
    -------
    Offset or None
        None where nothing stands out: another field, another catalog, no stars.
    """
    scale = float(np.mean(proj_plane_pixel_scales(wcs))) * 3600.0
    reach = radius / scale
    index, x, y = project(wcs, ra, dec, shape, margin=reach + 20.0)
    stars = np.column_stack([x, y])
    found = np.column_stack([sources.x, sources.y])[:_BRIGHTEST]
    found = found[on_field(found, stars)]
    if len(found) < 4 or len(stars) < 4:
        return None
    offset, _ = search_offset(found, stars, reach, _ROTATION)
    offset = refine(found, stars, offset, _TOLERANCE)
    share, chance = match_fractions(offset(found), stars, _TOLERANCE)
    excess, n_false = (share - chance) * len(found), chance * len(found)
    if share < settings.gate.min_fraction or excess < _SIGNIFICANCE * np.sqrt(n_false + 1.0):
        return None
    i, j = match_nearest(offset(found), stars, _TOLERANCE)
    dx, dy = np.median(found[i] - stars[j], axis=0)
    # On the sky, star by star: the pixels' scale is not the same everywhere.
    at_ra, at_dec = wcs.all_pix2world(found[i, 0], found[i, 1], 0)
    star = index[j]
    east = ((at_ra - ra[star] + 180.0) % 360.0 - 180.0) * np.cos(np.radians(at_dec))
    arcsec = float(np.hypot(np.median(east), np.median(at_dec - dec[star]))) * 3600.0
    return Offset(float(dx), float(dy), arcsec, -offset.rotation, len(i), len(found))
