"""What a table says of itself beside its columns: FITS keywords, ECSV meta, VOTable params, comment lines."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from io import BytesIO
from typing import Any

import numpy as np
import pyarrow as pa
from astropy.table import Table
from astropy.table.meta import get_header_from_yaml

from cte_lake.errors import CatalogError
from cte_lake.model.column_facts import ASTROPY_HEADER, VOTABLE_HEADER
from cte_lake.model.table_values import Raw
from cte_lake.model.times import to_dates, with_times

#: Role: keywords that state it for a whole table, in lower case.
KEYWORDS: dict[str, tuple[str, ...]] = {
    "instrument": ("instrume", "instrument", "camera", "photmode", "telescop", "telescope"),
    "detector": ("detector",),
    "filter": ("filter", "filters", "filtername", "filter1", "filter2", "filtnam1", "band", "photmode"),
    "exptime": ("exptime", "texptime"),
    "mjd": ("expstart", "mjd-obs", "date-obs", "date_obs"),
    "time": ("time-obs", "time_obs", "utc-obs", "utc_obs", "ut", "utc"),
    "y": ("ltv2", "binaxis2", "binning", "subarray", "aperture"),
    "timesys": ("timesys",),
    "flux": ("bunit",),
    "length": ("length",),
    "flash": ("flashlvl", "flash"),
    "chinject": ("chinject",),
    "chip": ("ccdchip", "chip"),
    "filetype": ("filetype", "file_type", "filename", "imagename", "image", "file", "pctecorr"),
    "generation": ("generation",),
}
_WANTED = frozenset(keyword for keywords in KEYWORDS.values() for keyword in keywords)
#: ``# FILTER = F606W`` or ``# instrument: ACS``.
_COMMENT = re.compile(r"^[\s#]*([A-Za-z][\w-]{1,15})\s*[=:]\s*(\S.*?)\s*$")
_APERTURE = re.compile(r"^aperture(\d*)_r$", re.IGNORECASE)
_PIXELS = re.compile(r"^(\d+(?:\.\d+)?)(?: *pix(?:els?)?)?$")
_SECONDS = re.compile(r"0*[1-9]\d*(?:\.\d*)?|0*\.\d*[1-9]\d*(?:[eE][+-]?\d+)?")
#: Mappings within mappings that are looked into.
_DEPTH = 3


def stated(table: Any) -> dict[str, dict[str, str]]:
    """Return what a table's metadata states, by role and then keyword as it is written there.

    Parameters
    ----------
    table : pyarrow.Table, astropy.table.Table, pandas.DataFrame or mapping
        Of the last only data frames and tables have metadata.
    """
    found: dict[str, dict[str, str]] = {}
    for keyword, value in _pairs(table):
        for role, keywords in KEYWORDS.items():
            if keyword.lower() in keywords and value:
                found.setdefault(role, {}).setdefault(keyword, value)
    return found


def timesys_of(words: Mapping[str, Mapping[str, str]]) -> str:
    """Return the scale of time that metadata states; '' for none."""
    return next(iter(words.get("timesys", {}).values()), "")


def stated_values(table: Any) -> dict[str, tuple[float, str]]:
    """Return date (MJD), chip and exposure time (s) that a table's metadata states, with their keywords."""
    words, found = stated(table), dict[str, tuple[float, str]]()
    timesys = timesys_of(words)
    for keyword, word in sorted(
        words.get("mjd", {}).items(), key=lambda pair: pair[0].lower().startswith("date")
    ):
        try:
            dates, said = to_dates(np.array([word]), timesys=timesys), keyword
        except CatalogError:
            continue
        for clock, time in words.get("time", {}).items():
            if dates.mjd[0] % 1 == 0:
                dates, said = with_times(dates, Raw(np.array([time])), clock), f"{keyword} and {clock}"
        said += ", 0 h" if dates.mjd[0] % 1 == 0 else ""
        found.setdefault("mjd", (float(dates.mjd[0]), said))
    for keyword, word in words.get("chip", {}).items():
        if word in {"1", "2"}:
            found.setdefault("chip", (float(word), keyword))
    times = words.get("exptime", {})
    if (
        times
        and all(map(_SECONDS.fullmatch, times.values()))
        and len(numbers := set(map(float, times.values()))) == 1
    ):
        found["exptime"] = (numbers.pop(), " and ".join(times))
    return found


def aperture_radii(table: Any) -> list[float]:
    """Return the radii, px, of the apertures of photutils, which writes ``aperture0_r`` and so on."""
    found: dict[int, float] = {}
    for keyword, value in _pairs(table):
        match = _APERTURE.match(keyword)
        radius = _PIXELS.match(value)
        if match and radius:
            found[int(match[1] or 0)] = float(radius[1])
    return [found[place] for place in sorted(found)]


def stated_in_lines(lines: Iterable[str]) -> dict[str, str]:
    """Return what comment lines such as ``# FILTER = F606W`` state, by keyword; others are passed over."""
    found: dict[str, str] = {}
    for match in filter(None, map(_COMMENT.match, lines)):
        if match[1].lower() in _WANTED:
            found.setdefault(match[1], match[2].split(" / ")[0].strip().strip("'\"").strip())
    return found


def wanted(pairs: Iterable[tuple[str, Any]]) -> dict[str, str]:
    """Return those of some keywords and values that state a role, as texts."""
    return {key: str(value).strip() for key, value in pairs if key.lower() in _WANTED and value is not None}


def _pairs(table: Any) -> list[tuple[str, str]]:
    if isinstance(table, Table):
        return _flat(table.meta)
    schema = getattr(table, "schema", None)
    if isinstance(schema, pa.Schema):
        return _of_arrow(schema)
    return _flat(getattr(table, "attrs", None) or {})


def _flat(meta: Any, depth: int = 0) -> list[tuple[str, str]]:
    """Return the keywords of a mapping and of those within it; ``{FILTER: {value: F606W}}`` is one, too."""
    found: list[tuple[str, str]] = []
    for key, value in meta.items() if isinstance(meta, Mapping) else ():
        if isinstance(value, Mapping):
            if isinstance(value.get("value"), str | int | float):
                found.append((str(key), str(value["value"]).strip()))
            elif depth < _DEPTH:
                found += _flat(value, depth + 1)
        elif str(key).lower() == "comments" and isinstance(value, list):
            found += stated_in_lines(map(str, value)).items()
        elif isinstance(value, str | int | float):
            found.append((str(key), str(value).strip()))
    return found


def _of_arrow(schema: pa.Schema) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for key, value in (schema.metadata or {}).items():
        if key == ASTROPY_HEADER:
            found += _flat(get_header_from_yaml(value.decode().split("\n")).get("meta") or {})
        elif key == VOTABLE_HEADER:
            from astropy.io.votable import parse

            found += votable_facts(parse(BytesIO(value), verify="ignore")).items()
        elif key == b"PANDAS_ATTRS":
            found += _flat(_attributes(value))
        elif key.decode("utf-8", "replace").lower() in _WANTED:
            found.append((key.decode(), value.decode("utf-8", "replace").strip()))
    return found


def _attributes(text: bytes) -> Any:
    """Return what pandas kept of a data frame's attributes; nothing where another program spoiled it."""
    try:
        return json.loads(text)
    except ValueError:
        return {}


def votable_facts(document: Any, table: Any = None) -> dict[str, str]:
    """Return what the params and infos of a VOTable state; those of one table win over those around it."""
    own = document.get_first_table() if table is None else table
    entries = [*own.params, *own.infos]
    for resource in document.resources:
        entries += [*resource.params, *resource.infos]
    entries += [*document.params, *document.infos]
    found: dict[str, str] = {}
    for key, value in wanted((str(entry.name or entry.ID), entry.value) for entry in entries).items():
        found.setdefault(key, value)
    return found
