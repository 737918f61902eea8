"""Units of a user's columns: read with HST's spellings, converted to those of a correction, or refused."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from astropy import units as u

from cte_lake.errors import CatalogError

#: Spellings of FITS headers and of people: what astropy calls it. Compared in lower case.
_WORDS = {
    "e": "electron", "e-": "electron", "el": "electron", "els": "electron", "elec": "electron",
    "electrons": "electron", "ke-": "1000 electron", "counts": "ct", "count": "ct", "cts": "ct", "ct": "ct",
    "dn": "DN", "dns": "DN",
    "adu": "adu", "adus": "adu", "pixels": "pix", "pixel": "pix", "px": "pix", "pxs": "pix", "rows": "pix",
    "row": "pix", "mags": "mag", "magnitude": "mag", "magnitudes": "mag", "abmag": "mag", "stmag": "mag",
    "vegamag": "mag", "sec": "s", "secs": "s", "second": "s", "seconds": "s", "minutes": "min",
    "minute": "min", "mins": "min", "hours": "h", "hour": "h", "hrs": "h", "hr": "h", "days": "d",
    "day": "d", "years": "yr", "year": "yr", "yrs": "yr", "jansky": "Jy", "janskys": "Jy",
    "unitless": "", "dimensionless": "", "none": "", "-": "", "n/a": "",
}  # fmt: skip
#: A word of a unit; the e of 1e3 is none.
_WORD = re.compile(r"(?<![\d.])[kK]?[eE]-(?!\d)|(?<![\d.])[A-Za-z]+|(?<=[\d.])(?![eE][+-]?\d)[A-Za-z]+")
#: A unit in brackets behind a column's name: ``flux [e-/s]``, ``exptime (min)``.
_BRACKETS = re.compile(r"^(?P<name>.*?\S)\s*[\[(](?P<unit>[^\])]*)[\])]$")


@dataclass(frozen=True)
class Conversion:
    """How a column's numbers become those of a correction.

    Attributes
    ----------
    factor : float
        What a number is multiplied by.
    per_second : bool
        Whether it is a rate, to be multiplied by the exposure time as well.
    magnitude : bool
        Whether the number is a magnitude of the linear quantity (as ``mag(electron)``).
    unit : str
        The unit as the table has it; empty for none.
    """

    factor: float = 1.0
    per_second: bool = False
    magnitude: bool = False
    unit: str = ""


@dataclass(frozen=True)
class RoleUnit:
    """What a role's numbers must be in: the unit, those that count as the same, its name for people."""

    unit: Any
    said: str
    same: tuple[Any, ...] = ()
    rate: bool = False


_ROLES = {
    "flux": RoleUnit(u.electron, "electrons", rate=True),
    "mag": RoleUnit(u.mag, "mag"),
    "y": RoleUnit(u.pix, "pixels"),
    "distance": RoleUnit(u.pix, "pixels"),
    "background": RoleUnit(
        u.electron, "electrons per pixel", (u.electron / u.pix, u.electron / u.pix**2), True
    ),
    "radius": RoleUnit(u.pix, "pixels"),
    "exptime": RoleUnit(u.s, "seconds"),
    "chip": RoleUnit(u.one, "no unit"),
    "filetype": RoleUnit(u.one, "no unit"),
}
#: What a detector's electronics count; electrons by the gain.
_COUNTS = (u.ct, u.adu, u.DN)


def split_name(name: str) -> tuple[str, str]:
    """Return a column's name without a unit in brackets behind it, and that unit (empty for none)."""
    found = _BRACKETS.match(name.strip())
    if found is None or re.fullmatch(r"\d*", found["unit"].strip()):
        return name.strip(), ""
    return found["name"], found["unit"].strip()


@lru_cache(maxsize=256)
def parse_unit(text: str) -> Any:
    """Return a unit as astropy has it; HST's spellings are known (``ELECTRONS/S``, ``e-``, ``PIXELS``).

    Raises
    ------
    ValueError
        If it is not understood.
    """
    shouted = text.isupper()

    def word(found: re.Match[str]) -> str:
        own = found[0]
        # A header in capitals writes S for seconds; astropy would read siemens.
        if shouted and own == "S":
            return "s"
        return _WORDS.get(own.lower(), own)

    plain = re.sub(r"\s+per\s+", "/", text.strip())
    if plain.lower() in _WORDS:
        return u.Unit(_WORDS[plain.lower()] or "")
    try:
        return u.Unit(_WORD.sub(word, plain))
    except ValueError:
        return u.Unit(plain)


def known_unit(text: str) -> Any:
    """Return a unit for a table that is written: as astropy has it, else the text itself."""
    try:
        return parse_unit(text)
    except (ValueError, TypeError):
        return u.Unit(text, parse_strict="silent")


def conversion(role: str, column: str, unit: str, gain: float | None = None) -> Conversion:
    """Return how a column in a unit becomes what a role needs.

    Parameters
    ----------
    role : str
        Such as ``flux``.
    column : str
        The column's name, for messages.
    unit : str
        Its unit; empty for none, which is taken for the role's own.
    gain : float, optional
        Electrons per count, DN or adu.

    Raises
    ------
    CatalogError
        If the unit is not understood or cannot be converted; both units are named.
    """
    wanted = _ROLES[role]
    if not unit.strip():
        return Conversion()
    try:
        parsed = parse_unit(unit)
    except (ValueError, TypeError):
        raise _refused(role, column, unit, wanted, "an unknown unit") from None
    if parsed == u.one:
        return Conversion(unit=unit)
    if isinstance(parsed, u.function.FunctionUnitBase):
        return _of_function(role, column, unit, parsed, wanted)
    found = _linear(wanted, parsed, gain)
    # Astropy takes dex and dB for magnitudes of the other sign.
    if found is None or found[0] < 0:
        raise _refused(role, column, unit, wanted)
    return Conversion(found[0], found[1], unit=unit)


def _of_function(role: str, column: str, unit: str, parsed: Any, wanted: RoleUnit) -> Conversion:
    if not isinstance(parsed, u.MagUnit) or role not in {"mag", "flux"}:
        raise _refused(role, column, unit, wanted)
    found = _linear(_ROLES["flux"], parsed.physical_unit, None)
    if found is not None:
        return Conversion(found[0], found[1], True, unit)
    if role == "flux":
        raise _refused(role, column, unit, wanted)
    return Conversion(unit=unit)


def _linear(wanted: RoleUnit, parsed: Any, gain: float | None) -> tuple[float, bool] | None:
    # Seconds only: electrons per minute are electrons per second over sixty.
    for per_second in (False, True) if wanted.rate else (False,):
        for same in (wanted.unit, *wanted.same):
            target = same / u.s if per_second else same
            if parsed.is_equivalent(target):
                return float(parsed.to(target)), per_second
            for count in _COUNTS if gain is not None and u.electron in target.bases else ():
                counted = target / u.electron * count
                if parsed.is_equivalent(counted):
                    return float(parsed.to(counted)) * float(gain or 1.0), per_second
    return None


def _refused(role: str, column: str, unit: str, wanted: RoleUnit, what: str = "") -> CatalogError:
    hint = f"convert it, or say what it is with --unit {role}=UNIT"
    try:
        plain = parse_unit(unit)
        counted = role in {"flux", "background"} and any(count in plain.bases for count in _COUNTS)
        if counted:
            hint = f"give --gain, electrons per count, or --unit {role}=electron if they are electrons"
        if role == "flux" and isinstance(plain, u.function.FunctionUnitBase | type(u.mag)) and plain == u.mag:
            hint = f"if it holds magnitudes, say --column mag={column}"
    except (ValueError, TypeError, AttributeError):
        plain = None
    named = f"{unit}, {what}" if what else unit
    return CatalogError(
        f"column {column!r} is in {named}, and the {role} of a correction is in {wanted.said}; {hint}"
    )
