"""Joining master catalogs: a star keeps its number whatever is added later."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from cte_lake.errors import CatalogError
from cte_lake.masters.table import MasterTable

_ARCSEC = np.pi / 180 / 3600
_FEWEST_TO_SHIFT = 10
_FEWEST_TO_TURN = 30
_ARCSEC_DEGREES = 1 / 3600
#: Partners further apart than this multiple of the median are left out of the rotation.
_CLIP = 4.0
#: Rounds of matching; each brings the stars further out within reach.
_STEPS = 6


@dataclass(frozen=True)
class Merged:
    """A joined catalog.

    Attributes
    ----------
    table : MasterTable
        All stars of the older catalog with their numbers, positions and further columns as they were, then
        the newer one's further stars under new numbers.
    added : ndarray of bool, shape (n,)
        True for the stars that are new.
    partner : ndarray of int, shape (m,)
        For each star of the newer catalog its row in `table`.
    n_common : int
        Stars that both have.
    shift : tuple of float
        Median offset (RA cos Dec, Dec; mas) of the newer from the older catalog, taken off the new stars.
    rotation : float
        Rotation of the newer against the older catalog, from north to east, degrees; taken off as well.
    """

    table: MasterTable
    added: NDArray[np.bool_]
    partner: NDArray[np.intp]
    n_common: int
    shift: tuple[float, float]
    rotation: float


def merge(older: MasterTable, newer: MasterTable, radius: float) -> Merged:
    """Join two catalogs of one field.

    Stars are the same where each is the other's nearest within `radius`. The newer catalog is shifted, and
    with enough stars turned, onto the common stars of the older one first: the frames it was made from were
    aligned on their own, and 0.05 degrees are 70 mas at the edge of a full frame.

    Parameters
    ----------
    older, newer : MasterTable
        Catalogs of one field.
    radius : float
        Largest distance of one star in both catalogs, arcsec.

    Raises
    ------
    CatalogError
        If no star is common: then the catalogs are of different fields, or not on one frame.
    """
    tree = cKDTree(_unit_vectors(older.ra, older.dec))
    plane = _Plane.around(older)
    old, new = plane.project(older.ra, older.dec), plane.project(newer.ra, newer.dec)
    middle = new.mean(axis=0)
    moved, shift, rotation = new, np.zeros(2), 0.0
    for step in range(_STEPS):
        of_new, of_old = _common(tree, older, *plane.deproject(moved), radius)
        if len(of_new) == 0:
            raise CatalogError(
                f"no star of the new catalog lies within {radius:g} arcsec of one of the lake's; "
                "are they of one field and aligned?"
            )
        if len(of_new) < _FEWEST_TO_SHIFT or step == _STEPS - 1:
            break
        if len(of_new) >= _FEWEST_TO_TURN:
            rotation += _turn(moved[of_new], old[of_old])
        turned = _rotated(new - middle, rotation) + middle
        shift = np.median(turned[of_new] - old[of_old], axis=0)
        moved = turned - shift
    ra, dec = plane.deproject(moved)
    is_new = np.ones(len(newer), bool)
    is_new[of_new] = False
    n_new, n_old = int(is_new.sum()), len(older)
    partner = np.empty(len(newer), np.intp)
    partner[of_new] = of_old
    partner[is_new] = n_old + np.arange(n_new)
    table = MasterTable(
        id=np.concatenate([older.id, older.id.max() + 1 + np.arange(n_new)]),
        x=np.concatenate([older.x, newer.x[is_new]]),
        y=np.concatenate([older.y, newer.y[is_new]]),
        ra=np.concatenate([older.ra, ra[is_new]]),
        dec=np.concatenate([older.dec, dec[is_new]]),
        extra=_joined_extra(older, newer, is_new),
    )
    added = np.arange(len(table)) >= n_old
    offset = float(shift[0]) * 3.6e6, float(shift[1]) * 3.6e6
    return Merged(table, added, partner, len(of_new), offset, float(np.degrees(rotation)))


@dataclass(frozen=True)
class _Plane:
    """East and north of a point, in degrees of a plane without distortion (sinusoidal): exact both ways."""

    ra: float
    dec: float

    @classmethod
    def around(cls, table: MasterTable) -> _Plane:
        vector = _unit_vectors(table.ra, table.dec).mean(axis=0)
        ra, dec = np.arctan2(vector[1], vector[0]), np.arctan2(vector[2], np.hypot(vector[0], vector[1]))
        return cls(float(np.degrees(ra)), float(np.degrees(dec)))

    def project(self, ra: NDArray[np.float64], dec: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.column_stack([_wrapped(ra - self.ra) * np.cos(np.radians(dec)), dec - self.dec])

    def deproject(self, xy: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        dec = xy[:, 1] + self.dec
        return (self.ra + xy[:, 0] / np.cos(np.radians(dec))) % 360, dec


def _turn(moved: NDArray[np.float64], old: NDArray[np.float64]) -> float:
    """Return the angle (radians) by which stars still have to be turned; false partners are left out."""
    z, w = moved - np.median(moved, axis=0), old - np.median(old, axis=0)
    off = np.hypot(*(w - z).T)
    kept = off <= _CLIP * max(float(np.median(off)), _ARCSEC_DEGREES / 1000)
    z, w = z[kept], w[kept]
    cross = float((z[:, 0] * w[:, 1] - z[:, 1] * w[:, 0]).sum())
    return float(np.arctan2(cross, (z * w).sum()))


def _rotated(xy: NDArray[np.float64], angle: float) -> NDArray[np.float64]:
    c, s = np.cos(angle), np.sin(angle)
    turned: NDArray[np.float64] = xy @ np.array([[c, s], [-s, c]])
    return turned


def _common(
    tree: cKDTree, older: MasterTable, ra: NDArray[np.float64], dec: NDArray[np.float64], radius: float
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    points = _unit_vectors(ra, dec)
    distance, nearest = (np.asarray(a) for a in tree.query(points, distance_upper_bound=radius * _ARCSEC))
    of_new = np.flatnonzero(np.isfinite(distance))
    of_old = nearest[of_new]
    _, back = cKDTree(points).query(_unit_vectors(older.ra[of_old], older.dec[of_old]))
    mutual = np.asarray(back) == of_new
    return of_new[mutual], of_old[mutual]


def _joined_extra(
    older: MasterTable, newer: MasterTable, is_new: NDArray[np.bool_]
) -> dict[str, NDArray[np.float64]]:
    def column(table: MasterTable, name: str) -> NDArray[np.float64]:
        return np.asarray(table.extra.get(name, np.full(len(table), np.nan)), np.float64)

    names = list(dict.fromkeys([*older.extra, *newer.extra]))
    return {name: np.concatenate([column(older, name), column(newer, name)[is_new]]) for name in names}


def _wrapped(degrees: NDArray[np.float64]) -> NDArray[np.float64]:
    return (degrees + 180) % 360 - 180


def _unit_vectors(ra: NDArray[np.float64], dec: NDArray[np.float64]) -> NDArray[np.float64]:
    a, d = np.radians(ra), np.radians(dec)
    return np.column_stack([np.cos(d) * np.cos(a), np.cos(d) * np.sin(a), np.sin(d)])
