"""Keywords that identify an exposure, each brought to one spelling or refused."""

from __future__ import annotations

import re
from pathlib import Path
from types import MappingProxyType
from typing import Final

from cte_lake.detector import DETECTOR
from cte_lake.errors import Rejected
from cte_lake.frames.cards import HeaderCards
from cte_lake.frames.opening import SUFFIXES

_ROOTNAME: Final = re.compile(r"[a-z0-9]{9}")
_PROPOSAL: Final = re.compile(r"0*([1-9][0-9]{0,5})(\.0*)?")
_CHINJECT: Final = re.compile(r"NONE|CONT|LINE\d{1,3}")
CALIBRATION_STEPS: Final = MappingProxyType(
    {
        "DQICORR": "bad and saturated pixels are not flagged",
        "BLEVCORR": "the bias level is still in the frame",
        "BIASCORR": "the bias structure is still in the frame",
        "DARKCORR": "dark current and hot pixels are still in the frame",
        "FLATCORR": "the sensitivity still changes along the columns, as a loss does",
    }
)
"""Steps of calwf3 without which a frame is not measured, and what is wrong without them."""

_OTHER_PRODUCTS: Final = ("raw", "drz", "drc", "crj", "crc", "ima", "asn", "spt", "hlet", "c0m", "c1m")


def rootname(cards: HeaderCards) -> str:
    """Return ROOTNAME in lower case: nine letters and digits, safe in a path."""
    rootname = cards.text("ROOTNAME").lower()
    if not _ROOTNAME.fullmatch(rootname):
        raise Rejected("bad_rootname", f"ROOTNAME {rootname!r} of {cards.name} is not nine letters or digits")
    return rootname


def proposal(cards: HeaderCards) -> int:
    """Return PROPOSID as a number."""
    text = cards.text("PROPOSID")
    number = _PROPOSAL.fullmatch(text)
    if number is None:
        raise Rejected("bad_keyword", f"PROPOSID={text!r} of {cards.name} is not a proposal number")
    return int(number[1])


def binning(cards: HeaderCards, key: str) -> int:
    """Return the greatest binning that any header states: the archive writes it into those of the chips."""
    own = [HeaderCards(cards.name, [header]) for header in cards.headers if key in header]
    stated = [one.integer(key) for one in own if one.raw(key) is not None]
    return max(stated) if stated else cards.integer(key)


def subarray(cards: HeaderCards) -> bool:
    """Return SUBARRAY, which must be T or F."""
    value = flag(cards, "SUBARRAY")
    if value not in {"T", "F"}:
        said = f"SUBARRAY={value!r:.40} of {cards.name} is neither T nor F"
        raise Rejected("missing_keyword", said if value else f"{cards.name} has no keyword SUBARRAY")
    return value == "T"


def _product(file: Path) -> str:
    suffix = next((s for s in sorted(SUFFIXES, key=len, reverse=True) if file.name.lower().endswith(s)), "")
    return file.name.lower().removesuffix(suffix).rpartition("_")[2]


def refuse_other_products(file: Path) -> None:
    """Raise ``Rejected('wrong_product')`` if a file's name says that it is another product of the archive."""
    product = _product(file)
    if product in _OTHER_PRODUCTS:
        raise Rejected("wrong_product", f"{file.name} is a {product.upper()} file; give the FLT or FLC")


def filetype(file: Path, cards: HeaderCards) -> str:
    """Return 'flt' or 'flc' by the file's name, checked against PCTECORR."""
    product = _product(file)
    correction = cards.optional_text("PCTECORR").upper()
    by_header = "flc" if correction == "COMPLETE" else "flt"
    if product not in {"flt", "flc"}:
        if correction not in {"COMPLETE", "OMIT"}:
            detail = (
                f"neither the name nor PCTECORR={correction!r} of {file.name} says if it is an FLT or FLC"
            )
            raise Rejected("unknown_filetype", detail)
        return by_header
    if product != by_header:
        raise Rejected(
            "filetype_mismatch",
            f"{file.name} is called {product.upper()} but has PCTECORR="
            f"{correction!r}, as an {by_header.upper()} has; rename it",
        )
    return product


def refuse_uncalibrated(cards: HeaderCards) -> None:
    """Raise ``Rejected('not_calibrated')`` if a header says that one of `CALIBRATION_STEPS` was not done."""
    for key, why in CALIBRATION_STEPS.items():
        said = cards.optional_text(key)
        if said.upper() not in {"", "N/A", "COMPLETE"}:
            raise Rejected("not_calibrated", f"{key}={said!r:.40} of {cards.name}, not COMPLETE: {why}")


def refuse_combined(cards: HeaderCards) -> None:
    """Raise ``Rejected('wrong_product')`` of a sum of exposures: each lost charge by its own fluxes."""
    combined = cards.optional_number("NCOMBINE") or 1
    if combined > 1:
        detail = (
            f"NCOMBINE={combined:g} of {cards.name}: a combination of exposures; give the FLT or FLC of each"
        )
        raise Rejected("wrong_product", detail)


def chinject(cards: HeaderCards) -> str:
    """Return CHINJECT as NONE, CONT or LINE and a number."""
    stated = cards.text("CHINJECT")
    text = re.sub(r"[\s_-]", "", stated.upper())
    lines = re.fullmatch(r"(?:LINE)?(\d+)(?:LINE)?", text)
    kind = (
        "NONE"
        if text in {"N/A", "NO"}
        else "CONT"
        if text.startswith("CONT")
        else f"LINE{int(lines[1])}"
        if lines
        else text
    )
    if not _CHINJECT.fullmatch(kind):
        raise Rejected(
            "bad_keyword", f"CHINJECT={stated!r:.40} of {cards.name} is not a kind of charge injection"
        )
    return kind


def filter(cards: HeaderCards) -> str:
    """Return FILTER in capitals; it must be a filter or the grism of the camera."""
    name = cards.text("FILTER").upper()
    if name not in DETECTOR.filters:
        raise Rejected(
            "bad_keyword", f"FILTER={name!r:.40} of {cards.name} is not a filter of {DETECTOR.name}"
        )
    return name


def flag(cards: HeaderCards, key: str) -> str:
    """Return 'T', 'F' or '' of a flag that some headers hold as a logical and some as text."""
    text = cards.optional_text(key).upper()
    if text in {"TRUE", "YES", "1", ".T.", ".TRUE."}:
        return "T"
    return "F" if text in {"FALSE", "NO", "0", ".F.", ".FALSE."} else text
