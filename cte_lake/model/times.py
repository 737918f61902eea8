"""Dates of every kind to MJD (UTC), with what they were read as."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from cte_lake.arrays import FloatArray
from cte_lake.clock import date_of, last_mjd, last_year_believed, mjd_of
from cte_lake.detector import DETECTOR
from cte_lake.errors import CatalogError
from cte_lake.model.calendar_dates import iso_text, mjd_of_parts
from cte_lake.model.missing import MISSING
from cte_lake.model.table_values import Raw, coded_texts
from cte_lake.model.units import split_name

#: WFC3 flew on 2009-05-11; no date of it is earlier.
LAUNCH = date_of(DETECTOR.launched)
_MJD_OF_1970 = 40587.0
_JD_ZERO = 2400000.5
#: Units that a number which is a date may have, by reading; none fits all.
_UNITS = {
    "MJD": ("", "d", "day", "days", "mjd", "utc"),
    "JD": ("", "d", "day", "days", "jd", "utc"),
    "decimal years": ("", "yr", "a", "year", "years", "decimalyear"),
    "YYYYMMDD": ("",),
    "YYYYDDD": ("",),
}


@dataclass(frozen=True)
class Dates:
    """Dates as MJD.

    Attributes
    ----------
    mjd : ndarray
        MJD (UTC); NaN where there is no date, or an impossible one.
    impossible : ndarray of bool
        Where there is a number that is no date between the launch and the end of next year.
    reading : str
        What they were read as, for people.
    """

    mjd: FloatArray
    impossible: NDArray[np.bool_]
    reading: str


def possible_range() -> tuple[float, float]:
    """Return the first and last MJD that an observation can have: the launch, and the end of next year."""
    return DETECTOR.launched, last_mjd()


def said_range() -> str:
    """Return the range of possible dates in words."""
    return f"{LAUNCH:%Y-%m-%d} (launch) to {last_year_believed()}-12-31"


#: Behind the reading of a text without a zone.
_TAKEN = ", taken as UTC"
#: Words behind a date that say that it is UTC.
_ZONE = re.compile(r"\s*(?:UTC?|GMT)$")
_LEADING_ZERO = re.compile(r"0\d")
_WITHOUT = " without a time, 0 h"
#: A scale of time other than UTC in a column's name, its unit or TIMESYS; UT1 is within a second of UTC.
_SCALE = re.compile(r"(?<![a-z])(?:tdb|tt|tai|tcb|tcg)(?![a-z])", re.IGNORECASE)
#: Columns of Julian dates, by their names.
_JULIAN = re.compile(r"[hb]?jd(?![a-z])", re.IGNORECASE)
#: A time of day: 07:12, 7:12:00.5, 07 12 00 UT.
_CLOCK = re.compile(
    r"([01]?\d|2[0-3])[: ]([0-5]\d)(?:[: ]([0-5]\d(?:[.,]\d*)?|60(?:[.,]0*)?))?(?:Z|\s*(?:UTC?|GMT))?$"
)


def to_dates(values: Any, unit: str = "", name: str = "mjd", first_row: int = 0, timesys: str = "") -> Dates:
    """Return a column's dates.

    Parameters
    ----------
    values : astropy Time, numpy array or Arrow array
        Times, dates, texts (ISO 8601, a time zone included, or numbers) or numbers (MJD, JD, decimal years,
        YYYYMMDD; which of them follows from their size). A text without a zone is UTC.
    unit : str, optional
        The column's unit.
    name : str, optional
        The column's name, for messages.
    first_row : int, optional
        Number of rows before these, for messages.
    timesys : str, optional
        Scale of time that the table states; unit and name win.

    Raises
    ------
    CatalogError
        If a text is no date, the unit is none of a date, or no row has a possible date.
    """
    scale = next(filter(None, map(_SCALE.search, (unit, name, timesys))), None)
    mjd, reading = _mjd(values, _SCALE.sub("", unit), name, first_row)
    if scale and not hasattr(values, "jd1"):
        mjd = _to_utc(mjd, scale[0].lower())
        reading = f"{reading.removesuffix(_TAKEN)}, converted from {scale[0].upper()} to UTC"
    return _believed(mjd, reading, f"column {name!r} holds", first_row, lambda row: _shown(values, row))


def _to_utc(mjd: FloatArray, scale: str) -> FloatArray:
    from astropy.time import Time

    low, high = possible_range()
    # Whatever is no date stays as it is, for messages.
    possible = (mjd >= low) & (mjd < high)
    result = mjd.copy()
    result[possible] = Time(mjd[possible], format="mjd", scale=scale).utc.mjd
    return result


def dates_of_parts(parts: dict[str, Raw], first_row: int = 0) -> Dates:
    """Return dates whose year, month (or none) and day stand in the columns `parts`; errors as `to_dates`."""
    names, columns = tuple(parts), list(parts.values())
    mjd = mjd_of_parts(columns[0], columns[1] if len(columns) > 2 else None, columns[-1], names, first_row)
    reading = f"a date{'' if (mjd[~np.isnan(mjd)] % 1).any() else _WITHOUT}, taken as UTC"
    shown: Callable[[int], str] = lambda row: ", ".join(_shown(one.values, row) for one in columns)  # noqa: E731
    return _believed(mjd, reading, f"columns {', '.join(names)} hold", first_row, shown)


def _believed(
    mjd: FloatArray, reading: str, subject: str, first_row: int, shown: Callable[[int], str]
) -> Dates:
    low, high = possible_range()
    known = (mjd >= low) & (mjd < high)
    impossible = ~np.isnan(mjd) & ~known
    if impossible.any() and not known.any():
        row = int(np.argmax(impossible))
        raise CatalogError(
            f"{subject} no possible date: row {first_row + row + 1} has {shown(row)}, "
            f"and dates are from {said_range()}, as MJD, JD, decimal years or ISO 8601"
        )
    return Dates(np.where(impossible, np.nan, mjd), impossible, reading)


def with_times(dates: Dates, clock: Raw, name: str) -> Dates:
    """Return days with the times of day of column `name`; dates with a time of their own keep theirs."""
    days = dates.mjd % 1 == 0
    if not days.any():
        return dates
    texts = getattr(clock.values, "dtype", np.dtype(object)).kind in "OUS"
    words, places = coded_texts(clock) if texts else ([], np.zeros(0, dtype=np.int32))
    found = [_CLOCK.match(word.strip()) for word in words]
    missing = [word.strip().lower() in MISSING for word in words]
    if not any(found) or not all(a or b for a, b in zip(found, missing, strict=True)):
        return replace(dates, reading=f"{dates.reading}; {name!r} holds no times of day and is not used")
    parts = [
        (int(m[1]), int(m[2]), float((m[3] or "0").replace(",", "."))) if m else (0, 0, 0.0) for m in found
    ]
    fractions = np.array([hours / 24 + minutes / 1440 + seconds / 86400 for hours, minutes, seconds in parts])
    gaps = ", 0 h where there is none" if np.isin(places, np.flatnonzero(missing)).any() else ""
    said = f"{dates.reading.replace(_WITHOUT, '')}, with the time of {name!r}{gaps}"
    return replace(dates, mjd=np.where(days, dates.mjd + fractions[places], dates.mjd), reading=said)


def _shown(values: Any, row: int) -> str:
    value = values[row]
    return str(value.as_py() if isinstance(value, pa.Scalar) else value)


def _mjd(values: Any, unit: str, name: str, first_row: int) -> tuple[FloatArray, str]:
    if hasattr(values, "scale") and hasattr(values, "jd1"):
        return _of_time(values, name)
    if isinstance(values, pa.Array | pa.ChunkedArray):
        return _of_texts(values, unit, name, first_row)
    array = np.asarray(values)
    if array.dtype.kind == "M":
        seconds = array.astype("datetime64[us]")
        days = seconds.astype(np.int64) / 86400e6 + _MJD_OF_1970
        said = f"dates{_WITHOUT}" if (days[~np.isnat(seconds)] % 1 == 0).all() else "timestamps"
        return np.where(np.isnat(seconds), np.nan, days), f"{said}, UTC"
    if array.dtype.kind == "O":
        texts = [_text_of(value) for value in array]
        return _of_texts(pa.array(texts, pa.string()), unit, name, first_row)
    if array.dtype.kind in "US":
        return _of_texts(pa.array(array.astype(str).tolist(), pa.string()), unit, name, first_row)
    return _of_numbers(array.astype(np.float64), unit, name)


def _text_of(value: Any) -> str | None:
    if value is None or value != value:
        return None
    if isinstance(value, datetime | date):
        return value.isoformat()
    return value.decode() if isinstance(value, bytes) else str(value)


def mjd_of_times(times: Any) -> FloatArray:
    """Return astropy times as MJD (UTC), NaN where one is masked; those of no scale are taken for UTC."""
    mjd = (times if times.scale in {"utc", "local"} else times.utc).mjd
    if isinstance(mjd, np.ma.MaskedArray):
        mjd = mjd.filled(np.nan)
    elif hasattr(mjd, "unmasked"):
        mjd = np.where(mjd.mask, np.nan, mjd.unmasked)
    return np.asarray(mjd, dtype=np.float64)


def _of_time(values: Any, name: str) -> tuple[FloatArray, str]:
    from astropy.time import TimeDelta

    if isinstance(values, TimeDelta):
        raise CatalogError(f"column {name!r} holds spans of time, and a date is wanted")
    scale = str(values.scale)
    said = {"utc": "times, UTC", "local": "times of no stated scale, taken as UTC"}
    return mjd_of_times(values), said.get(scale, f"times, converted from {scale.upper()} to UTC")


def _of_numbers(values: FloatArray, unit: str, name: str) -> tuple[FloatArray, str]:
    mjd, seen = np.array(values), []
    low, high = possible_range()
    years = (LAUNCH.year + 0.3, float(last_year_believed() + 1))
    ranges = {
        "MJD": (low, high),
        "JD": (low + _JD_ZERO, high + _JD_ZERO),
        "decimal years": years,
        "YYYYMMDD": (LAUNCH.year * 1e4, years[1] * 1e4),
        "YYYYDDD": (LAUNCH.year * 1e3, years[1] * 1e3),
    }
    for reading, (first, last) in ranges.items():
        hit = (values >= first) & (values < last)
        if hit.any():
            if unit.strip().lower() not in _UNITS[reading]:
                raise CatalogError(
                    f"column {name!r} is in {unit}, and a date is in days (MJD or JD) or years; say what it "
                    "is with --unit mjd=d, or convert it"
                )
            if reading == "MJD" and _JULIAN.match(split_name(name)[0]) and unit.strip().lower() != "mjd":
                raise CatalogError(
                    f"column {name!r} holds {values[hit][0]:.10g}, an MJD or a JD less 2400000, half "
                    "a day apart; say --unit mjd=mjd if it is MJD, else add 2400000"
                )
            whole = reading == "decimal years" and (values[hit] % 1 == 0).all()
            seen.append("whole years, taken as their first day" if whole else reading)
            mjd[hit] = _AS_MJD[reading](values[hit])
    if not seen and unit.strip().lower() not in {entry for units in _UNITS.values() for entry in units}:
        raise CatalogError(f"column {name!r} is in {unit}, and a date is in days (MJD or JD) or years")
    return mjd, " and ".join(seen) or "MJD"


def _from_years(values: FloatArray) -> FloatArray:
    year = np.floor(values).astype(int)
    starts = np.array([[mjd_of(datetime(y, 1, 1)), mjd_of(datetime(y + 1, 1, 1))] for y in year])
    return np.asarray(starts[:, 0] + (values - year) * (starts[:, 1] - starts[:, 0]))


def _from_digits(values: FloatArray) -> FloatArray:
    month = Raw(values // 100 % 100)
    return mjd_of_parts(Raw(values // 10_000), month, Raw(values % 100), ("", "", ""), 0)


def _from_ordinals(values: FloatArray) -> FloatArray:
    return mjd_of_parts(Raw(values // 1000), None, Raw(values % 1000), ("", ""), 0)


_AS_MJD = {
    "MJD": lambda values: values,
    "JD": lambda values: values - _JD_ZERO,
    "decimal years": _from_years,
    "YYYYMMDD": _from_digits,
    "YYYYDDD": _from_ordinals,
}


def _of_texts(texts: Any, unit: str, name: str, first_row: int) -> tuple[FloatArray, str]:
    # Few dates are many rows: each different text is read once.
    coded = pc.dictionary_encode(texts)
    coded = coded.combine_chunks() if isinstance(coded, pa.ChunkedArray) else coded
    words = coded.dictionary.to_pylist()
    read, readings = np.full(len(words) + 1, np.nan), set()
    numbers = []
    for place, word in enumerate(words):
        plain = word.strip()
        if plain.lower() in MISSING:
            continue
        try:
            # 060816 is the sixth of August of someone, and no MJD.
            read[place] = float("" if _LEADING_ZERO.match(plain) else plain)
            numbers.append(place)
        except ValueError:
            found = _of_text(plain)
            if found is None:
                row = pc.index(texts, word).as_py()
                raise CatalogError(
                    f"column {name!r}, row {first_row + row + 1}: {word!r} is not a date; dates are MJD, JD, "
                    "decimal years or ISO 8601 such as 2016-08-01T07:12:00"
                ) from None
            read[place], reading = found
            readings.add(reading)
    if numbers:
        read[numbers], reading = _of_numbers(read[numbers], unit, name)
        readings.add(reading)
    places = coded.indices.fill_null(len(words)).to_numpy(zero_copy_only=False)
    return read[places], " and ".join(sorted(readings)) or "no date"


def _of_text(text: str) -> tuple[float, str] | None:
    plain, said = iso_text(_ZONE.sub("", text))
    try:
        moment = datetime.fromisoformat(plain.replace("/", "-").upper())
    except ValueError:
        return _of_astropy(plain)
    if moment.tzinfo:
        return mjd_of(moment), f"{said} with a time zone, converted to UTC"
    day = ":" not in plain and "T" not in plain
    return mjd_of(moment), f"{said}{_WITHOUT if day else ''}{_TAKEN}"


def _of_astropy(text: str) -> tuple[float, str] | None:
    """Read what else astropy knows: 2016:214:07:12:00, 2016-08-01T23:59:60, J2016.58."""
    from astropy.time import Time

    scale = None if text[:1] in "JB" else "utc"
    try:
        time = Time(text, scale=scale)
    except ValueError:
        return None
    return float(time.utc.mjd), f"astropy's format {time.format}"
