"""What numbers a header of WFC3/UVIS can hold; outside these limits a keyword is damaged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final


@dataclass(frozen=True)
class Limits:
    """Least and greatest value, with unit, and what is wrong with a value outside."""

    low: float
    high: float
    unit: str
    why: str


LIMITS: Final[Mapping[str, Limits]] = MappingProxyType(
    {
        "EXPTIME": Limits(0.0, 10_000.0, "s", "no exposure within an orbit is as long"),
        "POSTARG1": Limits(-300.0, 300.0, "arcsec", "the camera's field is 162 arcsec wide"),
        "POSTARG2": Limits(-300.0, 300.0, "arcsec", "the camera's field is 162 arcsec wide"),
        "PA_V3": Limits(-360.0, 360.0, "deg", "no angle"),
        "FLASHLVL": Limits(0.0, 5000.0, "e-/px", "no flash level"),
        "FLASHDUR": Limits(0.0, 410.0, "s", "the lamp burns for 0.1 to 409.5 s"),
        "MEANFLSH": Limits(-5.0, 10_000.0, "e-/px", "no flash gives as much, or takes away"),
        "MEANDARK": Limits(-100.0, 10_000.0, "e-/px", "no dark current"),
        "MDRIZSKY": Limits(-1000.0, 60_000.0, "e-/px", "no sky; the pixels are full at 60000"),
        "PHTRATIO": Limits(0.5, 2.0, "", "the chips differ by a few percent"),
        "SCAN_RAT": Limits(0.0, 100.0, "arcsec/s", "the telescope scans at 7.8 at most"),
        "BINAXIS1": Limits(1, 3, "", "the camera bins by 1, 2 or 3"),
        "BINAXIS2": Limits(1, 3, "", "the camera bins by 1, 2 or 3"),
        "LTV1": Limits(-8192, 8192, "px", "a chip has 4096 columns"),
        "LTV2": Limits(-8192, 8192, "px", "a chip has 2051 rows"),
        "CRVAL1": Limits(-360.0, 720.0, "deg", "no right ascension"),
        "CRVAL2": Limits(-90.0, 90.0, "deg", "no declination"),
        "CRPIX1": Limits(-50_000, 50_000, "px", "far from the chip"),
        "CRPIX2": Limits(-50_000, 50_000, "px", "far from the chip"),
    }
)
"""Keyword to its limits, which are allowed themselves."""
