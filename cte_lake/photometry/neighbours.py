"""Stars of the catalog that stand too near to each other."""

from __future__ import annotations

import numpy as np
from scipy.spatial import KDTree

from cte_lake.photometry.arrays import BoolArray, FloatArray


def has_neighbour(x: FloatArray, y: FloatArray, distance: float) -> BoolArray:
    """Return which stars have another within a distance; a position that is not finite has none.

    Parameters
    ----------
    x, y : array of float64, shape (n,)
        Positions in pixels.
    distance : float
        Limit in pixels, itself excluded.
    """
    found = np.zeros(x.size, dtype=np.bool_)
    finite = np.flatnonzero(np.isfinite(x) & np.isfinite(y))
    if finite.size < 2 or distance == 0:
        return found
    places = np.column_stack([x[finite], y[finite]])
    nearest = np.asarray(KDTree(places).query(places, k=2, distance_upper_bound=distance)[0])
    found[finite] = np.isfinite(nearest[:, 1])
    return found
