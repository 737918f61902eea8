"""What the offsets of a visit's exposures have in common: the pointing or the catalog, or each its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cte_lake.pipeline.align.alignment_rows import ALIGNED

#: Offsets that differ by less are alike, and smaller ones are not worth a word, arcsec: a pixel.
_PIXEL = 0.04
_DAYS_A_YEAR = 365.25


@dataclass(frozen=True)
class VisitOffset:
    """How far the headers of a visit's aligned exposures were off the catalog.

    Attributes
    ----------
    proposal : int
    visit : str
    exposures : int
        Aligned exposures.
    offset_ra, offset_dec : float
        Median of solution less header, arcsec.
    spread : float
        Largest distance of an exposure's offset from the median, arcsec.
    common : bool
        Whether two exposures or more are off alike, by more than a pixel.
    mjd : float
        Start of the first exposure.
    catalog_epoch : float or None
        Date of the catalog's positions, MJD.
    """

    proposal: int
    visit: str
    exposures: int
    offset_ra: float
    offset_dec: float
    spread: float
    common: bool
    mjd: float
    catalog_epoch: float | None

    @property
    def offset(self) -> float:
        """Length of the median offset, arcsec."""
        return float(np.hypot(self.offset_ra, self.offset_dec))

    def __str__(self) -> str:
        name = f"visit {self.proposal}/{self.visit}"
        where = f"(RA {self.offset_ra:+.3f}, Dec {self.offset_dec:+.3f})"
        if not self.common:
            return (
                f"{name}: {self.exposures} aligned, {self.offset:.3f} arcsec {where} in the middle, "
                f"each up to {self.spread:.3f} from it"
            )
        alike = f"all {self.exposures} aligned exposures were off alike by {self.offset:.3f} arcsec"
        what = f"{name}: {alike} {where}"
        if self.catalog_epoch is None:
            return f"{what}: the pointing of MJD {self.mjd:.1f}, or a catalog whose epoch is not stated"
        years = (self.mjd - self.catalog_epoch) / _DAYS_A_YEAR
        return f"{what}: the pointing of MJD {self.mjd:.1f}, or motion in {years:.1f} years since the catalog"


def visit_offsets(exposures: Sequence[Mapping[str, Any]]) -> list[VisitOffset]:
    """Return the offset of each visit that is off by more than a pixel somewhere.

    Parameters
    ----------
    exposures : sequence of mapping
        Records of an alignment: status, proposal, visit, mjd, offset_ra, offset_dec, catalog_epoch.
    """
    visits: dict[tuple[int, str], list[Mapping[str, Any]]] = {}
    for exposure in exposures:
        if exposure["status"] == ALIGNED:
            visits.setdefault((exposure["proposal"], exposure["visit"]), []).append(exposure)
    found = [_of_visit(*key, members) for key, members in sorted(visits.items())]
    return [visit for visit in found if visit.offset + visit.spread > _PIXEL]


def _of_visit(proposal: int, visit: str, members: Sequence[Mapping[str, Any]]) -> VisitOffset:
    offsets = np.array([(each["offset_ra"], each["offset_dec"]) for each in members])
    middle = np.median(offsets, axis=0)
    spread = float(np.hypot(*(offsets - middle).T).max())
    common = len(members) > 1 and spread < _PIXEL < float(np.hypot(*middle))
    first = min(members, key=lambda each: float(each["mjd"]))
    return VisitOffset(
        proposal, visit, len(members), float(middle[0]), float(middle[1]), spread, common,
        float(first["mjd"]), first["catalog_epoch"],
    )  # fmt: skip
