"""How the light of a star is spread: what masked pixels take of it, and what it adds to its neighbours.

Shares are of the light within r = 3 px, the radius that is analysed. They decide which stars are flagged, and
say how much of a star the masked pixels hold; no sum is changed by them.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy.spatial import KDTree

from cte_lake.arrays import BoolArray, FloatArray
from cte_lake.compiled import compiled

LIGHT_RADIUS = 3.0
"""Radius, pixels, within which a star's light counts as 1."""

# fmt: off
PROFILE: tuple[tuple[float, float], ...] = (
    (0.00, 0.21524), (0.25, 0.20259), (0.50, 0.17507), (0.75, 0.13536), (1.00, 0.09756), (1.25, 0.06506),
    (1.50, 0.04270), (1.75, 0.02781), (2.00, 0.01893), (2.25, 0.01264), (2.50, 0.00824), (2.75, 0.00504),
    (3.00, 0.00294), (3.25, 0.00168), (3.50, 0.00107), (3.75, 0.00081), (4.00, 0.00073), (4.50, 0.00072),
    (5.00, 0.00069), (6.00, 0.00030), (7.00, 0.00012), (8.00, 0.00015), (9.00, 0.00010), (10.00, 0.00004),
    (12.00, 0.00005),
)
"""Share of a star's light in a pixel whose centre is so many pixels away, averaged over directions: the
diffraction of a 2.4 m pupil at 502 nm with an obscuration of 0.33, blurred by 0.56 px and by the pixel."""
# fmt: on

_STEP = 0.1
"""Step, pixels, of sums over the profile."""


@lru_cache(maxsize=1)
def _aperture_table() -> tuple[FloatArray, FloatArray]:
    """Return distances and the light of a star that far away in an aperture of `LIGHT_RADIUS`."""
    at, share = np.array(PROFILE).T
    side = np.arange(-LIGHT_RADIUS + _STEP / 2, LIGHT_RADIUS, _STEP)
    x, y = (grid.ravel() for grid in np.meshgrid(side, side))
    inside = np.hypot(x, y) <= LIGHT_RADIUS
    x, y = x[inside], y[inside]
    distance = np.arange(0.0, at[-1] - LIGHT_RADIUS + _STEP, 0.25)
    light = np.array([np.interp(np.hypot(x - d, y), at, share).sum() for d in distance])
    return distance, light / light[0]


def aperture_share(distance: npt.ArrayLike) -> FloatArray:
    """Return the share of its light that a star puts into an aperture of r = 3 px so many pixels away.

    Beyond the table (9 px) it is held at its last value, 0.3%.
    """
    at, light = _aperture_table()
    return np.asarray(np.interp(np.asarray(distance, dtype=np.float64), at, light))


def masked_light(good: npt.NDArray[np.uint8], x: FloatArray, y: FloatArray) -> FloatArray:
    """Return the share of each star's light within r = 3 px that masked pixels, or the chip's edge, take.

    Parameters
    ----------
    good : array of uint8, shape (ny, nx)
        1 where a pixel counts.
    x, y : array of float64, shape (n,)
        Places of the stars, 0-based pixels.

    Returns
    -------
    array of float64, shape (n,)
        0 to 1; 1 where a position is not finite.
    """
    at, share = np.array(PROFILE).T
    shares: FloatArray = _masked_light(good, x, y, np.interp(np.arange(0.0, 5.0, _STEP), at, share))
    return shares


@compiled
def _masked_light(
    good: npt.NDArray[np.uint8], x: FloatArray, y: FloatArray, profile: FloatArray
) -> FloatArray:
    """Sum the profile, given every `_STEP` px, over a star's pixels, and over those of them that are good."""
    ny, nx = good.shape
    taken = np.ones(x.size)
    reach = LIGHT_RADIUS + 0.5
    for star in range(x.size):
        cx, cy = x[star], y[star]
        if not (abs(cx) < 1e9 and abs(cy) < 1e9):
            continue
        whole, left = 0.0, 0.0
        for j in range(math.ceil(cy - reach), math.floor(cy + reach) + 1):
            for i in range(math.ceil(cx - reach), math.floor(cx + reach) + 1):
                d = math.hypot(i - cx, j - cy)
                if d >= reach:
                    continue
                step = d / _STEP
                k = int(step)
                light = profile[k] + (step - k) * (profile[k + 1] - profile[k])
                light *= min(1.0, reach - d)
                whole += light
                if 0 <= i < nx and 0 <= j < ny and good[j, i]:
                    left += light
        taken[star] = 1.0 - left / whole
    return taken


def has_bright_neighbours(
    x: FloatArray, y: FloatArray, brightness: FloatArray, distance: float, limit: float
) -> BoolArray:
    """Return into whose aperture of r = 3 px other stars put more than a share of the star's own light.

    Each star's light is what was measured, its neighbours' in it: both of a close pair are flagged, and of a
    wider one the fainter.

    Parameters
    ----------
    x, y : array of float64, shape (n,)
        Positions in pixels; one that is not finite has no neighbour and is none.
    brightness : array of float64, shape (n,)
        Flux in any one aperture; NaN and negative are no light.
    distance : float
        How far the light of a star is followed, pixels; 0: no star is flagged.
    limit : float
        Share of the star's own light.
    """
    flagged = np.zeros(x.size, dtype=np.bool_)
    finite = np.flatnonzero(np.isfinite(x) & np.isfinite(y))
    if finite.size < 2 or distance == 0:
        return flagged
    places = np.column_stack([x[finite], y[finite]])
    first, second = KDTree(places).query_pairs(distance, output_type="ndarray").T
    share = aperture_share(np.hypot(*(places[first] - places[second]).T))
    own = np.maximum(np.nan_to_num(brightness[finite], nan=0.0, posinf=0.0, neginf=0.0), 0.0)
    others = np.bincount(first, share * own[second], finite.size)
    others += np.bincount(second, share * own[first], finite.size)
    flagged[finite] = others > limit * own
    return flagged
