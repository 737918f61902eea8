"""A lake of any size for the benchmarks: what align, crmask and ingest would have left of so many exposures.

The rows are simulated photometry at all radii, written by the lake's own writers; the frames exist by name
alone, so that every stage finds its work done and has to look at each of them to know it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from benchmarks.simulated_photometry import (
    ChipStars,
    SimulatedPhotometry,
    draw_stars,
    fill_lake,
    simulate_photometry,
)
from cte_lake import __version__
from cte_lake.config import Settings, load_settings
from cte_lake.digests import digest
from cte_lake.lake.create import create_lake
from cte_lake.lake.place import place_of
from cte_lake.lake.read import current_master
from cte_lake.lake.stored import stored
from cte_lake.lake.versions import Version, write_row
from cte_lake.pipeline.align.align_exposures import solution_key
from cte_lake.pipeline.carry_out import StageArguments
from cte_lake.pipeline.crmask.mask_exposures import make_plan
from cte_lake.pipeline.ingest.keys import rules_hash, settings_hash
from cte_lake.pipeline.survey import IDENTITY, ExposureFile
from cte_lake.simulate.program import TARGETS, nominal_visit

TARGET = "ngc6791"
#: Images of a visit: two flash levels, two chips, two file types.
VISIT_IMAGES = 8
_VISITS_A_PROPOSAL = 50
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


def grow(root: Path, frames: Path, images: int, stars: int) -> None:
    """Bring a lake to so many images of so many stars; a number below what it has does nothing."""
    if not root.exists():
        create_lake(stored(root))
        frames.mkdir(parents=True)
    first = len(list(frames.iterdir())) // VISIT_IMAGES
    numbers = range(first, -(-images // VISIT_IMAGES))
    drawn = draw_stars(TARGETS[TARGET], stars)
    if numbers:
        exposures: list[ExposureFile] = []
        fill_lake(stored(root), _images(root, frames, numbers, drawn, exposures), drawn)
        _write_alignments(root, exposures)
        _write_masks(root, frames)


def one_pair() -> list[str]:
    """Options that select one pair of the lake, whatever its size."""
    return ["--target", TARGET, "--proposal", "11924", "--visit", "03", "--flash", "12", "--filetype", "flt"]


def _images(
    root: Path, frames: Path, numbers: range, stars: ChipStars, exposures: list[ExposureFile]
) -> Iterator[SimulatedPhotometry]:
    """Yield the images of visits and list their exposures as align will be asked for them."""
    settings = load_settings(root)
    hashes = {"settings_hash": settings_hash(settings.config), "rules_hash": rules_hash(settings)}
    for number in numbers:
        visit = _DIGITS[number % _VISITS_A_PROPOSAL // 36] + _DIGITS[number % _VISITS_A_PROPOSAL % 36]
        planned = nominal_visit(
            TARGETS[TARGET], 55200.0 + 4 * number, visit=visit,
            proposal=11924 + number // _VISITS_A_PROPOSAL, flashes=(0, 12),
        )  # fmt: skip
        for exposure in planned.exposures:
            for filetype in ("flt", "flc"):
                image = simulate_photometry(
                    exposure, stars, chip=1 if exposure.postarg2 else 2, filetype=filetype
                )
                _name_frame(image, frames, hashes)
                yield image
            exposures.append(ExposureFile(**{name: image.record[name] for name in IDENTITY}))


def _name_frame(image: SimulatedPhotometry, frames: Path, hashes: dict[str, str]) -> None:
    frame = frames / image.record["imagename"]
    frame.touch()
    stat = frame.stat()
    image.record.update(
        hashes, path=str(frame), file_size=stat.st_size, file_mtime_ns=stat.st_mtime_ns,
        alignment_hash=digest(["wcs", image.record["rootname"]]),
        crmask_hash=digest(["mask", image.record["rootname"]]),
    )  # fmt: skip


def _write_alignments(root: Path, exposures: list[ExposureFile]) -> None:
    settings, master = load_settings(root), current_master(stored(root), TARGET)
    assert master is not None
    for exposure in exposures:
        wcs = digest(["wcs", exposure.rootname])
        key = solution_key(exposure, master, settings)
        version = _version(root / "alignment", exposure.rootname, key, "aligned", wcs, ".hlet.fits")
        numbers = {"engine": "tweakwcs", "status": "aligned", "n_sources": 4000, "n_expected": 2000}
        numbers |= {"n_matched": 1900, "rms_x": 0.05, "rms_y": 0.05, "settings_hash": "0" * 16}
        names = {"solution_hash": wcs, "checksum": "0" * 16, "master_hash": master.master_hash}
        row = exposure.identity() | numbers | names | {"software": __version__}
        write_row(version, "alignment", row)


def _write_masks(root: Path, frames: Path) -> None:
    settings: Settings = load_settings(root)
    for visit in make_plan(StageArguments(stored(root), (str(frames),), settings)).todo:
        for exposure in visit.exposures:
            mask = digest(["mask", exposure.rootname])
            version = _version(root / "crmasks", exposure.rootname, visit.key, "masked", mask, ".fits")
            row = exposure.identity() | {"method": "drizzle", "n_exposures": len(visit.exposures)}
            row |= {"mask_hash": mask, "mask_file": version.beside(".fits").name, "settings_hash": "0" * 16}
            write_row(version, "crmasks", row | {"software": __version__})


def _version(folder: Path, rootname: str, key: str, status: str, content: str, companion: str) -> Version:
    """Return the first version of a product; the file that belongs to it is one for all, by hard links."""
    path = folder / f"{rootname}.{key}.{status}-{content}.r0001.parquet"
    version = Version(1, key, content, status, rootname, place_of(path))
    one = folder.parent.parent / f"product{companion}"
    if not one.exists():
        one.write_bytes(bytes(2880))
    os.link(one, folder / version.beside(companion).name)
    return version
