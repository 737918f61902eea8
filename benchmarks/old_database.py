"""The SQLite file of the 2017 monitor, holding the photometry of a lake: what the same rows weigh there.

Columns and indexes are those of its `table_definitions/phot.txt` and `database_interface.py`: one table a
target, a row a star and image, 64-bit floats, indexes on `id` and `master_id`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from cte_lake.radii import RADII

_FLOATS = [
    "xpix", "ypix", "ra", "dec",
    *(f"{kind}_{radius}" for kind in ("flux", "mnbkgrd", "totbkgrd") for radius in RADII),
]  # fmt: skip
_TABLE = "ngc6791_phot"


def write_old_database(path: Path, photometry: Iterable[Path]) -> int:
    """Write the rows of photometry files, image by image as they came; return how many."""
    columns = ["id", "master_id", "find_id", "imagename", "ingest_date", *_FLOATS]
    types = ["INTEGER NOT NULL PRIMARY KEY", "INTEGER NOT NULL", "INTEGER", "VARCHAR(100)", "DATE"]
    types += ["FLOAT"] * len(_FLOATS)
    stated = ", ".join(f"{name} {kind}" for name, kind in zip(columns, types, strict=True))
    marks = ", ".join("?" for _ in columns)
    count = 0
    with sqlite3.connect(path) as connection:
        connection.execute(f"CREATE TABLE {_TABLE} ({stated})")
        for name in ("id", "master_id"):
            connection.execute(f"CREATE INDEX ix_{_TABLE}_{name} ON {_TABLE} ({name})")
        for file in photometry:
            rows = list(_rows(file, count))
            connection.executemany(f"INSERT INTO {_TABLE} VALUES ({marks})", rows)
            count += len(rows)
    connection.close()
    return count


def _rows(file: Path, before: int) -> Iterator[tuple[Any, ...]]:
    """Yield rows as the 2017 code gave them: the raw sum, the sky per pixel, the sky in the aperture."""
    table = pq.read_table(file, partitioning=None).to_pydict()
    flux, sky = ([table[f"{kind}_r{radius:02d}"] for radius in RADII] for kind in ("flux", "bkg"))
    raw = [[f + b for f, b in zip(*pair, strict=True)] for pair in zip(flux, sky, strict=True)]
    places = [table[name] for name in ("x", "y", "ra", "dec")]
    floats = zip(*places, *raw, *[table["sky"]] * len(RADII), *sky, strict=True)
    names = zip(table["master_id"], table["imagename"], floats, strict=True)
    for number, (master_id, imagename, values) in enumerate(names):
        yield (before + number + 1, master_id, number + 1, imagename, "2017-03-01", *values)
