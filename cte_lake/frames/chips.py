"""Which chip holds the measured field: by POSTARG2, or in 180-degree sets by the stars both visits share."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Final

import numpy as np
from astropy.wcs import WCS
from numpy.typing import NDArray

from cte_lake.detector import DETECTOR, are_opposite
from cte_lake.errors import Rejected
from cte_lake.frames.exposure import Exposure

CHIPS: Final = tuple(DETECTOR.extension_of_chip)
"""Chip numbers in the order of their extensions."""

MIN_SHARED_FRACTION: Final = 0.25
"""Share of a chip's stars that a partner must show on the same chip; fields that merely touch stay below."""


_BEYOND_THE_CHIP: Final = 120.0
"""Dither along y, arcsec, that leaves less than half of a chip's field (81 arcsec) on the other chip."""


def chip_of_postarg(postarg2: float, chip2_limit: float = 0.1, chip1_limit: float = 80.0) -> int | None:
    """Return the chip of a nominal exposure from its dither along y (docs/field.md#which-chip).

    Parameters
    ----------
    postarg2 : float
        POSTARG2, arcsec.
    chip2_limit : float
        Up to this abs(POSTARG2) the field is on chip 2.
    chip1_limit : float
        From this POSTARG2 on it is on chip 1.

    Returns
    -------
    int or None
        2, 1, or None for a sub-dither, and for one that moves the field off chip 1.
    """
    if abs(postarg2) <= chip2_limit:
        return 2
    return 1 if chip1_limit <= postarg2 <= _BEYOND_THE_CHIP else None


_WHOLE_OR_CHIP2: Final = frozenset({"", "UVIS", "UVIS-FIX", "UVIS-CENTER", "UVIS2", "UVIS2-FIX"})
"""Apertures that put the field of the monitor on chip 2 at POSTARG2 0."""


def needs_wcs(aperture: str) -> bool:
    """Return whether an aperture (of chip 1, a subarray, the IR channel) is believed only with the WCS."""
    return aperture.upper() not in _WHOLE_OR_CHIP2


def names_chip1(aperture: str) -> bool:
    """Return whether an aperture lies on chip 1 (UVIS1, UVIS1-FIX, ...); all others hold chip 2's field."""
    return aperture.upper().startswith("UVIS1")


def chip_of_field(
    postarg2: float, aperture: str, chip2_limit: float = 0.1, chip1_limit: float = 80.0
) -> int | None:
    """Return the chip of a nominal exposure from its aperture and its dither along y (docs/screening.md).

    Apertures of the whole detector and of chip 2 show the field on chip 2 at POSTARG2 0; those of chip 1 a
    chip height further up. A field dithered beyond a chip is on none.

    Parameters
    ----------
    postarg2 : float
        POSTARG2, arcsec.
    aperture : str
        APERTURE; '' where the header has none.
    chip2_limit, chip1_limit : float
        As for `chip_of_postarg`.

    Returns
    -------
    int or None
        2, 1, or None where no chip holds the field as a whole.
    """
    if not names_chip1(aperture):
        return chip_of_postarg(postarg2, chip2_limit, chip1_limit)
    if abs(postarg2) <= chip2_limit:
        return 1
    return 2 if -_BEYOND_THE_CHIP <= postarg2 <= -chip1_limit else None


def nearest_chip_of_field(postarg2: float, aperture: str, chip1_limit: float = 80.0) -> int:
    """Return the chip that holds most of the field, for sub-dithers that the user wants measured."""
    return nearest_chip_of_postarg(postarg2 + (chip1_limit if names_chip1(aperture) else 0.0), chip1_limit)


def nearest_chip_of_postarg(postarg2: float, chip1_limit: float = 80.0) -> int:
    """Return the chip that holds most of the field, for sub-dithers that the user wants measured."""
    return 1 if postarg2 > chip1_limit / 2 else 2


@dataclass(frozen=True)
class Footprint:
    """What the choice of a chip needs of an exposure of a 180-degree set.

    Attributes
    ----------
    imagename : str
    group : hashable
        What partners have in common, see :func:`partner_group`.
    visit : str
    mjd : float
    orientation : float
        Position angle of the chip's y axis, degrees (:func:`orientation`).
    stars : mapping of int to ndarray of int64
        Per chip, the master stars on it: indices or ids, unique.
    """

    imagename: str
    group: Hashable
    visit: str
    mjd: float
    orientation: float
    stars: Mapping[int, NDArray[np.int64]]


@dataclass(frozen=True)
class ChipChoice:
    """The chip of an exposure of a 180-degree set, the partner that decided it and the stars they share."""

    imagename: str
    chip: int
    partner: str
    n_shared: int


def partner_group(exposure: Exposure, target: str) -> Hashable:
    """Return what both exposures of a 180-degree pair must have in common."""
    return (
        target,
        exposure.proposal,
        exposure.filter,
        round(exposure.exptime, 3),
        exposure.chinject,
        exposure.flash,
        exposure.filetype,
    )


def orientation(wcs: WCS) -> float:
    """Return the position angle of the chip's y axis by the linear WCS, degrees east of north in [0, 360)."""
    cd = wcs.pixel_scale_matrix
    return float(np.degrees(np.arctan2(cd[0, 1], cd[1, 1])) % 360.0)


def choose_chips_180(footprints: Iterable[Footprint]) -> dict[str, ChipChoice]:
    """Choose the chip of each exposure of 180-degree sets.

    Rolled by 180 degrees, the same stars fall on the same chip of two visits, upside down. Of all possible
    pairs (same group, other visit, rolled by half a turn) those that share most stars are settled first; an
    exposure whose chip is settled joins later pairs only on that chip, so that partners always agree.

    Parameters
    ----------
    footprints : iterable of Footprint
        The exposures to choose for and all their possible partners.

    Returns
    -------
    dict
        imagename to choice; exposures without a partner are not in it.
    """
    by_group: dict[Hashable, list[Footprint]] = {}
    for footprint in footprints:
        by_group.setdefault(footprint.group, []).append(footprint)
    choices: dict[str, ChipChoice] = {}
    for members in by_group.values():
        links = [
            link
            for a, b in combinations(sorted(members, key=lambda f: f.imagename), 2)
            for link in _links(a, b)
        ]
        links.sort(key=lambda link: (-link[0], link[1], -link[2], link[3].imagename, link[4].imagename))
        for n_shared, _, chip, a, b in links:
            if {choices[f.imagename].chip for f in (a, b) if f.imagename in choices} - {chip}:
                continue
            choices.setdefault(a.imagename, ChipChoice(a.imagename, chip, b.imagename, n_shared))
            choices.setdefault(b.imagename, ChipChoice(b.imagename, chip, a.imagename, n_shared))
    return choices


def _links(a: Footprint, b: Footprint) -> list[tuple[int, float, int, Footprint, Footprint]]:
    """Return (stars shared, time apart, chip, a, b) for each chip on which the two may be partners."""
    if a.visit == b.visit or not are_opposite(a.orientation, b.orientation):
        return []
    links: list[tuple[int, float, int, Footprint, Footprint]] = []
    for chip in CHIPS:
        n_shared = np.intersect1d(a.stars[chip], b.stars[chip], assume_unique=True).size
        needed = MIN_SHARED_FRACTION * min(a.stars[chip].size, b.stars[chip].size)
        if n_shared and n_shared >= needed:
            links.append((n_shared, abs(a.mjd - b.mjd), chip, a, b))
    return links


def no_partner(imagename: str) -> Rejected:
    """Return the refusal of an exposure that :func:`choose_chips_180` left out."""
    detail = (
        f"{imagename} has no partner of another visit, rolled by 180 degrees, that shows its stars "
        "on the same chip; ingest both visits"
    )
    return Rejected("no_partner", detail, stage="match")
