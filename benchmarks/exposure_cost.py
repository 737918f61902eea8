"""What a whole exposure costs beside its arrays and the bare kernel: one worker, one full frame.

    python benchmarks/exposure_cost.py [--stars 12000] [--repeat 5]

Simulates one F502N exposure of 4096 x 2051 px a chip, then measures it (`measure_exposure`: checksum,
headers, pixels, mask, pixel area map, match, centring, sky, sums at 14 radii, flags, Parquet) in a process of
its own. Beside it: reading SCI, ERR and DQ of the chip with astropy and summing the same stars at 14 radii by
the bare kernel, without sky. CPU seconds, medians; the steps are timed apart, in the same process.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from astropy.io import fits

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.children import peak_megabytes
from cte_lake.config import load_settings
from cte_lake.frames.fitsfile import read_chip
from cte_lake.frames.masks import bad_pixel_mask, saturated_pixels
from cte_lake.frames.opening import checksum
from cte_lake.frames.pam import area_map_for
from cte_lake.lake.create import create_lake
from cte_lake.lake.read import read_master
from cte_lake.lake.stored import stored
from cte_lake.masters.project import project
from cte_lake.photometry import PixelData, measure
from cte_lake.photometry.kernel import aperture_sums
from cte_lake.pipeline.ingest import IngestArguments
from cte_lake.pipeline.ingest.exposure_rows import phot_table, write_phot
from cte_lake.pipeline.ingest.ingest_frames import tasks_of
from cte_lake.pipeline.ingest.ingest_task import MeasureTask, measure_exposure
from cte_lake.pipeline.ingest.plan import make_plan
from cte_lake.pipeline.master_import import import_master
from cte_lake.radii import RADII
from cte_lake.simulate import TARGETS, Settings, nominal_program, simulate_program


def make_task(folder: Path, stars: int | None) -> MeasureTask:
    """Return the task of an exposure on chip 2; it is simulated into `folder` unless it is there."""
    frames, lake = folder / "frames", folder / "lake"
    if not frames.is_dir():
        program = nominal_program(TARGETS["ngc104"], (57601.3,))
        done = simulate_program(program, frames, Settings(seed=1), stars=stars, filetypes=("flt",))
        create_lake(stored(lake))
        import_master(stored(lake), done.master, "ngc104", load_settings(lake).config)
    settings = load_settings(lake)
    arguments = IngestArguments(lake=stored(lake), paths=(str(frames),), settings=settings, overwrite=True)
    task = next(task for task in tasks_of(arguments, make_plan(arguments)) if task.chip == 2)
    return replace(task, overwrite=True)


def cpu_seconds(work: Callable[[], object], repeat: int) -> float:
    """Return the median of the CPU seconds of so many calls."""
    seconds = []
    for _ in range(repeat):
        begin = time.process_time()
        work()
        seconds.append(time.process_time() - begin)
    return statistics.median(seconds)


def arrays(path: str) -> list[np.ndarray]:
    """Read SCI, ERR and DQ of chip 2 as they are."""
    with fits.open(path, memmap=False) as hdus:
        return [hdus[name, 1].data for name in ("SCI", "ERR", "DQ")]


def work(folder: Path, repeat: int) -> dict[str, float]:
    """Measure in this process, which has done nothing else: peak memory first, then seconds."""
    task = make_task(folder, None)
    measure_exposure(task)
    found: dict[str, float] = {"peak_mb": peak_megabytes()}
    found["whole"] = cpu_seconds(lambda: measure_exposure(task), repeat)
    path = task.exposure.path
    image = read_chip(path, task.chip)
    catalog = read_master(task.master)
    ra, dec = catalog.column("ra").to_numpy(), catalog.column("dec").to_numpy()
    index, x, y = project(image.wcs, ra, dec, image.data.shape)
    mask = bad_pixel_mask(image.dq, image.err, image.data)
    area = area_map_for(image)
    pixels = PixelData(image.data * area, image.err * area, mask, saturated_pixels(image.dq))
    good = (~mask).view(np.uint8)
    data, error = image.data * area * good, image.err * area * good
    stars = catalog.take(index).select(["master_id", "ra", "dec"])
    measured = measure(pixels, x, y, task.settings)
    radii = np.array(RADII, dtype=float)
    steps: dict[str, Callable[[], object]] = {
        "arrays": lambda: arrays(path),
        "kernel": lambda: aperture_sums(data, error, good, x, y, radii),
        "checksum": lambda: checksum(path),
        "read": lambda: read_chip(path, task.chip),
        "match": lambda: project(image.wcs, ra, dec, image.data.shape),
        "area map": lambda: area_map_for(image),
        "mask": lambda: bad_pixel_mask(image.dq, image.err, image.data),
        "measure": lambda: measure(pixels, x, y, task.settings),
        "write": lambda: write_phot(
            task.lake, task.partition, "ic7800aaq", "0" * 16,
            phot_table("ic7800aaq_flt.fits", "0" * 16, stars, measured, task.settings.radii),
        ),
    }  # fmt: skip
    found |= {name: cpu_seconds(step, repeat) for name, step in steps.items()}
    return found | {"stars": float(index.size)}


def main() -> None:
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=form)
    parser.add_argument("--stars", type=int, default=12_000, help="stars over 250 e- on a chip")
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--folder", type=Path, help="keep the frames there, or take them from there")
    parser.add_argument("--worker", choices=("make", "measure"), help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.worker == "make":
        make_task(chosen.folder, chosen.stars)
    elif chosen.worker == "measure":
        print(json.dumps(work(chosen.folder, chosen.repeat)))
    else:
        with tempfile.TemporaryDirectory() as temporary:
            folder = chosen.folder or Path(temporary)
            folder.mkdir(parents=True, exist_ok=True)
            options = ["--folder", folder, "--stars", chosen.stars, "--repeat", chosen.repeat]
            command = [sys.executable, __file__, *map(str, options), "--worker"]
            # A process starts with the peak memory of the one that made it: this one must stay small.
            subprocess.run([*command, "make"], check=True, timeout=7200)
            done = subprocess.run(
                [*command, "measure"], check=True, stdout=subprocess.PIPE, text=True, timeout=7200
            )
        print_table(json.loads(done.stdout))


def print_table(found: dict[str, float]) -> None:
    """Print the whole beside the bare, then the steps."""
    bare = found["arrays"] + found["kernel"]
    print(f"one exposure of 4096 x 2051 px, {found['stars']:.0f} stars, 14 radii\n")
    print("| CPU s | |")
    print("|---|---|")
    print(f"| {found['whole']:.2f} | whole exposure |")
    print(f"| {bare:.2f} | arrays {found['arrays']:.2f} + bare kernel {found['kernel']:.2f} |")
    print(f"| {found['whole'] / bare:.2f} | ratio |")
    for step in ("checksum", "read", "match", "area map", "mask", "measure", "write"):
        print(f"| {found[step]:.2f} | {step} |")
    print(f"\npeak memory of the worker process: {found['peak_mb']:.0f} MB")


if __name__ == "__main__":
    main()
