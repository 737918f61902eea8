"""A lake of many images without frames: rows of the real shape, fluxes after a known law."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from cte_lake.lake.create import create_lake
from cte_lake.lake.paths import Partition, exposure_file, phot_file
from cte_lake.lake.schemas import RADII, dataset, radius_suffix
from cte_lake.lake.stored import stored
from cte_lake.lake.write import conform, write_table
from tests.plots import samples

_GRID = np.geomspace(200, 32000, 60)


@dataclass(frozen=True)
class Image:
    """One image of the lake."""

    number: int
    filetype: str
    chip: int
    targname: str
    revision: int = 1
    #: Folder of the frames; the rows name files in it, whether they are there or not.
    frames: Path = Path("/nowhere")

    @property
    def visit(self) -> str:
        return f"{self.number % 90 + 10:02d}"

    @property
    def mjd(self) -> float:
        return 55400.0 + 22.0 * self.number

    @property
    def flash(self) -> int:
        return (0, 12, 0, 33)[self.number % 4]

    @property
    def rootname(self) -> str:
        return f"i{self.number:03d}{self.visit}{'ab'[self.chip == 1]}aq"

    @property
    def name(self) -> str:
        return f"{self.rootname}_{self.filetype}.fits"

    @property
    def key(self) -> str:
        # Eight zeros at its beginning would be those of a compacted file.
        return f"{self.number + 1:08x}{self.chip:02x}{self.revision:04x}{'cd'[self.filetype == 'flt']}0"

    @property
    def partition(self) -> Partition:
        return Partition("ngc104", 13000 + self.number // 90, self.flash, self.filetype)


def make_lake(
    root: Path, images: int, stars: int, targname: str = "NGC-104", frames: Path = Path("/nowhere")
) -> Path:
    """Make a lake with `images` images in pairs (FLT and FLC, several flash levels and epochs)."""
    create_lake(stored(root))
    for image in images_of(images, targname, frames):
        write_image(root, image, stars)
    return root


def images_of(images: int, targname: str, frames: Path) -> Iterator[Image]:
    """The images of such a lake."""
    for number in range(images // 4):
        for filetype in ("flt", "flc"):
            for chip in (2, 1):
                yield Image(number, filetype, chip, targname, frames=frames)


def write_image(root: Path, image: Image, stars: int) -> None:
    """Write photometry and row of an image."""
    field, noise = np.random.default_rng(1), np.random.default_rng([image.number, image.chip, image.revision])
    true, y = 10 ** field.uniform(2.3, 4.5, stars), field.uniform(5, 2045, stars)
    distance = y if image.chip == 2 else 2050 - y
    losses = np.array([samples.law(image.mjd, flux, image.flash, image.filetype) for flux in _GRID])
    loss = np.interp(np.log10(true), np.log10(_GRID), losses)
    error = np.sqrt(true + 60)
    flux = true * (1 - loss * distance / 2048) + noise.normal(0, error)
    # A centroid's own noise; what is lost moves it away from the amplifiers.
    moved = np.random.default_rng([image.number, image.chip, image.revision, 9]).normal(0, 1 / np.sqrt(true))
    moved += 0.2 * loss * distance / 2048 * (1 if image.chip == 2 else -1)
    # Calibration takes the post-flash off.
    sky = 1.5
    columns: dict[str, Any] = {
        "imagename": [image.name] * stars, "phot_key": [image.key] * stars, "y": y,
        "master_id": np.arange(stars) + 1, "x": field.uniform(0, 4095, stars), "ra": np.full(stars, 5.6),
        "dec": np.full(stars, -72.0), "dx": np.zeros(stars), "dy": moved,
        "sky": np.full(stars, sky), "sky_err": np.full(stars, 0.1),
        "flags": np.zeros(stars, np.int32),
    }  # fmt: skip
    for radius in RADII:
        area = np.full(stars, np.pi * radius**2)
        for what, values in (("flux", flux), ("flux_err", error), ("bkg", sky * area), ("area", area)):
            columns[f"{what}_{radius_suffix(radius)}"] = values
    path = phot_file(image.partition, image.rootname, image.key)
    write_table(root / path, conform(pa.table(columns), "phot"))
    table = pa.Table.from_pylist([_row(image, stars)], schema=dataset("exposures").schema())
    path = exposure_file(image.partition, image.rootname, "standard", image.key, image.revision)
    write_table(root / path, conform(table, "exposures"))


def _row(image: Image, stars: int) -> dict[str, Any]:
    return {
        "target": "ngc104", "proposal": image.partition.proposal, "flash": image.flash, "mode": "standard",
        "filetype": image.filetype, "imagename": image.name, "rootname": image.rootname,
        "targname": image.targname, "visit": image.visit, "filter": "F502N", "exptime": 348.0, "length": "l",
        "mjd": image.mjd + 0.01 * image.chip, "chinject": "NONE", "chip": image.chip, "postarg1": 0.0,
        "postarg2": 82.0 if image.chip == 1 else 0.0, "sky": 1.5, "n_stars": stars,
        "n_measured": stars, "engine": "kernel", "settings": "{}", "settings_hash": "a" * 16,
        "rules_hash": "b" * 16, "cal_ver": image.targname, "pam": "distortion", "master_hash": "c" * 16,
        "path": str(image.frames / image.name), "checksum": image.key, "file_size": 1, "file_mtime_ns": 1,
        "phot_key": image.key, "revision": image.revision, "withdrawn": False, "software": "0.1.0",
    }  # fmt: skip
