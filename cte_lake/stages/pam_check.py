"""Holds the pixel area maps that follow from a frame's distortion against what is published of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cte_lake.frames.fitsfile import ChipImage, read_chip
from cte_lake.frames.pam import area_map_for, compare_pam, official_map

#: Smallest and largest relative area on each full chip, from the published distortion (SIAF), to 0.002.
PUBLISHED_RANGE = {2: (0.974, 1.027), 1: (0.957, 1.009)}
_RANGE_TOLERANCE = 0.002
#: Largest deviation from an official map that changes no flux by more than the photometry's own error.
LARGEST_DEVIATION = 0.001
_FULL_COLUMNS = 4096


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
        Per chip: its smallest, largest and mean relative area, what they were held against ('official map',
        'published range', or '-' for a cut-out without maps), the largest deviation from it (NULL where there
        is nothing to compare), and whether it agrees.

    Raises
    ------
    Rejected
        If the frame cannot be read, or a map is missing or does not cover it.
    """
    return [_row(read_chip(path, chip), maps) for chip in (2, 1)]


def _row(image: ChipImage, maps: Path | None) -> dict[str, Any]:
    computed = area_map_for(image)
    low, high = float(computed.min()), float(computed.max())
    row: dict[str, Any] = {
        "chip": image.chip,
        "min": low,
        "max": high,
        "mean": float(computed.mean()),
        "held against": "-",
        "deviation": None,
        "agrees": True,
    }
    if maps is not None:
        compared = compare_pam(computed, official_map(maps, image))
        deviation = max(abs(compared.min_ratio - 1), abs(compared.max_ratio - 1))
        row |= {
            "held against": "official map",
            "deviation": deviation,
            "agrees": deviation <= LARGEST_DEVIATION,
        }
    elif computed.shape[1] == _FULL_COLUMNS:
        published = PUBLISHED_RANGE[image.chip]
        deviation = max(abs(low - published[0]), abs(high - published[1]))
        row |= {
            "held against": "published range",
            "deviation": deviation,
            "agrees": deviation <= _RANGE_TOLERANCE,
        }
    return row
