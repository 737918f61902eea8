"""The post-flash level of an exposure, from all that its header says of the flash."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from cte_lake.errors import Rejected
from cte_lake.frames.cards import HeaderCards
from cte_lake.frames.opening import SUFFIXES, open_frame

DONE, NOT_DONE, ABORTED = "SUCCESSFUL", "NOT PERFORMED", "ABORTED"
_DARK: Final = 0.5
"""MEANFLSH up to this, e-/px, is no light."""

_CURRENTS: Final = frozenset({"LOW", "MED", "MEDIUM", "HIGH"})
"""What FLASHCUR says where the lamp had a current."""

_RATES: Final = (0.1, 200.0)
"""e-/px/s that the lamp gives at any current, generously."""

_MEAN_TO_LEVEL: Final = (0.4, 2.0)
"""MEANFLSH over FLASHLVL: the lamp ages and lights the chips unevenly by tens of percent."""

_ROUNDING: Final = 3.0
"""e-/px by which MEANFLSH may differ from FLASHLVL whatever their ratio."""


@dataclass(frozen=True)
class FlashEvidence:
    """What a header says of the post-flash; None and '' where it says nothing.

    Attributes
    ----------
    status : str
        FLASHSTA.
    level : float or None
        FLASHLVL, e-/px, as requested.
    duration : float or None
        FLASHDUR, s.
    current : str
        FLASHCUR: ZERO, LOW, MED, HIGH.
    means : tuple of float
        MEANFLSH of the chips that have it, e-/px, as subtracted.
    correction : str
        FLSHCORR.
    """

    status: str
    level: float | None
    duration: float | None
    current: str
    means: tuple[float, ...]
    correction: str

    @property
    def lit(self) -> bool:
        """Whether anything but the state says that the lamp was on."""
        light = max(self.means, default=0) > _DARK or self.current in _CURRENTS
        return light or (self.level or 0) > 0 or (self.duration or 0) > 0

    @property
    def unlit(self) -> bool:
        """Whether anything but the state says that the lamp was off."""
        return self.level == 0 or self.duration == 0 or self.current == "ZERO"

    def __str__(self) -> str:
        means = " and ".join(f"{mean:g}" for mean in dict.fromkeys(self.means))
        values = {
            "FLASHSTA": repr(self.status), "FLASHLVL": self.level, "FLASHDUR": self.duration,
            "FLASHCUR": self.current or None, "MEANFLSH": means or None, "FLSHCORR": self.correction or None,
        }  # fmt: skip
        return ", ".join(
            f"{key} {value:g}" if isinstance(value, float) else f"{key} {value or 'missing'}"
            for key, value in values.items()
        )


@dataclass(frozen=True)
class FlashRule:
    """Evidence that is refused: the reason's slug, what of the header is meant, and why."""

    reason: str
    what: str
    why: str
    holds: Callable[[FlashEvidence], bool]


def _mean_differs(found: FlashEvidence) -> bool:
    level = found.level
    if not level:
        return False
    low, high = (level * factor for factor in _MEAN_TO_LEVEL)
    # Before the flash is subtracted, MEANFLSH is 0 on both chips.
    subtracted = found.correction == "COMPLETE" or max(found.means, default=0) > _DARK
    differs = (not low <= mean <= high and abs(mean - level) > _ROUNDING for mean in found.means)
    return subtracted and any(differs)


def _not_subtracted(found: FlashEvidence) -> bool:
    if found.status != DONE or found.correction == "COMPLETE":
        return False
    return bool(found.correction) or max(found.means, default=1) <= _DARK


def _rate_differs(found: FlashEvidence) -> bool:
    if not found.level or not found.duration:
        return False
    return not _RATES[0] <= found.level / found.duration <= _RATES[1]


FLASH_RULES: Final = (
    FlashRule(
        "flash_aborted",
        "FLASHSTA ABORTED",
        "how much light fell is not known, and the calibration subtracts that of the planned FLASHDUR",
        lambda found: found.status == ABORTED,
    ),
    FlashRule(
        "flash_unclear",
        "FLASHSTA blank or unknown, but FLASHLVL, FLASHDUR or MEANFLSH above 0, or a current in FLASHCUR",
        "nothing says whether the flash succeeded",
        lambda found: found.status not in {DONE, NOT_DONE} and found.lit,
    ),
    FlashRule(
        "flash_contradiction",
        "FLASHSTA NOT PERFORMED, but FLASHLVL, FLASHDUR or MEANFLSH above 0, or a current in FLASHCUR",
        "there was a flash and there was none",
        lambda found: found.status == NOT_DONE and found.lit,
    ),
    FlashRule(
        "flash_contradiction",
        "FLASHSTA SUCCESSFUL, but FLASHLVL 0, FLASHDUR 0 or FLASHCUR ZERO",
        "there was a flash and there was none",
        lambda found: found.status == DONE and found.unlit,
    ),
    FlashRule(
        "flash_contradiction",
        f"MEANFLSH of a chip below {_MEAN_TO_LEVEL[0]} or above {_MEAN_TO_LEVEL[1]} times FLASHLVL",
        "the flash that was subtracted is not the one that was asked for",
        _mean_differs,
    ),
    FlashRule(
        "flash_contradiction",
        "FLASHLVL over FLASHDUR outside 0.1 to 200 e-/px/s",
        "the lamp does not burn so",
        _rate_differs,
    ),
    FlashRule(
        "flash_not_subtracted",
        "FLASHSTA SUCCESSFUL, but FLSHCORR other than COMPLETE, or blank with MEANFLSH 0",
        "the flash is still in the frame; calibrate it with FLSHCORR PERFORM",
        _not_subtracted,
    ),
)
"""In their order; what no rule refuses has its level by FLASHLVL, or 0."""


def flash_level(file: Path, cards: HeaderCards, rootname: str) -> int:
    """Return the post-flash level of an exposure by `FLASH_RULES`.

    Some FLCs lack FLASHLVL; the other file type of the same exposure in the same folder then has it.

    Returns
    -------
    int
        e-/px; 0 without a flash, also before flashing existed (no keywords).

    Raises
    ------
    Rejected
        ``missing_keyword``, ``bad_keyword``, or the reason of a rule with what the header says.
    """
    found = FlashEvidence(
        status=cards.optional_text("FLASHSTA").upper(),
        level=cards.optional_number("FLASHLVL"),
        duration=cards.optional_number("FLASHDUR"),
        current=cards.optional_text("FLASHCUR").upper(),
        means=_mean_flashes(cards),
        correction=cards.optional_text("FLSHCORR").upper(),
    )
    if found.status == DONE and found.level is None:
        found = replace(found, level=_level_of_sibling(file, rootname))
    for rule in FLASH_RULES:
        if rule.holds(found):
            raise Rejected(rule.reason, f"{rule.what} in {file.name}: {rule.why} ({found})")
    if found.status != DONE:
        return 0
    if found.level is None:
        detail = (
            f"{file.name} has no number as FLASHLVL though FLASHSTA is SUCCESSFUL, and no FLT or FLC of "
            f"{rootname} beside it has one; put both file types in one folder"
        )
        raise Rejected("missing_keyword", detail)
    if found.level != round(found.level):
        raise Rejected("bad_keyword", f"FLASHLVL={found.level:g} of {file.name} is not a whole number")
    return round(found.level)


def mean_flash(cards: HeaderCards) -> float | None:
    """Return the greatest MEANFLSH of the chips' headers, electrons per pixel; None where none has it."""
    return max(_mean_flashes(cards), default=None)


def _mean_flashes(cards: HeaderCards) -> tuple[float, ...]:
    chips = [HeaderCards(cards.name, [header]) for header in cards.headers[1:]]
    return tuple(mean for chip in chips if (mean := chip.optional_number("MEANFLSH")) is not None)


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
            if same and level is not None and cards.optional_text("FLASHSTA").upper() == DONE:
                return level
    return None
