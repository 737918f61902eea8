"""Which exposures of a visit show the same field, and which part of a chip no other exposure sees."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cte_lake.arrays import BoolArray, FloatArray
from cte_lake.frames.fitsfile import wcs_of
from cte_lake.frames.opening import EXTVER_OF_CHIP, open_frame
from cte_lake.pipeline.survey import ExposureFile

_CELL = 16
#: A chip's outermost pixels drop out of the drizzled image: they count as not seen.
_MARGIN = 2


@dataclass(frozen=True)
class Pointing:
    """Where an exposure looks: the WCS and the shape (ny, nx) of each chip."""

    exposure: ExposureFile
    wcs: Mapping[int, Any]
    shape: tuple[int, int]


def pointing_of(exposure: ExposureFile, cards: Mapping[int, Mapping[str, Any]] | None) -> Pointing:
    """Read where an exposure looks, from the aligned WCS cards if there are any.

    Raises
    ------
    Rejected
        If the file cannot be read.
    """
    from pathlib import Path

    with open_frame(Path(exposure.path)) as hdus:
        headers = {chip: hdus["SCI", extver].header for chip, extver in EXTVER_OF_CHIP.items()}
        wcs = {
            chip: wcs_of(header, chip, None if cards is None else cards[chip], hdus)
            for chip, header in headers.items()
        }
        shape = (int(headers[2]["NAXIS2"]), int(headers[2]["NAXIS1"]))
    return Pointing(exposure, wcs, shape)


def seen_by_others(pointing: Pointing, chip: int, others: Sequence[Pointing]) -> BoolArray:
    """Return which pixels of a chip are also on another exposure.

    Returns
    -------
    ndarray of bool, shape (ny, nx)
        True where another exposure looked, to 16 px.
    """
    ny, nx = pointing.shape
    y, x = np.arange(_CELL / 2, ny, _CELL), np.arange(_CELL / 2, nx, _CELL)
    centre_x, centre_y = (grid.ravel() for grid in np.meshgrid(x, y))
    ra, dec = pointing.wcs[chip].all_pix2world(centre_x, centre_y, 0)
    seen = np.zeros(centre_x.size, bool)
    for other in others:
        for wcs in other.wcs.values():
            seen |= _inside(wcs, other.shape, ra, dec)
    cells = np.kron(seen.reshape(len(y), len(x)), np.ones((_CELL, _CELL), bool))
    padded = np.pad(cells, ((0, max(0, ny - cells.shape[0])), (0, max(0, nx - cells.shape[1]))), mode="edge")
    return padded[:ny, :nx]


def _inside(wcs: Any, shape: tuple[int, int], ra: FloatArray, dec: FloatArray) -> BoolArray:
    """Return which sky positions fall on a chip, by its outline with distortion."""
    ny, nx = shape
    along = np.linspace(0, 1, 9)
    low_x, high_x, low_y, high_y = _MARGIN, nx - 1 - _MARGIN, _MARGIN, ny - 1 - _MARGIN
    edge_x = np.concatenate(
        [
            low_x + along * (high_x - low_x),
            np.full(9, high_x),
            high_x - along * (high_x - low_x),
            np.full(9, low_x),
        ]
    )
    edge_y = np.concatenate(
        [
            np.full(9, low_y),
            low_y + along * (high_y - low_y),
            np.full(9, high_y),
            high_y - along * (high_y - low_y),
        ]
    )
    # The plane without distortion is the same map for outline and points, and needs no iteration.
    outline = np.column_stack(wcs.wcs_world2pix(*wcs.all_pix2world(edge_x, edge_y, 0), 0))
    points = np.column_stack(wcs.wcs_world2pix(ra, dec, 0))
    return _in_polygon(points, outline)


def _in_polygon(points: FloatArray, outline: FloatArray) -> BoolArray:
    """Return which points lie inside a closed polygon, by counting the edges to their right."""
    x, y = points[:, 0, None], points[:, 1, None]
    x0, y0 = outline.T
    x1, y1 = np.roll(outline, -1, axis=0).T
    crosses = (y0 > y) != (y1 > y)
    rise = np.where(y1 == y0, 1.0, y1 - y0)
    right = x < x0 + (y - y0) * (x1 - x0) / rise
    inside: BoolArray = (crosses & right).sum(axis=1) % 2 == 1
    return inside


def overlap(one: Pointing, other: Pointing) -> float:
    """Return the share of an exposure's pixels that are also on another."""
    return float(np.mean([seen_by_others(one, chip, [other]).mean() for chip in one.wcs]))


def group_by_field(pointings: Sequence[Pointing], min_overlap: float) -> list[list[Pointing]]:
    """Bring the exposures together that have at least `min_overlap` of their field in common, in a chain.

    Returns
    -------
    list of list of Pointing
        Groups in time order; one that shares its field with no other is alone.
    """
    groups: list[list[Pointing]] = []
    for pointing in sorted(pointings, key=lambda p: (p.exposure.mjd, p.exposure.rootname)):
        touching = [g for g in groups if any(overlap(pointing, member) >= min_overlap for member in g)]
        merged = [member for group in touching for member in group] + [pointing]
        groups = [group for group in groups if group not in touching] + [merged]
    return groups


def in_turns(group: Sequence[Pointing], most: int) -> list[list[Pointing]]:
    """Cut a group into runs of at most `most` exposures, as even as can be."""
    n_runs = -(-len(group) // most)
    return [list(group[k::n_runs]) for k in range(n_runs)]
