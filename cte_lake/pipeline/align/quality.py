"""Judging a solution by itself: what is matched, what is left, how far it moved."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cte_lake.arrays import FloatArray
from cte_lake.pipeline.align.detect import Sources
from cte_lake.pipeline.align.fit import (
    CLIP_SIGMA,
    MINIMUM_TO_FIT,
    Plane,
    SearchSettings,
    grid_of,
    stars_near,
    tangent_plane,
)
from cte_lake.pipeline.align.match import Similarity, fit_similarity, match_fractions, match_nearest, on_field

_BRIGHTEST = 200


@dataclass(frozen=True)
class Residuals:
    """The matched stars of a solution: where they are and what is left, all arrays of shape (n,).

    Attributes
    ----------
    chip : ndarray of int
        Chip, 1 or 2.
    x, y : ndarray
        Source, 0-based pixels of its chip.
    dx, dy : ndarray
        Catalog minus source on the tangent plane, px.
    used : ndarray of bool
        False where the residual is over 3 sigma.
    """

    chip: NDArray[np.int32]
    x: FloatArray
    y: FloatArray
    dx: FloatArray
    dy: FloatArray
    used: NDArray[np.bool_]


@dataclass(frozen=True)
class Quality:
    """What can be said of a solution without trusting how it was found; lengths in px of the tangent plane.

    The fields are the columns of the dataset ``alignment`` of the same names; NaN where there is too little.
    `offset_ra` and `offset_dec` are arcsec on the sky.
    """

    n_sources: int
    n_expected: int
    n_matched: int
    match_fraction: float
    chance_fraction: float
    rms_x: float
    rms_y: float
    shift_x: float
    shift_y: float
    rotation: float
    scale: float
    elongation: float
    unevenness: float
    offset_ra: float = math.nan
    offset_dec: float = math.nan

    @property
    def offset(self) -> float:
        """How far the solution moves the middle of the detector on the sky, arcsec; NaN where unknown."""
        return math.hypot(self.offset_ra, self.offset_dec)


def judge(
    before: Mapping[int, Any],
    after: Mapping[int, Any],
    sources: Mapping[int, Sources],
    ra: FloatArray,
    dec: FloatArray,
    settings: SearchSettings,
) -> tuple[Quality, Residuals]:
    """Measure a solution against the catalog, whichever engine it is from.

    Parameters
    ----------
    before, after : mapping of int to HSTWCS
        The header's WCS and the fitted one.
    sources, ra, dec, settings
        As for :func:`fit_wcs`.
    """
    plane = tangent_plane(after)
    table = stars_near(plane, after, ra, dec, settings)
    stars = (
        plane.from_sky(np.asarray(table["RA"]), np.asarray(table["DEC"])) if len(table) else np.empty((0, 2))
    )
    chips = [chip for chip in (2, 1) if len(sources[chip])]
    chip = np.concatenate([np.full(len(sources[c]), c, np.int32) for c in chips])
    x, y, flux = (np.concatenate([getattr(sources[c], name) for c in chips]) for name in ("x", "y", "flux"))
    moments = np.concatenate([sources[c].moments for c in chips])
    xy = np.vstack([plane.from_sky(*after[c].all_pix2world(sources[c].x, sources[c].y, 0)) for c in chips])
    bright = np.argsort(-flux, kind="stable")[:_BRIGHTEST]
    bright = bright[on_field(xy[bright], stars)]
    fraction, chance = match_fractions(xy[bright], stars, settings.tolerance)
    i, j = match_nearest(xy, stars, settings.tolerance)
    residual = stars[j] - xy[i]
    used = _unclipped(residual)
    moved = _movement(plane, before, after)
    offset_ra, offset_dec = _offset_on_sky(before, after)
    quality = Quality(
        n_sources=len(x),
        n_expected=len(bright),
        n_matched=int(used.sum()),
        match_fraction=fraction,
        chance_fraction=chance,
        rms_x=_rms(residual[used, 0]),
        rms_y=_rms(residual[used, 1]),
        # A star stays where it is on the sky, so on the chip it moves against the WCS.
        shift_x=-float(moved.shift[0]),
        shift_y=-float(moved.shift[1]),
        rotation=moved.rotation,
        scale=moved.scale,
        elongation=_elongation(moments[i[used]]),
        unevenness=_unevenness(chip[i[used]], x[i[used]], y[i[used]], residual[used], before),
        offset_ra=offset_ra,
        offset_dec=offset_dec,
    )
    return quality, Residuals(chip[i], x[i], y[i], residual[:, 0], residual[:, 1], used)


def _unclipped(residual: FloatArray) -> NDArray[np.bool_]:
    used = np.ones(len(residual), bool)
    for _ in range(10):
        if used.sum() < MINIMUM_TO_FIT:
            break
        spread = np.hypot(*(residual - residual[used].mean(axis=0)).T)
        kept = spread <= CLIP_SIGMA * np.sqrt((residual[used].var(axis=0)).sum())
        if (kept == used).all():
            break
        used = kept
    return used


def _rms(values: FloatArray) -> float:
    return float(np.sqrt((values**2).mean())) if len(values) else float("nan")


def _movement(plane: Plane, before: Mapping[int, Any], after: Mapping[int, Any]) -> Similarity:
    """Return how the solution moves the detector on the tangent plane, about the detector's middle."""
    points = {chip: grid_of(before[chip]) for chip in before}
    old = np.vstack([plane.from_sky(*before[c].all_pix2world(*points[c], 0)) for c in points])
    new = np.vstack([plane.from_sky(*after[c].all_pix2world(*points[c], 0)) for c in points])
    return fit_similarity(old, new, old.mean(axis=0))


def _offset_on_sky(before: Mapping[int, Any], after: Mapping[int, Any]) -> tuple[float, float]:
    """Return solution less header at the middle of the detector, arcsec along RA and Dec."""
    nx, ny = before[2].pixel_shape
    (old_ra, old_dec), (ra, dec) = (
        [float(value) for value in wcs[2].all_pix2world((nx - 1) / 2, ny - 0.5, 0)] for wcs in (before, after)
    )
    along_ra = ((ra - old_ra + 180.0) % 360.0 - 180.0) * math.cos(math.radians(dec))
    return along_ra * 3600.0, (dec - old_dec) * 3600.0


def _elongation(moments: FloatArray) -> float:
    """Return the axis ratio of the mean image of the sources; trailed frames have a large one."""
    moments = moments[np.isfinite(moments).all(axis=1)][:_BRIGHTEST]
    if len(moments) < MINIMUM_TO_FIT:
        return float("nan")
    xx, yy, xy = np.median(moments, axis=0)
    half_trace, root = (xx + yy) / 2, np.hypot((xx - yy) / 2, xy)
    return float(np.sqrt((half_trace + root) / max(half_trace - root, 1e-6)))


def _unevenness(
    chip: NDArray[np.int32], x: FloatArray, y: FloatArray, residual: FloatArray, wcs: Mapping[int, Any]
) -> float:
    """Return the largest mean residual in an eighth of the detector that has 10 stars or more, px."""
    nx, ny = wcs[2].pixel_shape
    cell = 4 * (chip == 1) + 2 * (y > ny / 2) + (x > nx / 2)
    means = [np.hypot(*residual[cell == k].mean(axis=0)) for k in range(8) if (cell == k).sum() >= 10]
    return float(max(means)) if means else float("nan")
