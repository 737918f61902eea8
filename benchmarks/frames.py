"""What it costs to read a header, to map a chip's pixel areas and to project a catalog.

    python benchmarks/frames.py

Works on one simulated full-frame exposure. Prints the median CPU seconds of five calls each.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from cte_lake.frames.exposure import read_exposure
from cte_lake.frames.fitsfile import read_chip
from cte_lake.frames.opening import checksum
from cte_lake.frames.pam import area_map_for
from cte_lake.masters.project import project
from cte_lake.masters.read import read_master
from cte_lake.simulate import TARGETS, Settings, nominal_program, simulate_program


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        program = nominal_program(TARGETS["ngc104"], (57601.3,))
        done = simulate_program(program, Path(folder), Settings(seed=1), stars=20_000, filetypes=("flt",))
        path = done.frames[0]
        image = read_chip(path, 2)
        master = read_master(done.master)
        rng = np.random.default_rng(6)
        pick = rng.integers(0, len(master), 60_000)
        report("read_exposure (headers)", lambda: read_exposure(path))
        report("checksum", lambda: checksum(path))
        report("read_chip (SCI, ERR, DQ, WCS)", lambda: read_chip(path, 2))
        report("pixel area map of a chip", lambda: area_map_for(image))
        report("read_master", lambda: read_master(done.master))
        shape = image.data.shape
        report("project 60,000 stars", lambda: project(image.wcs, master.ra[pick], master.dec[pick], shape))


def report(what: str, call: Callable[[], object], repeat: int = 5) -> None:
    """Print the median CPU seconds of a call."""
    seconds = []
    for _ in range(repeat):
        started = time.process_time()
        call()
        seconds.append(time.process_time() - started)
    print(f"{what:<32} {statistics.median(seconds):8.4f} s")


if __name__ == "__main__":
    main()
