"""Typed look-ups in FITS headers; every refusal names the keyword and the file."""

from __future__ import annotations

import math
from typing import Any, Final

from astropy.io import fits

from cte_lake.errors import Rejected

_NO_VALUE: Final = frozenset({"", "N/A", "INDEF", "UNDEFINED"})
"""What the archive writes where a number is not known."""


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
            try:
                value = header.get(key)
            except fits.VerifyError as error:
                raise Rejected("bad_keyword", f"{key} of {self.name} cannot be parsed: {error}") from error
            if value is not None and not isinstance(value, fits.card.Undefined):
                return value
        return None

    def optional_text(self, key: str) -> str:
        """Return the stripped text, empty if missing."""
        value = self.raw(key)
        return "" if value is None else str(value).strip()

    def text(self, key: str) -> str:
        """Return the stripped text, which must not be blank."""
        value = self.optional_text(key)
        if not value:
            raise Rejected("missing_keyword", f"{self.name} has no keyword {key}, or it is blank")
        return value

    def optional_number(self, key: str) -> float | None:
        """Return the finite number, or None if missing, blank or not finite."""
        value = self.raw(key)
        if value is None or (isinstance(value, str) and value.strip().upper() in _NO_VALUE):
            return None
        try:
            number = math.nan if isinstance(value, bool) else float(value)
        except (TypeError, ValueError) as error:
            raise Rejected("bad_keyword", f"{key}={value!r} of {self.name} is not a number") from error
        return number if math.isfinite(number) else None

    def number(self, key: str) -> float:
        """Return the finite number, which must be there."""
        value = self.optional_number(key)
        if value is None:
            given = self.raw(key)
            if given is None or str(given).strip().upper() in _NO_VALUE:
                raise Rejected("missing_keyword", f"{self.name} has no keyword {key}, or it is blank")
            raise Rejected("bad_keyword", f"{key}={given!r} of {self.name} is not a finite number")
        return value

    def integer(self, key: str) -> int:
        """Return the whole number, which must be there."""
        number = self.number(key)
        if number != int(number):
            raise Rejected("bad_keyword", f"{key}={number!r} of {self.name} is not a whole number")
        return int(number)
