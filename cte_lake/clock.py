"""The time and the year, by a clock that may be wrong, or that a rehearsal sets."""

from __future__ import annotations

import os
from datetime import UTC, date, datetime, timedelta

#: Environment variable with the time that `now` returns (ISO 8601, UTC): a year is rehearsed in minutes.
NOW_ENV = "CTE_LAKE_NOW"

#: Day 0 of the Modified Julian Date.
MJD_ZERO = datetime(1858, 11, 17, tzinfo=UTC)
#: Of this version's release. A clock that shows an earlier year is wrong: new frames are not refused by it.
RELEASE_YEAR = 2026


def mjd_of(moment: datetime) -> float:
    """Return a time as MJD (UTC); one without a time zone is UTC."""
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return (aware - MJD_ZERO).total_seconds() / 86400.0


def date_of(mjd: float) -> date:
    """Return the day (UTC) of an MJD."""
    return (MJD_ZERO + timedelta(days=mjd)).date()


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


def last_mjd() -> float:
    """Return the latest date of an exposure that is believed, the end of next year, MJD (UTC)."""
    return mjd_of(datetime(last_year_believed() + 1, 1, 1))


def now() -> datetime:
    """Return the time in UTC, or that of a rehearsal."""
    rehearsed = os.environ.get(NOW_ENV)
    if rehearsed:
        moment = datetime.fromisoformat(rehearsed)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return datetime.now(UTC)
