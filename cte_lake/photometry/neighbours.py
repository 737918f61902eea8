"""Light of the catalog's other stars in a star's aperture."""

from __future__ import annotations

import numpy as np
from scipy.spatial import KDTree

from cte_lake.photometry.arrays import BoolArray, FloatArray
from cte_lake.photometry.starlight import aperture_share


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
