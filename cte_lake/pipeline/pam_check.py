"""Holds the pixel area maps that follow from a frame's distortion against what is published of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cte_lake.detector import DETECTOR
from cte_lake.frames.fitsfile import ChipImage, read_chip
from cte_lake.frames.pam import area_map_for, largest_deviation, part_of_map, read_official_map

#: Smallest and largest area on each full chip relative to the centre of chip 2, from the published distortion
#: (SIAF), to 0.002.
PUBLISHED_RANGE = {2: (0.974, 1.027), 1: (0.957, 1.009)}
_RANGE_TOLERANCE = 0.002
_CENTRE = (DETECTOR.top // 2, (DETECTOR.columns - 1) // 2)
#: Largest deviation from an official map that changes no flux by more than the photometry's own error.
LARGEST_DEVIATION = 0.001

FloatMap = NDArray[np.float32]


def check_pam(path: Path, maps: Path | None = None) -> list[dict[str, Any]]:
    """Describe the pixel area map of both chips of a frame.

    Parameters
    ----------
    path : Path
        FLT or FLC.
    maps : Path, optional
        Folder with the official maps, ``UVIS1wfc3_map.fits`` and ``UVIS2wfc3_map.fits``.

    Returns
    -------
    list of dict
        Per chip: its smallest, largest and mean relative area, what they were compared with ('official map',
        'published range', or '-' for a cut-out without maps), the largest deviation from it (NULL where there
        is nothing to compare), whether it agrees, and a remark where a map that does not agree would as that
        of the other chip, or turned over.

    Raises
    ------
    Rejected
        If the frame cannot be read, or a map is missing, is none, or does not cover it.
    """
    images = {chip: read_chip(path, chip) for chip in (2, 1)}
    computed = {chip: area_map_for(image) for chip, image in images.items()}
    rows = [_described(chip, computed[chip]) for chip in (2, 1)]
    if maps is not None:
        planes = {chip: read_official_map(maps, chip) for chip in (2, 1)}
        for row in rows:
            row |= _against_official(computed[row["chip"]], images[row["chip"]], planes)
    elif computed[2].shape == DETECTOR.shape:
        for row in rows:
            row |= _against_published(row, float(computed[2][_CENTRE]))
    return rows


def _described(chip: int, computed: FloatMap) -> dict[str, Any]:
    return {
        "chip": chip,
        "min": float(computed.min()),
        "max": float(computed.max()),
        "mean": float(computed.mean()),
        "compared with": "-",
        "deviation": None,
        "agrees": True,
        "remark": "",
    }


def _against_published(row: dict[str, Any], centre: float) -> dict[str, Any]:
    # Maps are 1 at a pixel near the gap; the published range is relative to the middle of chip 2.
    low, high = PUBLISHED_RANGE[row["chip"]]
    deviation = max(abs(row["min"] / centre - low), abs(row["max"] / centre - high))
    return {
        "compared with": "published range",
        "deviation": deviation,
        "agrees": deviation <= _RANGE_TOLERANCE,
    }


def _against_official(computed: FloatMap, image: ChipImage, planes: dict[int, FloatMap]) -> dict[str, Any]:
    plane, other = planes[image.chip], planes[3 - image.chip]
    deviation = largest_deviation(computed, part_of_map(plane, image))
    found = {
        "compared with": "official map",
        "deviation": deviation,
        "agrees": deviation <= LARGEST_DEVIATION,
    }
    if found["agrees"]:
        return found
    readings = {
        "the file holds the map of the other chip": other,
        "the map is turned over in x": plane[:, ::-1],
        "the map is turned over in y": plane[::-1],
        "the map is turned by 180 degrees": plane[::-1, ::-1],
    }
    agreeing = [
        outcome
        for outcome, reading in readings.items()
        if largest_deviation(computed, part_of_map(reading, image)) <= LARGEST_DEVIATION
    ]
    return found | {"remark": "; ".join(agreeing)}
