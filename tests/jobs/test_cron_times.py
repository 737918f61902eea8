"""When the lines of the cron entry fire, by cron's own rules (crontab(5)), over whole years."""

from __future__ import annotations

import re
from collections import Counter
from datetime import datetime, timedelta

import pytest

from tests.conftest import JOBS

#: Lowest and highest value of minute, hour, day of month, month and day of week (Sunday is 0 and 7).
RANGES = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))


def values(field: str, low: int, high: int) -> set[int]:
    """The values of one field: lists of numbers and ranges with steps."""
    found: set[int] = set()
    for part in field.split(","):
        span, _, step = part.partition("/")
        first, _, last = (f"{low}-{high}" if span == "*" else span).partition("-")
        end = int(last) if last else high if step else int(first)
        found |= set(range(int(first), end + 1, int(step or 1)))
    return found


def fires(line: str, when: datetime) -> bool:
    """Whether a line fires in a minute. Restricted both, day of month OR day of week decides."""
    fields = line.split(None, 5)[:5]
    minute, hour, day, month, weekday = (
        values(field, *span) for field, span in zip(fields, RANGES, strict=True)
    )
    on_day, on_weekday = when.day in day, bool({when.isoweekday() % 7, when.isoweekday()} & weekday)
    both = not fields[2].startswith("*") and not fields[4].startswith("*")
    dated = on_day or on_weekday if both else on_day and on_weekday
    return when.minute in minute and when.hour in hour and when.month in month and dated


def times(line: str, year: int) -> list[datetime]:
    start = datetime(year, 1, 1)
    minutes = int((datetime(year + 1, 1, 1) - start) / timedelta(minutes=1))
    hour_and_minute = [int(field) for field in reversed(line.split()[:2])]
    days = (
        start + timedelta(days=day, hours=hour_and_minute[0], minutes=hour_and_minute[1])
        for day in range(minutes // 1440)
    )
    return [when for when in days if fires(line, when)]


@pytest.fixture
def lines() -> list[str]:
    text = (JOBS / "cte-lake.cron").read_text(encoding="utf-8")
    return [line for line in text.splitlines() if re.match(r"\d", line)]


@pytest.mark.parametrize("year", [2026, 2028])
def test_the_night_is_every_night_and_housekeeping_once_a_month(lines, year):
    nightly, monthly = (times(line, year) for line in lines)
    assert len(nightly) == (datetime(year + 1, 1, 1) - datetime(year, 1, 1)).days
    assert Counter(when.month for when in monthly) == dict.fromkeys(range(1, 13), 1)


def test_the_two_never_start_within_an_hour(lines):
    nightly, monthly = (times(line, 2026) for line in lines)
    assert min(abs(one - other) for one in nightly for other in monthly) > timedelta(hours=1)


def test_the_interpreter_knows_that_day_and_weekday_are_alternatives():
    assert len(times("43 4 1-7 * 0 x", 2026)) == 52 + 12 * 7 - sum(
        when.day <= 7 for when in times("43 4 * * 0 x", 2026)
    )
    assert [when.day for when in times("0 5 */10 2 * x", 2026)] == [1, 11, 21]
