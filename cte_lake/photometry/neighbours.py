"""Stars of the catalog that stand too near to a brighter one."""

from __future__ import annotations

import numpy as np
from scipy.spatial import KDTree

from cte_lake.photometry.arrays import BoolArray, FloatArray


def has_brighter_neighbour(
    x: FloatArray, y: FloatArray, brightness: FloatArray, distance: float
) -> BoolArray:
    """Return which stars have another within a distance that is at least as bright.

    The faint one of a close pair is measured with the bright one's light; the bright one hardly suffers.

    Parameters
    ----------
    x, y : array of float64, shape (n,)
        Positions in pixels; one that is not finite has no neighbour and is none.
    brightness : array of float64, shape (n,)
        Any measure; NaN is fainter than all.
    distance : float
        Limit in pixels.
    """
    found = np.zeros(x.size, dtype=np.bool_)
    finite = np.flatnonzero(np.isfinite(x) & np.isfinite(y))
    if finite.size < 2 or distance == 0:
        return found
    places = KDTree(np.column_stack([x[finite], y[finite]]))
    first, second = finite[places.query_pairs(distance, output_type="ndarray")].T
    bright = np.nan_to_num(brightness, nan=-np.inf, posinf=np.inf, neginf=-np.inf)
    found[first[bright[second] >= bright[first]]] = True
    found[second[bright[first] >= bright[second]]] = True
    return found
