"""The post-flash level of an exposure."""

from __future__ import annotations

from pathlib import Path

from cte_lake.errors import Rejected
from cte_lake.frames.cards import HeaderCards
from cte_lake.frames.opening import SUFFIXES, open_frame


def flash_level(file: Path, cards: HeaderCards, rootname: str) -> int:
    """Return the post-flash level of an exposure.

    FLASHSTA decides whether there was a flash. Some FLCs lack FLASHLVL; the other file type of the same
    exposure in the same folder then tells it.

    Parameters
    ----------
    file : Path
        The exposure's file.
    cards : HeaderCards
        Its headers.
    rootname : str

    Returns
    -------
    int
        e-/px; 0 without a flash, also before flashing existed (no keywords).

    Raises
    ------
    Rejected
        ``missing_keyword``, ``bad_keyword``, or ``flash_aborted``: its level is unknown.
    """
    status = cards.optional_text("FLASHSTA").upper()
    level = cards.optional_number("FLASHLVL")
    if status == "SUCCESSFUL":
        if level is None:
            level = _level_of_sibling(file, rootname)
        if level is None:
            detail = (
                f"{file.name} has no FLASHLVL though FLASHSTA is SUCCESSFUL, and no FLT or FLC of {rootname} "
                "beside it has one; put both file types in one folder"
            )
            raise Rejected("missing_keyword", detail)
        if level < 0:
            raise Rejected("bad_keyword", f"FLASHLVL={level:g} of {file.name} is negative")
        return round(level)
    if status == "ABORTED":
        raise Rejected("flash_aborted", f"the post-flash of {file.name} was aborted: its level is unknown")
    if not status and level:
        raise Rejected("missing_keyword", f"{file.name} has FLASHLVL={level:g} but no FLASHSTA")
    return 0


def mean_flash(cards: HeaderCards) -> float | None:
    """Return the greatest MEANFLSH of the chips' headers, electrons per pixel; None where none has it."""
    chips = [HeaderCards(cards.name, [header]) for header in cards.headers[1:]]
    found = [mean for chip in chips if (mean := chip.optional_number("MEANFLSH")) is not None]
    return max(found, default=None)


def _level_of_sibling(file: Path, rootname: str) -> float | None:
    """FLASHLVL of the same exposure's other file type in the same folder, which had the same flash."""
    for product in ("flt", "flc"):
        for suffix in SUFFIXES:
            sibling = file.parent / f"{rootname}_{product}{suffix}"
            if sibling == file or not sibling.is_file():
                continue
            try:
                with open_frame(sibling, headers_only=True) as hdus:
                    cards = HeaderCards(sibling.name, [hdus[0].header])
                    same = cards.optional_text("ROOTNAME").lower() == rootname
                    level = cards.optional_number("FLASHLVL")
            except Rejected:
                continue
            if same and level is not None and cards.optional_text("FLASHSTA").upper() == "SUCCESSFUL":
                return level
    return None
