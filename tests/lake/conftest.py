"""Small lakes of simulated photometry, as ingests leave them."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from benchmarks.simulated_photometry import (
    SimulatedPhotometry,
    draw_stars,
    fill_lake,
    simulate_pair_photometry,
)
from cte_lake.lake.create import create_lake
from cte_lake.lake.stored import stored
from cte_lake.simulate.program import TARGETS, nominal_visit

STARS = 20
DAY = 86_400


def current_exposure(lake, imagename, mode):
    """The current row of one image, as a dict."""
    (row,) = lake.dataset("exposures").current("mode = ? AND imagename = ?", [mode, imagename]).to_pylist()
    return row


class Lakes:
    """Fills lakes: every exposure of a visit, in FLT and FLC, once per revision."""

    def __init__(self, stars: int = STARS) -> None:
        self.stars = draw_stars(TARGETS["ngc104"], stars)

    def images(
        self, visit: str = "01", flashes: tuple[int, ...] = (0, 12), mjd: float = 57601.0
    ) -> list[SimulatedPhotometry]:
        plan = nominal_visit(TARGETS["ngc104"], mjd, visit=visit, flashes=flashes)
        plans = {exposure.rootname: exposure for exposure in plan.exposures}
        return [
            image
            for pair in plan.pairs
            for image in simulate_pair_photometry(plans[pair.first], plans[pair.second], self.stars)
        ]

    def fill(self, root: Path, visit: str = "01", revision: int = 1) -> None:
        images = [as_revision(image, revision) for image in self.images(visit)]
        fill_lake(stored(root), images, self.stars)


def as_revision(image: SimulatedPhotometry, revision: int, key: str | None = None) -> SimulatedPhotometry:
    """The same image measured again: another key and other numbers."""
    key = key or f"{revision:02x}" + image.record["phot_key"][2:]
    columns = dict(image.columns)
    columns["phot_key"] = [key] * len(columns["master_id"])
    columns["flux_r03"] = columns["flux_r03"] + revision
    return replace(image, record=image.record | {"revision": revision, "phot_key": key}, columns=columns)


def answers(root: Path) -> dict[str, float]:
    """What a reader sees: the sum of r = 3 px fluxes of each image that counts.

    Reads with pyarrow alone, by the lake's rule: the highest revision, its photometry by image and key.
    """
    best: dict[str, dict[str, object]] = {}
    for path in (root / "exposures").rglob("*.parquet"):
        for row in pq.read_table(path, partitioning=None).to_pylist():
            old = best.get(row["imagename"])
            if old is None or (row["revision"], row["phot_key"]) > (old["revision"], old["phot_key"]):
                best[row["imagename"]] = row
    sums: dict[str, float] = {}
    wanted = {(r["imagename"], r["phot_key"]) for r in best.values() if not r["withdrawn"]}
    for path in (root / "phot").rglob("*.parquet"):
        table = pq.read_table(path, partitioning=None, columns=["imagename", "phot_key", "flux_r03"])
        for row in table.to_pylist():
            if (row["imagename"], row["phot_key"]) in wanted:
                sums[row["imagename"]] = sums.get(row["imagename"], 0.0) + row["flux_r03"]
    assert {name for name, _ in wanted} == sums.keys()
    return {name: round(total, 6) for name, total in sums.items()}


def age(root: Path, days: float = 30.0) -> None:
    """Make every file of a lake older."""
    for path in root.rglob("*"):
        if path.is_file():
            stat = path.stat()
            os.utime(path, (stat.st_atime - days * DAY, stat.st_mtime - days * DAY))


def as_of_old(root: Path) -> None:
    """Make a lake one that an older version left: rows name no file, files say nothing of themselves."""
    for path in [*(root / "exposures").rglob("*.parquet"), *(root / "phot").rglob("*.parquet")]:
        table = pq.read_table(path, partitioning=None)
        kept = [name for name in table.column_names if name not in {"phot_file", "phot_hash"}]
        said = {k: v for k, v in (table.schema.metadata or {}).items() if k not in {b"content", b"rows_hash"}}
        images = pc.unique(table.column("imagename")).to_pylist()
        if "/phot/" in str(path) and path.name.startswith("compact."):
            keys = pc.unique(table.column("phot_key")).to_pylist()
            said[b"members"] = json.dumps(list(zip(images, keys, strict=True))).encode()
        written = table.select(kept).replace_schema_metadata(said)
        pq.write_table(written, path, row_group_size=max(1, table.num_rows // max(1, len(images))))
    shutil.rmtree(root / ".cache", ignore_errors=True)


@pytest.fixture
def lakes() -> Lakes:
    return Lakes()


@pytest.fixture(scope="session")
def filled(tmp_path_factory) -> Path:
    """A lake of eight images, to be copied."""
    root = tmp_path_factory.mktemp("filled") / "lake"
    create_lake(stored(root))
    Lakes().fill(root)
    age(root)
    return root


@pytest.fixture
def lake(tmp_path, filled) -> Path:
    """A lake of eight images, made a month ago."""
    shutil.copytree(filled, tmp_path / "lake")
    return tmp_path / "lake"
