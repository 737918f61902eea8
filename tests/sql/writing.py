"""Writes exposures of chosen photometry into a lake, through the lake's own writers."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from cte_lake.lake.commit import write_exposure
from cte_lake.lake.paths import Partition, phot_file
from cte_lake.lake.stored import stored
from cte_lake.lake.write import conform, write_table

#: What an exposure row holds unless a test says otherwise.
ROW: dict[str, Any] = {
    "filetype": "flt",
    "target": "ngc104",
    "targname": "NGC-104",
    "proposal": 14378,
    "filter": "F502N",
    "exptime": 348.0,
    "length": "l",
    "mjd": 57601.3,
    "chinject": "NONE",
    "flash": 0,
    "chip": 2,
    "postarg1": 0.0,
    "postarg2": 0.0,
    "sky": 1.0,
    "n_measured": 0,
    "mode": "standard",
    "engine": "kernel",
    "settings": "{}",
    "settings_hash": "0" * 16,
    "rules_hash": "0" * 16,
    "cal_ver": "3.6.2",
    "pctecorr": "OMIT",
    "pam": "distortion",
    "master_hash": "0" * 16,
    "checksum": "0" * 16,
    "file_size": 1,
    "file_mtime_ns": 1,
    "revision": 1,
    "withdrawn": False,
    "software": "test",
}


def add_exposure(lake: Path, rootname: str, stars: dict[str, Any] | None = None, **columns: Any) -> str:
    """Write an exposure with its photometry; returns the image name.

    `stars` holds columns of ``phot``; of those that are left out, what must be there is made up.
    """
    stars = {"master_id": np.arange(0)} if stars is None else stars
    imagename = f"{rootname}_{columns.get('filetype', ROW['filetype'])}.fits"
    count = len(stars["master_id"])
    row = (
        ROW
        | {"rootname": rootname, "imagename": imagename, "visit": rootname[4:6], "n_stars": count}
        | columns
    )
    row = {"path": f"/data/{imagename}", "postarg2": 82.0 if row["chip"] == 1 else 0.0} | row
    key = hashlib.blake2b(f"{imagename}{row['mode']}{row['revision']}".encode(), digest_size=8).hexdigest()
    row = {"phot_key": key} | row
    partition = Partition(row["target"], row["proposal"], row["flash"], row["filetype"])
    zeros = np.zeros(count)
    filled = {
        "x": zeros,
        "y": zeros,
        "ra": zeros,
        "dec": zeros,
        "sky": zeros,
        "flags": zeros.astype("i4"),
    } | stars
    table = pa.table(filled | {"imagename": [imagename] * count, "phot_key": [row["phot_key"]] * count})
    write_table(lake / phot_file(partition, rootname, row["phot_key"]), conform(table, "phot"))
    write_exposure(stored(lake), partition, row)
    return imagename


def add_pair(
    lake: Path, stem: str = "ic780", first: dict[str, Any] | None = None,
    second: dict[str, Any] | None = None, **columns: Any,
) -> tuple[str, str]:  # fmt: skip
    """Write an exposure on chip 1 and one on chip 2, with the stars `first` and `second`."""
    visit = columns.pop("visit", "02")
    one = add_exposure(lake, f"{stem[:4]}{visit}abq", first, chip=1, **columns)
    two = add_exposure(lake, f"{stem[:4]}{visit}aaq", second, chip=2, **columns)
    return one, two
