"""When an exposure began, by all that its header says of it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from cte_lake.clock import last_mjd, mjd_of
from cte_lake.detector import DETECTOR
from cte_lake.errors import Rejected
from cte_lake.frames.cards import HeaderCards

_JULIAN_DATE: Final = 2_400_000.5
_SECONDS_A_DAY: Final = 86400.0
_DATE_TOLERANCE: Final = 0.02
"""Days by which EXPSTART may differ from DATE-OBS and TIME-OBS, which agree to a second in genuine files."""


def start_of(cards: HeaderCards, exptime: float) -> float:
    """Return EXPSTART after holding it against launch, today, DATE-OBS, EXPEND and EXPTIME.

    Parameters
    ----------
    cards : HeaderCards
        The exposure's headers.
    exptime : float
        EXPTIME, seconds.

    Returns
    -------
    float
        MJD, UTC.

    Raises
    ------
    Rejected
        ``missing_keyword``, ``bad_keyword`` or ``dates_contradict``, with the figures.
    """
    start = cards.number("EXPSTART")
    if not DETECTOR.installed <= start <= last_mjd():
        julian = DETECTOR.installed <= start - _JULIAN_DATE <= last_mjd()
        why = (
            "it looks like a Julian date, the keyword is a modified one (JD - 2400000.5)"
            if julian
            else f"WFC3 was installed in May 2009 (MJD {DETECTOR.installed:.0f})"
            if start < DETECTOR.installed
            else "that is after the end of next year"
        )
        raise Rejected(
            "bad_keyword",
            f"EXPSTART={start:.8g} of {cards.name} is not a possible date of an exposure: {why}",
        )
    _compare_with_date(cards, start)
    _compare_with_end(cards, start, exptime)
    return start


def _compare_with_date(cards: HeaderCards, start: float) -> None:
    date, time = cards.optional_text("DATE-OBS"), cards.optional_text("TIME-OBS")
    midnight = _mjd(date[:10])
    moment = _mjd(date if "T" in date else f"{date}T{time}") if time or "T" in date else None
    if midnight is None:
        return  # nothing that could contradict
    agrees = (
        abs(start - moment) <= _DATE_TOLERANCE
        if moment is not None
        else -_DATE_TOLERANCE <= start - midnight <= 1.0 + _DATE_TOLERANCE
    )
    if not agrees:
        said = f"DATE-OBS={date}" + (f" TIME-OBS={time}" if time else "")
        raise Rejected(
            "dates_contradict",
            f"EXPSTART={start:.5f} of {cards.name} contradicts {said} (MJD {moment or midnight:.5f})",
        )


def _compare_with_end(cards: HeaderCards, start: float, exptime: float) -> None:
    """An exposure takes EXPTIME from its start to its end; one that was interrupted, minutes more at most."""
    end = cards.optional_number("EXPEND")
    if end is None:
        return
    elapsed = (end - start) * _SECONDS_A_DAY
    whole = cards.optional_text("EXPFLAG").upper() in {"", "NORMAL"}
    if not 0.9 * exptime - 5.0 <= elapsed <= (1.1 * exptime + 5.0 if whole else 2.0 * exptime + 300.0):
        raise Rejected(
            "dates_contradict",
            f"EXPTIME={exptime:g} s of {cards.name} contradicts EXPEND-EXPSTART={elapsed:.6g} s",
        )


def _mjd(text: str) -> float | None:
    """Return the MJD of an ISO date, with or without a time; None where it is none."""
    try:
        # All of these keywords are UTC, whatever they say.
        return mjd_of(datetime.fromisoformat(text.strip()).replace(tzinfo=UTC))
    except ValueError:
        return None
