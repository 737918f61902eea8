"""The time and the year, by a clock that may be wrong, or that a rehearsal sets."""

from __future__ import annotations

import os
from datetime import UTC, datetime

#: Environment variable with the time that `now` returns (ISO 8601, UTC): a year is rehearsed in minutes.
NOW_ENV = "CTE_LAKE_NOW"

#: Of this version's release. A clock that shows an earlier year is wrong: new frames are not refused by it.
RELEASE_YEAR = 2026


def last_year_believed(at: datetime | None = None) -> int:
    """Return the last year that an exposure can have: the one after that of the clock or of the release.

    Parameters
    ----------
    at : datetime, optional
        Default: the computer's clock.

    Returns
    -------
    int
        Next year. A clock that lags behind the release counts as one that shows the release's year.
    """
    return max((at or datetime.now(UTC)).year, RELEASE_YEAR) + 1


def now() -> datetime:
    """Return the time in UTC, or that of a rehearsal."""
    rehearsed = os.environ.get(NOW_ENV)
    if rehearsed:
        moment = datetime.fromisoformat(rehearsed)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return datetime.now(UTC)
