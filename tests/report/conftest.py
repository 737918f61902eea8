"""A lake with hostile texts wherever a header, a file name or a user can put one, and its report."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest

from cte_lake import open_lake
from cte_lake.config import load_settings
from cte_lake.correction.coefficient_files import path_in_lake, write_coefficients
from cte_lake.correction.fit_lake import fit_lake
from cte_lake.correction.followed import FitRequest
from cte_lake.lake.paths import reject_file
from cte_lake.lake.schemas import dataset
from cte_lake.lake.selection import Selection
from cte_lake.lake.stored import stored
from cte_lake.lake.write import conform, write_table
from cte_lake.report.build import Made, make_report
from tests.report.big_lake import make_lake

#: Breaks out of attributes, elements, scripts, JSON, templates and comments where nothing keeps it in.
HOSTILE = "</script><script>window.hacked=1</script><img src=x onerror=window.hacked=2>\"'`&{{7*7}}<!--"


#: A set's name is free, but for what a file's name cannot hold.
SET_NAME = "<img src=x onerror=window.hacked=3>" + "_as_long_as_names_get" * 4


def add_reject(root: Path, path: str, stage: str, reason: str, detail: str) -> None:
    row = {
        "path": path, "stage": stage, "reason": reason, "detail": detail, "settings_hash": "0" * 16,
        "at": dt.datetime(2026, 3, 4, 5, 6, tzinfo=dt.UTC),
    }  # fmt: skip
    table = pa.Table.from_pylist([row], schema=dataset("rejects").schema())
    write_table(root / reject_file(path, stage), conform(table, "rejects"))


def _add_quarantined(root: Path) -> None:
    schema = dataset("alignment").schema()
    row = {field.name: None for field in schema} | {
        "imagename": "i00010aaq_flc.fits", "rootname": "i00010aaq", "filetype": "flc", "target": "ngc104",
        "proposal": 13000, "visit": "10", "filter": "F502N", "exptime": 348.0, "mjd": 55400.0, "flash": 0,
        "chinject": "NONE", "engine": "tweakwcs", "status": "quarantined", "reason": "chance_matches",
        "detail": f"40 stars matched {HOSTILE}", "solution_hash": "1" * 16, "master_hash": "c" * 16,
        "checksum": "2" * 16, "path": "/nowhere", "file_size": 1, "file_mtime_ns": 1,
        "settings_hash": "3" * 16, "key": "4" * 16, "revision": 1, "software": "0.1.0",
    }  # fmt: skip
    table = pa.Table.from_pylist([row], schema=schema)
    name = "i00010aaq.4444444444444444.quarantined-1111111111111111.r0001.parquet"
    write_table(root / "alignment" / name, conform(table, "alignment"))


@pytest.fixture(scope="session")
def hostile_lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small lake; its folder's name is markup too."""
    root = tmp_path_factory.mktemp("lakes") / "lake <b onclick=alert(1)> & 'co'"
    make_lake(root, images=24, stars=900, targname=HOSTILE)
    add_reject(root, f"/data/{HOSTILE}.fits", "read", "missing_keyword", f"{HOSTILE} has no EXPSTART")
    add_reject(root, "/data/sub.fits", "screen", "sub_dither", "dithered by less than a chip height")
    _add_quarantined(root)
    with open_lake(root) as lake:
        wanted = FitRequest(Selection(target=("NGC 104",), filetype=("flt",), length=("l",), flash=(0,)))
        fitted = fit_lake(lake, wanted, "hash", "set").coefficients
    name = SET_NAME
    write_coefficients(path_in_lake(stored(root), name), replace(fitted, name=name))
    return root


def make(root: Path, publish: Path | None = None, now: dt.datetime | None = None) -> Made:
    """Make a report as the command does."""
    settings = load_settings(root)
    with open_lake(root, settings=settings) as lake:
        return make_report(lake, settings, "standard", publish, now)


@pytest.fixture(scope="session")
def report(hostile_lake: Path) -> Path:
    """Folder of the lake's report."""
    return Path(str(make(hostile_lake, now=dt.datetime(2026, 5, 1, 8, 0, tzinfo=dt.UTC)).folder))
