"""Reports of a lake in an object store: made on this machine and put into the store at the end."""

from __future__ import annotations

import contextlib
import json
import tempfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from cte_lake.lake.listing import listing
from cte_lake.lake.place import in_store
from cte_lake.lake.write import copy, write_bytes
from cte_lake.report.frames import FOLDER
from cte_lake.report.publish import LATEST, MARK, point_latest

#: Stores know no links: `latest` is a page that leads on, and a copy of the report's data.
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>CTE monitor</title>
<meta http-equiv="refresh" content="0; url=../{name}/index.html"></head>
<body><a href="../{name}/index.html">The latest report</a></body></html>
"""


def name_of(moment: datetime) -> str:
    """Return the name of a report's folder."""
    return f"{moment:%Y%m%dT%H%M%SZ}"


@contextlib.contextmanager
def reports_here(reports: Path) -> Iterator[Path]:
    """Yield a lake's ``reports`` on this machine.

    For a lake in an object store that is a temporary folder with the last report's data and pictures, which
    the next one takes over; what `latest` points at when the block ends well is put into the store, the
    pages first and `latest` last.
    """
    if in_store(reports) is None:
        yield reports
        return
    with tempfile.TemporaryDirectory(prefix="cte-lake-", ignore_cleanup_errors=True) as scratch:
        here = Path(scratch)
        _fetch_last(reports, here)
        yield here
        name = (here / LATEST).readlink().name
        for path in sorted((here / name).rglob("*")):
            if path.is_file():
                copy(path, reports / name / path.relative_to(here / name))
        write_bytes(reports / LATEST / MARK, (here / name / MARK).read_bytes())
        write_bytes(reports / LATEST / "index.html", _PAGE.format(name=name).encode())


def _fetch_last(reports: Path, here: Path) -> None:
    try:
        data = (reports / LATEST / MARK).read_bytes()
        name = name_of(datetime.fromisoformat(json.loads(data)["made"]))
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        # None, or of another version: as without a last report, all is drawn.
        return
    (here / name / FOLDER).mkdir(parents=True)
    (here / name / MARK).write_bytes(data)
    for listed in listing(reports / name, FOLDER, ""):
        copy(reports / name / listed.path, here / name / listed.path)
    point_latest(here / name)
