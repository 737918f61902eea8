"""Typed look-ups in FITS headers; every refusal names the keyword and the file."""

from __future__ import annotations

import math
import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from astropy.io import fits
from astropy.utils.exceptions import AstropyWarning

from cte_lake.errors import Rejected


@dataclass(frozen=True)
class Limits:
    """Least and greatest value, with unit, and what is wrong with a value outside."""

    low: float
    high: float
    unit: str
    why: str


LIMITS: Final[Mapping[str, Limits]] = MappingProxyType(
    {
        "EXPTIME": Limits(0.1, 10_000.0, "s", "the shutter opens for 0.48 s at least and an orbit at most"),
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


_NO_VALUE: Final = frozenset({"", "N/A", "INDEF", "UNDEFINED", "NONE"})
"""What the archive writes where a number is not known."""

_NOT_FINITE: Final = frozenset({"NAN", "+NAN", "-NAN", "INF", "+INF", "-INF", "INFINITY", "-INFINITY"})
"""What programs write without quotes where a number is not known; no FITS value, so parsers fail on it."""


_NUMBER: Final = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([DE][+-]?\d+)?", re.ASCII)
"""A number as FITS and Fortran write it."""


class HeaderCards:
    """Looks a keyword up in several headers, in their order.

    Parameters
    ----------
    name : str
        File name, for the refusals.
    headers : list of Header
        Primary header first, then those of the chips.
    """

    def __init__(self, name: str, headers: list[fits.Header]) -> None:
        self.name = name
        self.headers = headers

    def raw(self, key: str) -> Any:
        """Return the value in the first header that has the keyword; None if none has or it is blank."""
        for header in self.headers:
            value = self._value(header, key)
            if value is not None and not isinstance(value, fits.card.Undefined):
                return value
        return None

    def _value(self, header: fits.Header, key: str) -> Any:
        try:
            if key in header and header.count(key) > 1:
                return self._one_of(key, [header[key, number] for number in range(header.count(key))])
            return header.get(key)
        except Rejected:
            raise
        except Exception:  # the parser meets every content there is with an error of another class
            text = _unparsed(header, key)
        if text.upper() in _NOT_FINITE:
            return text
        raise Rejected("bad_keyword", f"{key} of {self.name} cannot be parsed ({text[:40]!r})")

    def _one_of(self, key: str, values: list[Any]) -> Any:
        """Return the value of a keyword that stands in a header more than once, always with this value."""
        if any(value != values[0] for value in values):
            said = " and ".join(f"{value!r:.40}" for value in values[:3])
            raise Rejected("bad_keyword", f"{key} stands {len(values)} times in {self.name}: {said}")
        return values[0]

    def optional_text(self, key: str) -> str:
        """Return the stripped text, empty if missing."""
        value = self.raw(key)
        return "" if value is None else str(value).strip()

    def text_or_history(self, key: str) -> str:
        """Return the text, or what HISTORY says of the keyword: calwf3 writes new keywords there."""
        text = self.optional_text(key)
        if text.upper() not in _NO_VALUE:
            return text
        lines = [str(line) for header in self.headers for line in header.get("HISTORY", [])]
        said = re.compile(rf"\b{key}\b[\s=:']*([^'/]+)")
        stated = [found[1].strip() for line in lines if (found := said.search(line))]
        return stated[-1] if stated else text

    def text(self, key: str) -> str:
        """Return the stripped text, which must not be blank."""
        value = self.optional_text(key)
        if not value:
            raise Rejected("missing_keyword", f"{self.name} has no keyword {key}, or it is blank")
        return value

    def optional_number(self, key: str) -> float | None:
        """Return the finite number within its `LIMITS`, or None if missing, blank or not finite."""
        value = self.raw(key)
        if value is None or (isinstance(value, str) and value.strip().upper() in _NO_VALUE):
            return None
        number = _number(value)
        if number is None:
            raise Rejected("bad_keyword", f"{key}={value!r:.60} of {self.name} is not a number")
        return self._within_limits(key, number) if math.isfinite(number) else None

    def _within_limits(self, key: str, number: float) -> float:
        limits = LIMITS.get(key)
        if limits is not None and not limits.low <= number <= limits.high:
            span = f"{limits.low:g} to {limits.high:g} {limits.unit}".strip()
            raise Rejected(
                "bad_keyword",
                f"{key}={number:g} of {self.name} is outside {span}: {limits.why}; fetch it again",
            )
        return number

    def number(self, key: str) -> float:
        """Return the finite number, which must be there."""
        value = self.optional_number(key)
        if value is None:
            given = self.raw(key)
            if given is None or str(given).strip().upper() in _NO_VALUE:
                raise Rejected("missing_keyword", f"{self.name} has no keyword {key}, or it is blank")
            raise Rejected("bad_keyword", f"{key}={given!r:.60} of {self.name} is not a finite number")
        return value

    def integer(self, key: str) -> int:
        """Return the whole number, which must be there."""
        number = self.number(key)
        if number != int(number):
            raise Rejected("bad_keyword", f"{key}={number!r} of {self.name} is not a whole number")
        return int(number)


def _number(value: object) -> float | None:
    """Return a card's value as a number, NaN for a logical; None for what is none."""
    if isinstance(value, bool):
        return math.nan
    if isinstance(value, str):
        text = value.strip().upper()
        # Python's own reading would take 1_2 for 12, and digits of other scripts.
        if not _NUMBER.fullmatch(text) and text not in _NOT_FINITE:
            return None
        return float(text.replace("D", "E"))
    try:
        return float(value) if isinstance(value, int | float) else None
    except OverflowError:
        return None


def _unparsed(header: fits.Header, key: str) -> str:
    """Return the text of a card that has no value by the standard, as far as it can be read."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AstropyWarning)
        try:
            image = str(header.cards[key].image)
        except Exception:  # not even a card
            return ""
    value = image.partition("=")[2].strip()
    # Asked for its image, the library puts quotes round what it could not parse.
    return value[1:].partition("'")[0].strip() if value.startswith("'") else value.partition("/")[0].strip()
