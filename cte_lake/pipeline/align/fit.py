"""Fitting the WCS of both chips together to the stars of a catalog, with tweakwcs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from astropy.io import fits
from astropy.table import Table

from cte_lake.arrays import FloatArray
from cte_lake.errors import Rejected
from cte_lake.frames.checks import WCS_FIT, check_needs
from cte_lake.frames.opening import EXTVER_OF_CHIP
from cte_lake.pipeline.align.detect import Sources
from cte_lake.pipeline.align.match import IntArray, fit_similarity, match_nearest, refine, search_offset
from cte_lake.pipeline.private import silenced

MINIMUM_TO_FIT = 6
CLIP_SIGMA = 3.0


@dataclass(frozen=True)
class SearchSettings:
    """How sources and stars are brought together: radius and tolerance in px, rotation in degrees.

    `brightest` limits the sources that vote for the offset; 0 takes all. `name` goes into the record.
    """

    radius: float
    rotation: float
    tolerance: float
    geometry: str
    brightest: int = 0
    name: str = "near"


@dataclass
class Matcher:
    """tweakwcs's matching, by a KD-tree after a robust search for the offset.

    The matcher that comes with tweakwcs takes its offset from a histogram in steps of a pixel, without a
    rotation; 0.05 degrees smear that over 4 px of a full frame.
    """

    settings: SearchSettings
    flux: FloatArray
    histogram: FloatArray = field(default_factory=lambda: np.zeros((1, 1)))

    def __call__(self, refcat: Table, imcat: Table, **_: Any) -> tuple[IntArray, IntArray]:
        """Return the indices of matched stars and of their sources."""
        stars = np.column_stack([np.asarray(refcat[name], float) for name in ("TPx", "TPy")])
        sources = np.column_stack([np.asarray(imcat[name], float) for name in ("TPx", "TPy")])
        voters = sources
        if 0 < self.settings.brightest < len(sources) == len(self.flux):
            voters = sources[np.argsort(-self.flux, kind="stable")[: self.settings.brightest]]
        offset, self.histogram = search_offset(voters, stars, self.settings.radius, self.settings.rotation)
        offset = refine(sources, stars, offset, self.settings.tolerance)
        i, j = match_nearest(offset(sources), stars, self.settings.tolerance)
        return j, i


@dataclass(frozen=True)
class Plane:
    """The undistorted tangent plane over both chips, in pixels, its axes along those of the detector."""

    corrector: Any

    def from_sky(self, ra: FloatArray, dec: FloatArray) -> FloatArray:
        """Return positions on the plane, shape (n, 2), of sky positions in degrees."""
        return np.column_stack(self.corrector.world_to_tanp(ra, dec))


def open_wcs(hdus: fits.HDUList, name: str) -> dict[int, Any]:
    """Return the HSTWCS of each chip of an open FLT or FLC, of a file of this name.

    Raises
    ------
    Rejected
        If its headers lack what a fit needs.
    """
    from stwcs.wcsutil import HSTWCS

    check_needs(hdus, name, WCS_FIT)
    with silenced("stwcs"):
        return {chip: HSTWCS(hdus, ("SCI", extver)) for chip, extver in EXTVER_OF_CHIP.items()}


def tangent_plane(wcs: Mapping[int, Any]) -> Plane:
    """Return the common tangent plane of the chips.

    The CD matrix of an HST chip is skewed, and a fit on its own plane leaves a shear of 0.015 px. This plane
    is not skewed.
    """
    from stwcs.distortion.utils import output_wcs
    from tweakwcs import FITSWCSCorrector

    return Plane(FITSWCSCorrector(output_wcs([wcs[2].deepcopy(), wcs[1].deepcopy()])))


def fit_wcs(
    wcs: Mapping[int, Any],
    sources: Mapping[int, Sources],
    ra: FloatArray,
    dec: FloatArray,
    settings: SearchSettings,
) -> tuple[dict[int, Any], FloatArray]:
    """Fit the WCS of both chips, as one rigid detector, to a catalog.

    Parameters
    ----------
    wcs : mapping of int to HSTWCS
        The WCS of chips 1 and 2; left as they are.
    sources : mapping of int to Sources
        What was found on each chip.
    ra, dec : ndarray, shape (m,)
        The catalog's stars, degrees.
    settings : SearchSettings
        How to match.

    Returns
    -------
    fitted : dict of int to HSTWCS
        The corrected WCS.
    histogram : ndarray
        The votes for the offset, see :func:`~cte_lake.pipeline.align.match.search_offset`.

    Raises
    ------
    Rejected
        'outside_master': the catalog has no stars there; 'unmatched': too few matches for a fit.
    """
    from tweakwcs import FITSWCSCorrector, align_wcs

    with_sources = [chip for chip in (2, 1) if len(sources[chip])]
    found = {chip: Table({"x": sources[chip].x, "y": sources[chip].y}) for chip in with_sources}
    correctors = {
        chip: FITSWCSCorrector(
            wcs[chip].deepcopy(), meta={"group_id": 1, "name": f"chip {chip}", "catalog": found[chip]}
        )
        for chip in with_sources
    }
    plane = tangent_plane(wcs)
    matcher = Matcher(settings, np.concatenate([sources[chip].flux for chip in with_sources]))
    reference = stars_near(plane, wcs, ra, dec, settings)
    if len(reference) < MINIMUM_TO_FIT:
        raise Rejected(
            "outside_master",
            f"only {len(reference)} stars of the master catalog fall near the field; is it the right target?",
            stage="align",
        )
    with silenced("tweakwcs"):
        align_wcs(
            list(correctors.values()),
            refcat=reference,
            ref_tpwcs=plane.corrector,
            expand_refcat=False,
            minobj=MINIMUM_TO_FIT,
            match=matcher,
            fitgeom=settings.geometry,
            nclip=5,
            sigma=(CLIP_SIGMA, "rmse"),
            # The footprint of the two chips, which nothing here asks for: their union took a third of a fit.
            group_bb_policy=1,
        )
    _require_success(str(correctors[with_sources[0]].meta["fit_info"]["status"]))
    fitted = {chip: corrector.wcs for chip, corrector in correctors.items()}
    for chip in {1, 2} - set(fitted):
        fitted[chip] = _carried_over(wcs, fitted[with_sources[0]], with_sources[0], chip, plane)
    return fitted, matcher.histogram


def _require_success(status: str) -> None:
    if status != "SUCCESS":
        raise Rejected(
            "unmatched",
            f"no WCS could be fitted to the master catalog ({status.removeprefix('FAILED: ')}): "
            "another field, a trailed image, or no stars",
            stage="align",
        )


def stars_near(
    plane: Plane, wcs: Mapping[int, Any], ra: FloatArray, dec: FloatArray, settings: SearchSettings
) -> Table:
    """Return the catalog's stars on and around both chips, columns RA and DEC in degrees."""
    # Far from the tangent point positions may come out as NaN or mirrored: cut on the sky first.
    centre = plane.corrector.wcs.wcs.crval
    reach = 1.5 * max(np.ptp(wcs[chip].calc_footprint()[:, 1]) for chip in wcs) + 0.05
    near = np.abs(dec - centre[1]) < reach
    near &= np.abs((ra - centre[0] + 180) % 360 - 180) * np.cos(np.radians(centre[1])) < reach
    ra, dec = ra[near], dec[near]
    if len(ra) == 0:
        return Table({"RA": ra, "DEC": dec})
    corners = np.vstack([plane.from_sky(*wcs[chip].calc_footprint().T) for chip in wcs])
    margin = 2 * settings.radius + 20
    xy = plane.from_sky(ra, dec)
    inside = ((xy > corners.min(axis=0) - margin) & (xy < corners.max(axis=0) + margin)).all(axis=1)
    return Table({"RA": ra[inside], "DEC": dec[inside]})


def _carried_over(wcs: Mapping[int, Any], fitted: Any, of_chip: int, to_chip: int, plane: Plane) -> Any:
    """Give a chip without sources the correction that was fitted on the other one."""
    from tweakwcs import FITSWCSCorrector

    x, y = grid_of(wcs[of_chip])
    before = plane.from_sky(*wcs[of_chip].all_pix2world(x, y, 0))
    after = plane.from_sky(*fitted.all_pix2world(x, y, 0))
    moved = fit_similarity(before, after, np.zeros(2))
    corrector = FITSWCSCorrector(wcs[to_chip].deepcopy())
    corrector.set_correction(moved.matrix, moved.shift, ref_tpwcs=plane.corrector)
    return corrector.wcs


def grid_of(wcs: Any) -> tuple[FloatArray, FloatArray]:
    """Return 6 x 6 points over a chip, 0-based pixels."""
    nx, ny = wcs.pixel_shape
    x, y = np.meshgrid(np.linspace(0, nx - 1, 6), np.linspace(0, ny - 1, 6))
    return x.ravel(), y.ravel()
