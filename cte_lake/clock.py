"""The year, by a clock that may be wrong."""

from __future__ import annotations

from datetime import UTC, datetime

#: Of this version's release. A clock that shows an earlier year is wrong: new frames are not refused by it.
RELEASE_YEAR = 2026


def last_year_believed(now: datetime | None = None) -> int:
    """Return the last year that an exposure can have: the one after that of the clock or of the release.

    Parameters
    ----------
    now : datetime, optional
        Default: the computer's clock.

    Returns
    -------
    int
        Next year. A clock that lags behind the release counts as one that shows the release's year.
    """
    return max((now or datetime.now(UTC)).year, RELEASE_YEAR) + 1
