"""What the headers of a frame must say before its pixels are believed: extensions and WCS."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from math import sqrt
from pathlib import Path
from typing import Final

from astropy.io import fits

from cte_lake.errors import Rejected
from cte_lake.frames.cards import HeaderCards

PLANES: Final = ("SCI", "ERR", "DQ")
_SCALES: Final = (0.02, 0.08)
"""Arcsec a pixel that a WCS of WFC3/UVIS (0.0398) lies well within."""

_MAX_DISTORTION: Final = 1000.0
"""Px by which a SIP term may move the corner of a chip; genuine ones stay below 60."""

_ORDERS: Final = ("A_ORDER", "B_ORDER", "AP_ORDER", "BP_ORDER")
_MAX_ORDER: Final = 9
_HALF_CHIP: Final = 2048.0


def require_extensions(hdus: fits.HDUList, path: Path, versions: Sequence[int] = (1, 2)) -> None:
    """Raise ``Rejected`` naming which of SCI, ERR and DQ are missing, or are there more than once."""
    present = Counter((hdu.name.strip().upper(), hdu.ver) for hdu in hdus)
    needed = [(name, version) for version in versions for name in PLANES]
    missing = [f"{name},{version}" for name, version in needed if (name, version) not in present]
    if missing:
        promised = _extensions_promised(hdus[0].header, path)
        cut = f"; only {len(hdus) - 1} of {promised} are there: cut short?" if len(hdus) <= promised else ""
        raise Rejected("missing_extension", f"{path.name} has no extension {' '.join(missing)}{cut}")
    doubled = [f"{name},{version}" for name, version in needed if present[name, version] > 1]
    if doubled:
        detail = f"{path.name} has extension {' '.join(doubled)} more than once; fetch it again"
        raise Rejected("bad_header", detail)


def _extensions_promised(primary: fits.Header, path: Path) -> int:
    try:
        return int(HeaderCards(path.name, [primary]).optional_number("NEXTEND") or 0)
    except Rejected:  # what it holds decides; this number only helps to explain what is missing
        return 0


def has_celestial_wcs(header: fits.Header) -> bool:
    """Return whether the header has a usable tangent-plane WCS of this camera: scale, SIP, invertible CD."""
    cards = HeaderCards("", [header])
    try:
        if not cards.optional_text("CTYPE1").startswith("RA---TAN"):
            return False
        for key in ("CRVAL1", "CRVAL2", "CRPIX1", "CRPIX2"):
            cards.number(key)
        cd = [cards.number(key) for key in ("CD1_1", "CD2_2")]
        cd += [0.0 if cards.raw(key) is None else cards.number(key) for key in ("CD1_2", "CD2_1")]
    except Rejected:
        return False
    scale = 3600.0 * sqrt(abs(cd[0] * cd[1] - cd[2] * cd[3]))
    return _SCALES[0] < scale < _SCALES[1] and _sane_distortion(cards, header)


def _sane_distortion(cards: HeaderCards, header: fits.Header) -> bool:
    """Return whether the SIP polynomials are of an order and size that a detector's can be."""
    try:
        # The library takes an order, and a number of axes, at its word and goes through all of its terms.
        orders = [cards.optional_number(key) for key in _ORDERS]
        axes = cards.optional_number("WCSAXES")
    except Rejected:
        return False
    if axes not in (None, 2) or not all(0 <= (order or 0) <= _MAX_ORDER for order in orders):
        return False
    for prefix in "AB":
        for key in header[f"{prefix}_*_*"] if header else ():
            powers = key.split("_")[1:]
            if not all(power.isdigit() for power in powers):
                continue
            try:
                term = cards.number(key)
            except Rejected:
                return False
            if abs(term) * _HALF_CHIP ** sum(map(int, powers)) > _MAX_DISTORTION:
                return False
    return True
