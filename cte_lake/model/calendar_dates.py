"""Dates of the calendar: days of the year, months by name, and dates whose parts stand in columns."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Any

import numpy as np

from cte_lake.arrays import FloatArray
from cte_lake.model.missing import MISSING
from cte_lake.model.table_values import Raw, as_numbers, coded_texts

_MJD_OF_1970 = 40587.0
_NAMED = r"(?P<month>[A-Za-z]{3,9})\.?"
#: 2016-214T07:12 and 2016.214:07:12:00 (HST's schedule); 1 Aug 2016, 01-Aug-2016; 2016-Aug-01; Aug 1, 2016.
_ORDINAL = re.compile(r"(?P<year>\d{4})(?:-(?P<doy>\d{3})|[.:](?P<doy2>\d{3})(?=[:T ]))[:T ]?(?P<rest>.*)")
_WRITTEN = (
    re.compile(rf"(?P<day>\d{{1,2}})[ -]{_NAMED}[ -](?P<year>\d{{4}})(?P<rest>\D.*)?"),
    re.compile(rf"(?P<year>\d{{4}})[ -]{_NAMED}[ -](?P<day>\d{{1,2}})(?P<rest>\D.*)?"),
    re.compile(rf"{_NAMED} (?P<day>\d{{1,2}}),? (?P<year>\d{{4}})(?P<rest>\D.*)?"),
)


def month_of(word: str) -> int:
    """Return the number of a month of that English name or its first letters, three at least; 0 for none."""
    plain = word.strip().lower().rstrip(".")
    names = ("january", "february", "march", "april", "may", "june", "july", "august", "september")
    full = (*names, "october", "november", "december")
    return next((place for place, name in enumerate(full, 1) if len(plain) > 2 and name.startswith(plain)), 0)


def iso_text(text: str) -> tuple[str, str]:
    """Return a text as ISO 8601 has it, and what it is: days of the year, months by name, or ISO as it is."""
    try:
        if found := _ORDINAL.fullmatch(text):
            start = date(int(found["year"]), 1, 1)
            day = start + timedelta(int(found["doy"] or found["doy2"]) - 1)
            return (_joined(day, found["rest"]), "days of the year") if day.year == start.year else (text, "")
        for form in _WRITTEN:
            if (found := form.fullmatch(text)) and (month := month_of(found["month"])):
                day = date(int(found["year"]), month, int(found["day"]))
                return _joined(day, found["rest"]), "months by name"
    except ValueError:
        # Such as February 30; no reader of dates takes it.
        pass
    return text, "ISO 8601"


def _joined(day: date, rest: str | None) -> str:
    clock = (rest or "").strip(" :T")
    return f"{day.isoformat()}T{clock}" if clock else day.isoformat()


def mjd_of_parts(years: Raw, months: Raw | None, days: Raw, names: tuple[str, ...], row: int) -> FloatArray:
    """Return the MJD of dates whose year, month and day stand in columns.

    Parameters
    ----------
    years, months, days : Raw
        Columns; without `months`, `days` are those of the year, from 1. Months may be names, days fractions.
    names : tuple of str
        Names of the columns, for messages.
    row : int
        Number of rows before these, for messages.

    Returns
    -------
    ndarray
        NaN where a part is missing; the year itself, which is no possible date, where there is no such day.
    """
    year = as_numbers(years, "year", names[0], row)
    day = as_numbers(days, "day", names[-1], row)
    month = np.ones(len(year)) if months is None else _months(months, names[1], row)
    with np.errstate(invalid="ignore"):
        possible = (year % 1 == 0) & (abs(year) < 9999) & (month % 1 == 0) & (month >= 1) & (month <= 12)
    index = np.where(possible, (year - 1970) * 12 + month - 1, 0).astype("datetime64[M]")
    first = index.astype("datetime64[D]").astype(np.int64)
    last = (index + (12 if months is None else 1)).astype("datetime64[D]").astype(np.int64)
    known = possible & (day >= 1) & (day < last - first + 1)
    missing = np.isnan(year) | np.isnan(month) | np.isnan(day)
    return np.where(missing, np.nan, np.where(known, _MJD_OF_1970 + first + day - 1, year))


def _months(raw: Raw, name: str, row: int) -> FloatArray:
    values: Any = raw.values
    if getattr(values, "dtype", np.dtype(object)).kind in "iuf":
        return as_numbers(raw, "month", name, row)
    words, places = coded_texts(raw)
    named = np.array([month_of(word) or np.nan * (word.strip().lower() in MISSING) for word in words])
    return named[places] if np.nansum(named) > 0 else as_numbers(raw, "month", name, row)
