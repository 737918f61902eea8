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
    """

    table: MasterTable
    added: NDArray[np.bool_]
    partner: NDArray[np.intp]
    n_common: int
    shift: tuple[float, float]


def merge(older: MasterTable, newer: MasterTable, radius: float) -> Merged:
    """Join two catalogs of one field.

    Stars are the same where each is the other's nearest within `radius`. The newer catalog is shifted by the
    median offset of the common stars first: the frames it was made from were aligned on their own.

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
    ra, dec = newer.ra, newer.dec
    shift = (0.0, 0.0)
    for _ in range(2):
        of_new, of_old = _common(tree, older, ra, dec, radius)
        if len(of_new) == 0:
            raise CatalogError(
                f"no star of the new catalog lies within {radius:g} arcsec of one of the lake's; "
                "are they of one field and aligned?"
            )
        if len(of_new) < _FEWEST_TO_SHIFT:
            break
        scale = np.cos(np.radians(older.dec[of_old]))
        east = float(np.median(_wrapped(ra[of_new] - older.ra[of_old]) * scale))
        north = float(np.median(dec[of_new] - older.dec[of_old]))
        ra, dec = (ra - east / np.cos(np.radians(dec))) % 360, dec - north
        shift = (shift[0] + east * 3.6e6, shift[1] + north * 3.6e6)
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
    return Merged(table, added, partner, len(of_new), shift)


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
