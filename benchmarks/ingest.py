"""What an exposure costs to ingest: seconds and memory, one worker against two, and a run with nothing to do.

    python benchmarks/ingest.py [--pairs 12] [--width 4096] [--repeat 3] [--noop 1000]

Simulates pairs of F502N frames, ingests them through the installed command with one worker and
with two, and re-runs an up-to-date ingest over a lake of many (hard-linked) exposures. Prints
medians over the repeats and their ratio.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from astropy.io import fits
from children import Children

from cte_lake.config import load_settings
from cte_lake.lake.create import create_lake
from cte_lake.lake.stored import stored
from cte_lake.pipeline.master_import import import_master
from cte_lake.simulate import TARGETS, Settings, nominal_program, simulate_program

COMMAND = str(Path(sys.executable).with_name("cte-lake"))


def main() -> None:
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=form)
    parser.add_argument("--pairs", type=int, default=12)
    parser.add_argument("--width", type=int, default=4096)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--noop", type=int, default=1000, help="exposures of the run with nothing to do")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        measure(Path(folder), options)
    with tempfile.TemporaryDirectory() as folder:
        nothing_to_do(Path(folder), options.noop)


def measure(folder: Path, options: argparse.Namespace) -> None:
    """Time ingest with one worker and with two on the same frames."""
    epochs = tuple(55500.0 + 200 * k for k in range(options.pairs))
    program = nominal_program(TARGETS["ngc104"], epochs)
    done = simulate_program(program, folder, Settings(width=options.width, seed=1), filetypes=("flt",))
    n = len(done.frames)
    print(f"{n} exposures of {options.width} x 2051 px, 14 radii, median of {options.repeat} runs")
    print("| workers | wall s | s/exposure | CPU s/exposure | exposures/min | largest process MB | all MB |")
    print("|---|---|---|---|---|---|---|")
    walls = {}
    for workers in (1, 2):
        runs = [timed(folder, done.frames[0].parent, done.master, workers) for _ in range(options.repeat)]
        wall, cpu = (statistics.median(run[k] for run in runs) for k in (0, 1))
        largest, together = (max(run[k] for run in runs) for k in (2, 3))
        walls[workers] = wall
        print(
            f"| {workers} | {wall:.1f} | {wall / n:.2f} | {cpu / n:.2f} | {60 * n / wall:.1f} "
            f"| {largest:.0f} | {together:.0f} |"
        )
    print(f"\n2 workers against 1: {walls[1] / walls[2]:.2f} times (start-up of the cluster included)")


def timed(folder: Path, frames: Path, master: Path, workers: int) -> tuple[float, float, float, float]:
    """Ingest into a new lake; returns wall and CPU seconds, peak MB of the largest process and of all."""
    lake = folder / "lake"
    shutil.rmtree(lake, ignore_errors=True)
    create_lake(stored(lake))
    import_master(stored(lake), master, "ngc104", load_settings(lake).config)
    started = time.perf_counter()
    command = [COMMAND, "ingest", str(frames), "--lake", str(lake), "--workers", str(workers), "--json"]
    with Children() as children:
        report = json.loads(
            subprocess.run(command, check=True, capture_output=True, text=True, timeout=7200).stdout
        )
    wall = time.perf_counter() - started
    if report["rejected"]:
        raise SystemExit(f"rejected: {report['rejected'][0]}")
    return wall, children.cpu, children.largest_child, children.children


def nothing_to_do(folder: Path, number: int) -> None:
    """Time a second ingest over many exposures that are all up to date."""
    program = nominal_program(TARGETS["ngc104"], (57601.3,))
    done = simulate_program(program, folder, Settings(width=64, seed=1), stars=20, filetypes=("flt",))
    many = folder / "many"
    many.mkdir()
    digits = "0123456789abcdefghijklmnopqrstuvwxyz"
    for k in range(number):
        source = done.frames[k % 2]
        rootname = f"ic78{digits[k // 1296 % 36]}{digits[k // 36 % 36]}{digits[k % 36]}aq"
        target = many / f"{rootname}_flt.fits"
        shutil.copy(source, target)
        fits.setval(target, "ROOTNAME", value=rootname)
    lake = folder / "lake"
    create_lake(stored(lake))
    import_master(stored(lake), done.master, "ngc104", load_settings(lake).config)
    command = [COMMAND, "ingest", str(many), "--lake", str(lake), "--no-progress"]
    subprocess.run(command, check=True, capture_output=True, timeout=7200)
    seconds = []
    for _ in range(5):
        started = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True, timeout=7200)
        seconds.append(time.perf_counter() - started)
    print(f"\nnothing to do over {number} exposures: {statistics.median(seconds):.2f} s (median of 5)")


if __name__ == "__main__":
    os.environ.pop("CTE_LAKE_LAKE", None)
    main()
