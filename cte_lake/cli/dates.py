"""Dates on the command line: MJD or a calendar date."""

from __future__ import annotations

from cte_lake.errors import UsageError

#: What is taken for an MJD: from the year of the launch to 2099.
_MJD_RANGE = (54800.0, 88070.0)


def parse_date(text: str) -> float:
    """Return the MJD of ``57601.3``, ``2016-08-02`` or ``2016-08-02T12:00``.

    Raises
    ------
    UsageError
        If the text is neither.
    """
    try:
        value = float(text)
    except ValueError:
        value = _calendar(text)
    if not _MJD_RANGE[0] < value < _MJD_RANGE[1]:
        raise UsageError(
            f"{text!r} is not a date of WFC3: give an MJD (57601.3) or a calendar date (2016-08-01)"
        )
    return value


def _calendar(text: str) -> float:
    from datetime import datetime

    from cte_lake.clock import mjd_of

    try:
        return mjd_of(datetime.fromisoformat(text))
    except ValueError:
        raise UsageError(f"{text!r} is neither an MJD nor a date such as 2024-02-01") from None
