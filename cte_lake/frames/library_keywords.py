"""Keywords that stwcs and AstroDrizzle ask for, checked before they meet one that is missing or no number."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from astropy.io import fits

from cte_lake.errors import Rejected
from cte_lake.frames.cards import HeaderCards
from cte_lake.frames.opening import EXTVER_OF_CHIP


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
