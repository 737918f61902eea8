"""Finding which source is which star: a robust search for the offset, then nearest neighbours."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter
from scipy.spatial import cKDTree

from cte_lake.arrays import FloatArray

IntArray = NDArray[np.intp]

_BIN = 0.5
_ROTATION_SMEAR = 0.5
#: A source lies on the field where so many stars are within so many pixels.
_LEAST, _REACH = 3, 150.0
#: Distances, px, at which every match is false: beyond any PSF, near enough to see the same star density.
_DISPLACEMENTS = tuple(
    (r * np.cos(a), r * np.sin(a)) for r in (23.0, 31.0) for a in np.arange(0.3, 6.0, 0.75)
)


@dataclass(frozen=True)
class Similarity:
    """A rotation, scale and shift of the plane: ``xy -> centre + matrix @ (xy - centre) + shift``."""

    matrix: FloatArray
    shift: FloatArray
    centre: FloatArray

    def __call__(self, xy: FloatArray) -> FloatArray:
        """Apply it to points of shape (n, 2)."""
        moved: FloatArray = (xy - self.centre) @ self.matrix.T + self.centre + self.shift
        return moved

    @property
    def rotation(self) -> float:
        """Angle from x to y, degrees."""
        return float(np.degrees(np.arctan2(self.matrix[1, 0], self.matrix[0, 0])))

    @property
    def scale(self) -> float:
        """Factor of all lengths."""
        return float(np.sqrt(np.linalg.det(self.matrix)))


def fit_similarity(xy: FloatArray, uv: FloatArray, centre: FloatArray) -> Similarity:
    """Fit rotation, scale and shift that take `xy` to `uv` (both (n, 2), n >= 2) by least squares."""
    z, w = xy - xy.mean(axis=0), uv - uv.mean(axis=0)
    norm = (z**2).sum()
    a = (z * w).sum() / norm
    b = (z[:, 0] * w[:, 1] - z[:, 1] * w[:, 0]).sum() / norm
    matrix = np.array([[a, -b], [b, a]])
    shift = uv.mean(axis=0) - centre - matrix @ (xy.mean(axis=0) - centre)
    return Similarity(matrix, shift, centre)


def search_offset(
    sources: FloatArray, stars: FloatArray, radius: float, max_rotation: float
) -> tuple[Similarity, FloatArray]:
    """Find the rotation and shift under which most sources fall on a star.

    Every pair of a source and a star closer than `radius` votes for its offset, for each of a row of trial
    rotations about the middle of the sources; the fullest neighbourhood of one pixel wins. Wrong pairs spread
    evenly, so a few dozen true ones among thousands are enough.

    Parameters
    ----------
    sources, stars : ndarray, shape (n, 2) and (m, 2)
        Positions on the tangent plane, px.
    radius : float
        Largest shift, px.
    max_rotation : float
        Largest rotation, degrees.

    Returns
    -------
    offset : Similarity
        Takes the sources to the stars, to about half a pixel; the identity where there is no pair.
    histogram : ndarray, shape (k, k)
        Votes of the winning rotation by offset in y (rows) and x, bins of 0.5 px, zero in the middle.
    """
    centre = sources.mean(axis=0)
    arm = np.abs(sources - centre).max()
    margin = radius + np.radians(max_rotation) * arm
    pairs = cKDTree(sources).sparse_distance_matrix(cKDTree(stars), margin, output_type="coo_matrix")
    i, j = pairs.row, pairs.col
    difference = stars[j] - sources[i]
    lever = (sources - centre)[i]
    n_bins = 2 * int(np.ceil(radius / _BIN)) + 1
    edges = (np.arange(n_bins + 1) - n_bins / 2) * _BIN
    n_steps = int(np.ceil(np.radians(max_rotation) * arm / _ROTATION_SMEAR))
    best, best_votes, best_histogram = (0.0, np.zeros(2)), 0.0, np.zeros((n_bins, n_bins))
    for angle in np.linspace(-1, 1, 2 * n_steps + 1) * np.radians(max_rotation):
        shift = difference - angle * np.column_stack([-lever[:, 1], lever[:, 0]])
        histogram = np.histogram2d(shift[:, 1], shift[:, 0], bins=(edges, edges))[0]
        votes = uniform_filter(histogram, size=3, mode="constant") * 9
        row, column = np.unravel_index(np.argmax(votes), votes.shape)
        if votes[row, column] > best_votes:
            peak = np.array([(column - n_bins // 2) * _BIN, (row - n_bins // 2) * _BIN])
            best, best_votes, best_histogram = (float(angle), peak), votes[row, column], histogram
    angle, peak = best
    matrix = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return Similarity(matrix, peak, centre), best_histogram


def match_nearest(sources: FloatArray, stars: FloatArray, tolerance: float) -> tuple[IntArray, IntArray]:
    """Return the indices (of sources, of stars) of all pairs that are mutually nearest within `tolerance`."""
    if len(sources) == 0 or len(stars) == 0:
        return np.empty(0, np.intp), np.empty(0, np.intp)
    distance, nearest = (np.asarray(a) for a in cKDTree(stars).query(sources, distance_upper_bound=tolerance))
    source = np.flatnonzero(np.isfinite(distance))
    star = nearest[source]
    _, back = cKDTree(sources).query(stars[star])
    mutual = back == source
    return source[mutual], star[mutual]


def refine(sources: FloatArray, stars: FloatArray, offset: Similarity, tolerance: float) -> Similarity:
    """Tighten an offset by matching and fitting with falling tolerance (4, 2 and 1 times `tolerance`, px)."""
    for factor in (4, 2, 1, 1):
        i, j = match_nearest(offset(sources), stars, factor * tolerance)
        if len(i) < 4:
            return offset
        residual = stars[j] - offset(sources[i])
        # The median is free of the false matches; the fit that follows it takes those near it only.
        near = np.hypot(*(residual - np.median(residual, axis=0)).T) < factor * tolerance * 0.8
        if near.sum() < 4:
            return offset
        offset = fit_similarity(sources[i[near]], stars[j[near]], offset.centre)
    return offset


def match_fractions(sources: FloatArray, stars: FloatArray, tolerance: float) -> tuple[float, float]:
    """Return the share of sources with a star within `tolerance` px, and the same at displaced positions."""
    if len(sources) == 0 or len(stars) == 0:
        return 0.0, 0.0
    tree = cKDTree(stars)
    matched = np.isfinite(tree.query(sources, distance_upper_bound=tolerance)[0]).mean()
    chance = [
        np.isfinite(tree.query(sources + displacement, distance_upper_bound=tolerance)[0]).mean()
        for displacement in np.array(_DISPLACEMENTS)
    ]
    return float(matched), float(np.mean(chance))


def on_field(sources: FloatArray, stars: FloatArray) -> NDArray[np.bool_]:
    """Return which sources lie where the catalog has stars: at least `_LEAST` within `_REACH` px."""
    if len(sources) == 0 or len(stars) < _LEAST:
        return np.zeros(len(sources), bool)
    distance = np.asarray(cKDTree(stars).query(sources, k=_LEAST, distance_upper_bound=_REACH)[0])
    inside: NDArray[np.bool_] = np.isfinite(distance[:, -1])
    return inside
