"""What headers must say before their pixels are believed: extensions, WCS, keywords that libraries need."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from pathlib import Path
from typing import Final

from astropy.io import fits

from cte_lake.errors import Rejected
from cte_lake.frames.cards import HeaderCards
from cte_lake.frames.opening import EXTVER_OF_CHIP

PLANES: Final = ("SCI", "ERR", "DQ")
_SCALES: Final = (0.02, 0.08)
"""Arcsec a pixel that a WCS of WFC3/UVIS (0.0398) lies well within."""

_MAX_DISTORTION: Final = 1000.0
"""Px by which a SIP term may move the corner of a chip; genuine ones stay below 60."""

_ORDERS: Final = ("A_ORDER", "B_ORDER", "AP_ORDER", "BP_ORDER")
_MAX_ORDER: Final = 9
_HALF_CHIP: Final = 2048.0
_DEGREES: Final = frozenset({"", "deg", "degree", "degrees"})


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


def require_celestial_wcs(header: fits.Header, name: str) -> None:
    """Refuse a header without a usable tangent-plane WCS of this camera: degrees, scale, SIP, invertible CD.

    Raises
    ------
    Rejected
        ``no_wcs``, with the keyword and what it says.
    """
    try:
        fault = _wcs_fault(HeaderCards(name, [header]), header)
    except Rejected as refused:
        said = refused.detail.removesuffix("; fetch it again")
        raise Rejected("no_wcs", f"{said}: no usable WCS; fetch it again") from refused
    if fault:
        raise Rejected("no_wcs", f"{name} has no usable WCS: {fault}; fetch it again")


def _wcs_fault(cards: HeaderCards, header: fits.Header) -> str:
    """Return the keyword by which the WCS cannot be one of this camera, and its value; '' where it can."""
    for axis, kind in ((1, "RA---TAN"), (2, "DEC--TAN")):
        said, unit = cards.optional_text(f"CTYPE{axis}"), cards.optional_text(f"CUNIT{axis}")
        if not said.startswith(kind):
            return f"CTYPE{axis}={said!r:.40}, not {kind}-SIP" if said else f"no CTYPE{axis}"
        if unit.lower() not in _DEGREES:
            return f"CUNIT{axis}={unit!r:.40}, not deg (write CRVAL and CD in degrees)"
        cards.number(f"CRVAL{axis}"), cards.number(f"CRPIX{axis}")
    cd = [cards.number(key) for key in ("CD1_1", "CD2_2")]
    cd += [0.0 if cards.raw(key) is None else cards.number(key) for key in ("CD1_2", "CD2_1")]
    scale = 3600.0 * sqrt(abs(cd[0] * cd[1] - cd[2] * cd[3]))
    if not _SCALES[0] < scale < _SCALES[1]:
        return f"a CD matrix with CD1_1={cd[0]:.3g} gives pixels of {scale:.3g} arcsec"
    return _distortion_fault(cards, header)


def _distortion_fault(cards: HeaderCards, header: fits.Header) -> str:
    """Return the keyword by which the SIP polynomials have an order or size that no detector's have."""
    # The library takes an order, and a number of axes, at its word and goes through all of its terms.
    axes = cards.optional_number("WCSAXES")
    if axes not in (None, 2):
        return f"WCSAXES={axes:g}, not 2"
    for key in _ORDERS:
        order = cards.optional_number(key)
        if not 0 <= (order or 0) <= _MAX_ORDER:
            return f"{key}={order:g}, not 0 to {_MAX_ORDER}"
    if (cards.raw("A_ORDER") is None) != (cards.raw("B_ORDER") is None):
        return "only one of A_ORDER and B_ORDER"
    for prefix in "AB":
        for key in header[f"{prefix}_*_*"] if header else ():
            powers = key.split("_")[1:]
            if not all(power.isdigit() for power in powers):
                continue
            term = cards.number(key)
            if abs(term) * _HALF_CHIP ** sum(map(int, powers)) > _MAX_DISTORTION:
                return f"{key}={term:.3g} moves the corner by over {_MAX_DISTORTION:g} px"
    return ""


@dataclass(frozen=True)
class Needs:
    """What a library asks for.

    Attributes
    ----------
    library, stage : str
        Its name, and the step that calls it.
    texts, numbers : tuple of str
        Keywords of the primary header.
    sci_texts, sci_numbers : tuple of str
        Keywords of the header of each chip.
    """

    library: str
    stage: str
    texts: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()
    sci_texts: tuple[str, ...] = ()
    sci_numbers: tuple[str, ...] = ()


WCS_FIT: Final = Needs(
    "stwcs", "read", numbers=("PA_V3",), sci_numbers=("IDCSCALE", "IDCV2REF", "IDCV3REF", "IDCTHETA")
)
ASTRODRIZZLE: Final = Needs(
    "AstroDrizzle",
    "crmask",
    ("TELESCOP", "INSTRUME", "DETECTOR", "ROOTNAME"),
    # Without EXPTIME it makes no mask and no error.
    (
        "PA_V3", "EXPEND", "EXPTIME", "ATODGNA", "ATODGNB", "ATODGNC", "ATODGND", "READNSEA", "READNSEB",
        "READNSEC", "READNSED",
    ),
    ("EXPNAME",),
    ("NGOODPIX", "MEANDARK", "IDCSCALE", "IDCV2REF", "IDCV3REF", "IDCTHETA"),
)  # fmt: skip


def check_needs(hdus: fits.HDUList, name: str, needs: Needs) -> None:
    """Make sure that the headers of an FLT or FLC have all that a library asks for.

    Raises
    ------
    Rejected
        'missing_keyword', with all that are missing or have no finite number; 'bad_keyword' for one that
        holds something else than a number.
    """
    primary = HeaderCards(name, [hdus[0].header])
    lacking = _lacking(primary, needs.texts, needs.numbers)
    for extver in EXTVER_OF_CHIP.values():
        sci = HeaderCards(f"SCI,{extver} of {name}", [hdus["SCI", extver].header])
        lacking += [f"{key} of SCI,{extver}" for key in _lacking(sci, needs.sci_texts, needs.sci_numbers)]
    if lacking:
        raise Rejected(
            "missing_keyword",
            f"{name} lacks {', '.join(lacking)}, which {needs.library} asks for; fetch it again",
            stage=needs.stage,
        )


def _lacking(cards: HeaderCards, texts: tuple[str, ...], numbers: tuple[str, ...]) -> list[str]:
    return [
        *(key for key in texts if not cards.optional_text(key)),
        *(key for key in numbers if cards.optional_number(key) is None),
    ]
