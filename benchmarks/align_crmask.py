"""Alignment and cosmic-ray masks on simulated visits: are they right, and what do they cost?

python benchmarks/align_crmask.py accuracy    # 48 exposures with WCS errors, and the bad ones
python benchmarks/align_crmask.py masks       # completeness and false positives of the masks
python benchmarks/align_crmask.py cost        # seconds and memory, 1 and 2 workers
python benchmarks/align_crmask.py full        # one full-frame visit
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from children import Children
from scipy.ndimage import label, maximum_filter

from cte_lake.config import load_settings
from cte_lake.frames.fitsfile import read_chip
from cte_lake.frames.masks import bad_pixel_mask
from cte_lake.lake.create import create_lake
from cte_lake.lake.read import current_master, read_master
from cte_lake.simulate import (
    TARGETS,
    Program,
    Settings,
    WCSError,
    make_field,
    nominal_program,
    simulate_exposure,
    simulate_program,
    with_anomalies,
    with_wcs_errors,
)
from cte_lake.stages.align.run import AlignArguments, AlignReport, align
from cte_lake.stages.align.store import ALIGNED, alignment_for
from cte_lake.stages.crmask.run import CrmaskArguments, CrmaskReport, find_cosmic_rays
from cte_lake.stages.crmask.store import mask_for
from cte_lake.stages.dask import WorkerSettings
from cte_lake.stages.master_import import import_master

WIDTH = 512
SEED = 11


@contextmanager
def scratch() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="cte-lake-bench-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def spoil(program: Program, rng: np.random.Generator, low: float = 0.2, high: float = 3.0) -> Program:
    """Give every exposure a WCS error of `low` to `high` px and up to 0.05 degrees."""
    errors = {}
    for plan in program.exposures:
        size, angle = rng.uniform(low, high), rng.uniform(0, 2 * np.pi)
        errors[plan.rootname] = WCSError(size * np.cos(angle), size * np.sin(angle), rng.uniform(-0.05, 0.05))
    return with_wcs_errors(program, errors)


def new_lake(folder: Path, master: Path, target: str) -> Path:
    lake = folder / "lake"
    create_lake(lake)
    import_master(lake, master, target, load_settings(lake).config)
    return lake


def run_align(lake: Path, data: Path, workers: int = 0) -> AlignReport:
    return align(AlignArguments(lake, (str(data),), load_settings(lake), workers=WorkerSettings(workers)))


def run_crmask(lake: Path, data: Path, workers: int = 0) -> CrmaskReport:
    arguments = CrmaskArguments(lake, (str(data),), load_settings(lake), workers=WorkerSettings(workers))
    return find_cosmic_rays(arguments)


def residual(lake: Path, data: Path, truth: Path, rootname: str, target: str) -> float:
    """Largest distance, px, between where the aligned WCS puts the stars of an exposure and where they are.

    Each chip's mean and gradient matter, not the catalog's scatter: the misses are fitted by a plane, whose
    largest value on the chip is taken.
    """
    solution = alignment_for(lake, rootname)
    assert solution is not None
    master = current_master(lake, target)
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


def accuracy() -> None:
    rng = np.random.default_rng(SEED)
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
                    Settings(width=WIDTH, seed=SEED),
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
        kinds = ("wrong_field", "empty", "guide_star_smear") * 2
        anomalies = {plan.rootname: kind for plan, kind in zip(program.exposures, kinds, strict=True)}
        with scratch() as folder:
            out = simulate_program(
                with_anomalies(program, anomalies), folder / "sim", Settings(width=WIDTH, seed=SEED),
                filetypes=("flc",),
            )  # fmt: skip
            lake = new_lake(folder, out.master, name)
            report = run_align(lake, folder / "sim/data")
        for told in report.exposures:
            print(f"{name} {anomalies[told['rootname']]:17} {told['status']:12} {told['reason']}")


def masks() -> None:
    print(
        "visit                      method   exp  pixels>50 events>100 purity  r=3: faint  bright  cores>8000"
    )
    visits = (
        ("ngc104", (0,), 1),
        ("ngc104", (0,), 2),
        ("ngc6791", (0,), 1),
        ("ngc6791", (0, 12), 1),
        ("ngc6791", (0, 12), 2),
    )
    for name, flashes, repeats in visits:
        settings = Settings(width=WIDTH, seed=SEED)
        program = spoil(
            nominal_program(TARGETS[name], (57601.3,), flashes=flashes, repeats=repeats),
            np.random.default_rng(SEED),
        )
        field = make_field(program.exposures, width=WIDTH, seed=SEED)
        counts: dict[str, np.ndarray] = {}
        with scratch() as folder:
            out = simulate_program(program, folder / "sim", settings, field=field, filetypes=("flc",))
            lake = new_lake(folder, out.master, name)
            run_align(lake, folder / "sim/data")
            report = run_crmask(lake, folder / "sim/data")
            for plan in program.exposures:
                exposure = simulate_exposure(plan, field, settings)
                mask = mask_for(lake, plan.rootname)
                assert mask is not None
                for chip in (2, 1):
                    image = read_chip(folder / f"sim/data/{plan.rootname}_flc.fits", chip)
                    bad = bad_pixel_mask(image.dq, image.err, image.data)
                    for key, value in score(
                        mask.array(chip), bad, exposure.cosmic_rays[chip], exposure.stars[chip]
                    ).items():
                        counts[key] = counts.get(key, np.zeros(2)) + value
        methods = "+".join(sorted({told["method"] for told in report.masked}))
        share = {key: hit / max(n, 1) for key, (hit, n) in counts.items()}
        print(
            f"{name:8} flash {flashes!s:8} x{repeats} {methods:8} {len(program.exposures):4} "
            f"{share['pixels']:9.1%} {share['events']:9.1%} {share['purity']:8.1%} {share['faint']:13.2%} "
            f"{share['bright']:7.2%} {share['cores']:10.2%}"
        )


def score(mask: np.ndarray, bad: np.ndarray, rays: np.ndarray, stars: object) -> dict[str, np.ndarray]:
    """Count (hits, of so many) of a mask against the truth; bad pixels do not count."""
    events, n = label(rays > 0, structure=np.ones((3, 3)))
    charge = np.bincount(events.ravel(), rays.ravel())
    hit = np.zeros(n + 1, bool)
    hit[np.unique(events[mask | bad])] = True
    strong = charge > 100
    strong[0] = False
    false = mask & ~maximum_filter(rays > 0, 3) & ~bad
    x, y = np.rint(stars.x).astype(int), np.rint(stars.y).astype(int)
    inside = (x > 3) & (x < mask.shape[1] - 4) & (y > 3) & (y < mask.shape[0] - 4)
    x, y, flux = x[inside], y[inside], stars.flux[inside]
    dy, dx = np.mgrid[-3:4, -3:4]
    near = np.hypot(dx, dy) <= 3
    stamps = false[y[:, None, None] + dy, x[:, None, None] + dx]
    aperture, core = (stamps & near).any(axis=(1, 2)), stamps[:, 2:5, 2:5].any(axis=(1, 2))
    pixels = (rays > 50) & ~bad
    pairs = {
        "pixels": (mask[pixels].sum(), pixels.sum()),
        "events": (hit[strong].sum(), strong.sum()),
        "purity": ((mask & maximum_filter(rays > 0, 3)).sum(), mask.sum()),
        "faint": (aperture[flux < 2000].sum(), (flux < 2000).sum()),
        "bright": (aperture[flux >= 2000].sum(), (flux >= 2000).sum()),
        "cores": (core[flux > 8000].sum(), (flux > 8000).sum()),
    }
    return {key: np.array(value, float) for key, value in pairs.items()}


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
            with Children() as peak:
                started = time.perf_counter()
                masked = run_crmask(lake, folder / "sim/data", count)
                seconds = time.perf_counter() - started
            assert len(masked.masked) == n, masked.as_dict()
            print(
                f"crmask  {count:7} {seconds:9.1f} {seconds / n:11.2f} {peak.cpu / n:15.2f} "
                f"{masked.drizzlepac_seconds / n:24.2f} {masked.drizzlepac_peak_mb:14.0f} "
                f"{peak.children:12.0f} {peak.largest_child:11.0f}"
            )
            started = time.perf_counter()
            again = run_align(lake, folder / "sim/data", count), run_crmask(lake, folder / "sim/data", count)
            assert all(report.up_to_date == n for report in again)
            print(f"both again, nothing to do: {time.perf_counter() - started:.2f} s")


def full() -> None:
    cost(width=4096, visits=1, repeats=2, workers=(1,))


if __name__ == "__main__":
    {"accuracy": accuracy, "masks": masks, "cost": cost, "full": full}[sys.argv[1]]()
