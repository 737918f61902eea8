"""Alignment on simulated visits: is it right? And what do alignment and cosmic-ray masks cost?

python benchmarks/align_crmask.py accuracy [--seed N]    # 42 exposures with WCS errors, and 12 bad ones
python benchmarks/align_crmask.py cost                   # seconds and memory, 1 and 2 workers
python benchmarks/align_crmask.py full                   # one full-frame visit

The masks themselves: cr_masks.py; the gate's limits: align_gate.py.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from children import Children
from visits import WIDTH, new_lake, run_align, run_crmask, scratch, spoil

from cte_lake.frames.fitsfile import read_chip
from cte_lake.lake.read import current_master, read_master
from cte_lake.lake.stored import stored
from cte_lake.pipeline.align.alignment_rows import ALIGNED, alignment_for
from cte_lake.simulate import TARGETS, Settings, nominal_program, simulate_program, with_anomalies
from cte_lake.simulate.program import Anomaly

SEED = 21


def residual(lake: Path, data: Path, truth: Path, rootname: str, target: str) -> float:
    """Largest distance, px, between where the aligned WCS puts the stars of an exposure and where they are.

    Each chip's mean and gradient matter, not the catalog's scatter: the misses are fitted by a plane, whose
    largest value on the chip is taken.
    """
    solution = alignment_for(stored(lake), rootname)
    assert solution is not None
    master = current_master(stored(lake), target)
    assert master is not None
    table = read_master(master)
    position = dict(
        zip(
            table.column("master_id").to_pylist(),
            zip(table.column("ra").to_pylist(), table.column("dec").to_pylist(), strict=True),
            strict=True,
        )
    )
    stars = pq.read_table(truth / f"{rootname}.parquet").to_pandas()
    worst = 0.0
    for chip in (2, 1):
        wcs = read_chip(data / f"{rootname}_flc.fits", chip, solution.cards[chip]).wcs
        here = stars[(stars.chip == chip) & stars.master_id.isin(position)]
        ra, dec = np.array([position[star] for star in here.master_id]).T
        x, y = wcs.all_world2pix(ra, dec, 0)
        design = np.column_stack([np.ones(len(here)), here.x / WIDTH - 0.5, here.y / 2051 - 0.5])
        corners = np.array([[1, a, b] for a in (-0.5, 0.5) for b in (-0.5, 0.5)])
        miss = [
            corners @ np.linalg.lstsq(design, got - want, rcond=None)[0]
            for got, want in ((x, here.x), (y, here.y))
        ]
        worst = max(worst, float(np.hypot(*miss).max()))
    return worst


def accuracy(seed: int) -> None:
    rng = np.random.default_rng(seed)
    misses: list[float] = []
    wrong = 0
    print("target    exposures aligned quarantined  median   95%    max (px)")
    for name, lengths in (("ngc104", (348.0, 30.0)), ("ngc6791", (348.0, 60.0)), ("ngc6583", (348.0,))):
        for exptime in lengths:
            epochs = tuple(57400.3 + 40 * k for k in range(5 if exptime > 60 else 3))
            program = spoil(nominal_program(TARGETS[name], epochs, flashes=(0,), exptime=exptime), rng)
            with scratch() as folder:
                out = simulate_program(
                    program,
                    folder / "sim",
                    Settings(width=WIDTH, seed=seed),
                    filetypes=("flc",),
                    star_truth=True,
                )
                lake = new_lake(folder, out.master, name)
                report = run_align(lake, folder / "sim/data")
                found = [
                    residual(lake, folder / "sim/data", folder / "sim/stars", e["rootname"], name)
                    for e in report.exposures
                    if e["status"] == ALIGNED
                ]
            misses += found
            wrong += sum(miss > 0.3 for miss in found)
            print(
                f"{name:8} {exptime:4.0f} s {len(program.exposures):4} {report.aligned:7} "
                f"{len(report.quarantined):11}  {np.median(found):7.4f} {np.percentile(found, 95):7.4f} "
                f"{max(found):7.4f}"
            )
    print(
        f"all: {len(misses)} aligned, {np.mean(np.array(misses) < 0.1):.1%} under 0.1 px, {wrong} over 0.3 px"
    )
    for name in ("ngc104", "ngc6791"):
        program = spoil(nominal_program(TARGETS[name], (57401.3, 57441.3, 57481.3), repeats=1), rng)
        kinds: tuple[Anomaly, ...] = ("wrong_field", "empty", "guide_star_smear") * 2
        anomalies = {plan.rootname: kind for plan, kind in zip(program.exposures, kinds, strict=True)}
        with scratch() as folder:
            out = simulate_program(
                with_anomalies(program, anomalies), folder / "sim", Settings(width=WIDTH, seed=seed),
                filetypes=("flc",),
            )  # fmt: skip
            lake = new_lake(folder, out.master, name)
            report = run_align(lake, folder / "sim/data")
        for told in report.exposures:
            print(f"{name} {anomalies[told['rootname']]:17} {told['status']:12} {told['reason']}")


def cost(width: int = WIDTH, visits: int = 2, repeats: int = 2, workers: tuple[int, ...] = (1, 2)) -> None:
    program = spoil(
        nominal_program(TARGETS["ngc104"], tuple(57401.3 + 40 * k for k in range(visits)), repeats=repeats),
        np.random.default_rng(SEED),
    )
    n = len(program.exposures)
    with scratch() as folder:
        started = time.perf_counter()
        out = simulate_program(program, folder / "sim", Settings(width=width, seed=SEED), filetypes=("flc",))
        print(
            f"{n} exposures of {width} columns in {visits} visits, "
            f"simulated in {time.perf_counter() - started:.0f} s"
        )
        print(
            "step    workers  s in all  s/exposure  CPU s/exposure  of it drizzlepac (wall)  drizzlepac MB  "
            "workers MB  largest MB"
        )
        for count in workers:
            sub = folder / str(count)
            sub.mkdir()
            lake = new_lake(sub, out.master, "ngc104")
            with Children() as peak:
                started = time.perf_counter()
                aligned = run_align(lake, folder / "sim/data", count)
                seconds = time.perf_counter() - started
            assert aligned.aligned == n, aligned.as_dict()
            print(
                f"align   {count:7} {seconds:9.1f} {seconds / n:11.2f} {peak.cpu / n:15.2f} "
                f"{'-':>24} {'-':>14} "
                f"{peak.children:12.0f} {peak.largest_child:11.0f}"
            )
            for engine in ("drizzlepac", "drizzle"):
                with Children() as peak:
                    started = time.perf_counter()
                    masked = run_crmask(lake, folder / "sim/data", count, {"crmask.engine": engine})
                    seconds = time.perf_counter() - started
                assert len(masked.masked) == n, masked.as_dict()
                print(
                    f"crmask  {count:7} {seconds:9.1f} {seconds / n:11.2f} {peak.cpu / n:15.2f} "
                    f"{masked.drizzlepac_seconds / n:24.2f} {masked.drizzlepac_peak_mb:14.0f} "
                    f"{peak.children:12.0f} {peak.largest_child:11.0f}   by {engine}"
                )
            started = time.perf_counter()
            again = run_align(lake, folder / "sim/data", count), run_crmask(lake, folder / "sim/data", count)
            assert all(report.up_to_date == n for report in again)
            print(f"both again, nothing to do: {time.perf_counter() - started:.2f} s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("what", choices=("accuracy", "cost", "full"))
    parser.add_argument("--seed", type=int, default=SEED)
    stated = parser.parse_args()
    if stated.what == "accuracy":
        accuracy(stated.seed)
    elif stated.what == "cost":
        cost()
    else:
        cost(width=4096, visits=1, repeats=2, workers=(1,))


if __name__ == "__main__":
    main()
