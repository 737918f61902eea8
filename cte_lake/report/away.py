"""Reports of a lake: made on this machine, and where the lake is not of it put into its store at the end."""

from __future__ import annotations

import contextlib
import json
import re
from datetime import datetime
from pathlib import Path

from cte_lake.lake.place import place_of
from cte_lake.lake.store import Place
from cte_lake.report.publish import LATEST, MARK, point_latest

_NAME = re.compile(r"\d{8}T\d{6}Z")
#: Stores know no links: `latest` is a page that leads on, and a copy of the report's data.
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>CTE monitor</title>
<meta http-equiv="refresh" content="0; url=../{name}/index.html"></head>
<body><a href="../{name}/index.html">The latest report</a></body></html>
"""


def name_of(moment: datetime) -> str:
    """Return the name of a report's folder."""
    return f"{moment:%Y%m%dT%H%M%SZ}"


def prune(reports: Place, keep: int, made: str) -> None:
    """Remove all but the newest reports; `latest`, the report just made, and what else lies there stay."""
    names = sorted(name for name in reports.names() if _NAME.fullmatch(name) and name != made)
    for name in names[: max(0, len(names) + 1 - keep)]:
        reports.store.delete_folder((reports / name).key)


def reports_here(reports: Place) -> contextlib.AbstractContextManager[Path]:
    """Yield a lake's ``reports`` on this machine.

    For a lake in an object store that is a temporary folder with the last report, of which the next one takes
    over what is as it was; what `latest` points at when the block ends well is put into the store, the pages
    first and `latest` last.
    """
    return reports.worked_on(lambda here: _fetch_last(reports, here), lambda here: _put(reports, here))


def _put(reports: Place, here: Path) -> None:
    name = (here / LATEST).readlink().name
    for path in sorted((here / name).rglob("*")):
        if path.is_file():
            place_of(path).copy_to(reports / name / path.relative_to(here / name))
    (reports / LATEST / MARK).write_bytes((here / name / MARK).read_bytes())
    (reports / LATEST / "index.html").write_bytes(_PAGE.format(name=name).encode())


def _fetch_last(reports: Place, here: Path) -> None:
    try:
        data = (reports / LATEST / MARK).read_bytes()
        name = name_of(datetime.fromisoformat(json.loads(data)["made"]))
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        # None, or of another version: as without a last report, all is drawn.
        return
    for listed in (reports / name).listing():
        (reports / name / listed.path).copy_to(place_of(here / name / listed.path))
    (here / name).mkdir(exist_ok=True)
    point_latest(here / name)
