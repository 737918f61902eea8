"""Losses by a catalog of `master build` beside those by the true one, on the same frames.

    python benchmarks/master_losses.py [--seeds N] [--targets ngc104 ngc6791] [--width COLUMNS]

A visit of two pairs, headers off by 0.2 to 3 px and up to 0.05 degrees, cosmic rays and hot pixels in the
frames and no masks. Its catalog is built without another one, the exposures are aligned to it and the FLTs
measured; the same is done with the simulator's catalog. All losses are log ratios against rows, clipped at
4 sigma, bins on the mean flux. `built` and `true` are losses in percent, `stars` how many the built catalog
has of the true one's. `built - true` is what a user gets by building, `same stars` the difference over the
stars that both catalogs have: what the positions do. Both in percent of the loss that was put in (`truth`),
with the error of the mean over pairs.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy.stats import linregress, sigmaclip
from visits import WIDTH, new_lake, run_align, scratch, spoil

import cte_lake
from cte_lake.config import load_settings
from cte_lake.lake.create import create_lake
from cte_lake.lake.read import current_master
from cte_lake.lake.selection import Selection
from cte_lake.lake.stored import stored
from cte_lake.masters.read import read_master
from cte_lake.masters.table import MasterTable
from cte_lake.pipeline.align.match import match_nearest, refine, search_offset
from cte_lake.pipeline.dask import WorkerSettings
from cte_lake.pipeline.ingest import IngestArguments, ingest
from cte_lake.pipeline.master_build.build_catalog import BuildArguments, build_master
from cte_lake.pipeline.master_import import lake_catalog
from cte_lake.simulate import TARGETS, Settings, nominal_program, simulate_program

FloatArray = NDArray[np.float64]
BINS = ((250, 500), (500, 1000), (1000, 2000), (2000, 4000), (4000, 8000), (8000, 32000))
SEED = 40
#: Pixel of the drizzled image, arcsec.
PIXEL = 0.04
_COLUMNS = "pair_id, master_id, ratio, y, mean_flux"


def ratios(lake: Path, data: Path) -> pa.Table:
    """Align and measure frames with the catalog of a lake; return the stars of its pairs of FLTs."""
    run_align(lake, data)
    settings = load_settings(lake, environment={})
    ingest(
        IngestArguments(stored(lake), (str(data),), settings, Selection(filetype=("flt",)), WorkerSettings(0))
    )
    with cte_lake.open_lake(lake) as opened:
        return opened.sql(f"SELECT {_COLUMNS} FROM ratios").arrow()


def loss(ratio: FloatArray, y: FloatArray) -> float:
    """Return the loss per 2048 rows, percent."""
    logs = np.log(ratio)
    _, low, high = sigmaclip(logs, 4, 4)
    kept = (logs >= low) & (logs <= high)
    return float(100 * linregress(y[kept], logs[kept]).slope * 1024) if kept.sum() > 2 else np.nan


def losses(stars: pa.Table, only: NDArray[np.int64] | None = None) -> FloatArray:
    """Return the losses of every pair (rows) and bin (columns), perhaps of some stars only."""
    pair, star, ratio, y, flux = (stars[name].to_numpy() for name in _COLUMNS.split(", "))
    wanted = np.ones(star.size, bool) if only is None else np.isin(star, only)
    found = []
    for one in np.unique(pair):
        of = wanted & (pair == one)
        bins = [of & (flux > low) & (flux < high) for low, high in BINS]
        found.append([loss(ratio[inside], y[inside]) for inside in bins])
    return np.array(found)


def numbers_of_both(built: MasterTable, true: MasterTable) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the numbers that a star has in the built and in the true catalog, for all that are in both."""
    scale = np.array([np.cos(np.radians(true.dec.mean())), 1.0]) * 3600 / PIXEL
    middle = np.array([true.ra.mean(), true.dec.mean()])
    found, stars = ((np.column_stack([one.ra, one.dec]) - middle) * scale for one in (built, true))
    offset = refine(found, stars, search_offset(found[:1500], stars, 12.0, 0.1)[0], 0.7)
    i, j = match_nearest(offset(found), stars, 1.0)
    return np.asarray(built.id)[i], np.asarray(true.id)[j]


def one_visit(target: str, seed: int, width: int) -> dict[str, FloatArray]:
    """Simulate a visit, measure it with both catalogs, and compare."""
    program = nominal_program(TARGETS[target], (57601.3,), repeats=2)
    program = spoil(program, np.random.default_rng(seed))
    with scratch() as folder:
        done = simulate_program(program, folder / "sim", Settings(width=width, seed=seed))
        data = done.frames[0].parent
        by_true = ratios(new_lake(folder, done.master, target), data)
        lake = folder / "built"
        create_lake(stored(lake))
        build_master(BuildArguments(stored(lake), (str(data),), target, load_settings(lake, environment={})))
        by_built = ratios(lake, data)
        master = current_master(stored(lake), target)
        assert master is not None
        ours, theirs = numbers_of_both(lake_catalog(master)[0], read_master(done.master))
    stated = [{(e["lo"], e["hi"]): e["loss"] for e in pair["cte_per_2048"]} for pair in done.pairs]
    n = np.array([[np.isin(by_true["master_id"].to_numpy(), theirs).mean()]])
    return {
        "built": losses(by_built),
        "true": losses(by_true),
        "truth": 100 * np.array([[pair[bin_] for bin_ in BINS] for pair in stated], float),
        "same, built": losses(by_built, ours),
        "same, true": losses(by_true, theirs),
        "share": 100 * n,
    }


def told(values: FloatArray) -> str:
    """Write the mean of each column and its error."""
    mean, error = np.nanmean(values, axis=0), np.nanstd(values, axis=0, ddof=1) / np.sqrt(len(values))
    return "".join(f"{f'{m:+.2f} +- {e:.2f}':>18}" for m, e in zip(mean, error, strict=True))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--targets", nargs="+", choices=sorted(TARGETS), default=["ngc104", "ngc6791"])
    parser.add_argument("--width", type=int, default=WIDTH)
    given = parser.parse_args()
    for target in given.targets:
        visits = [one_visit(target, SEED + number, given.width) for number in range(given.seeds)]
        of = {name: np.vstack([visit[name] for visit in visits]) for name in visits[0]}
        pairs, share = len(of["true"]), float(of["share"].mean())
        print(f"{target}: {pairs} pairs; the built catalog has {share:.1f}% of the stars measured")
        print(f"{'':14}" + "".join(f"{f'{low}-{high}':>18}" for low, high in BINS))
        mean = np.nanmean(of["truth"], axis=0)
        for name in ("built", "true", "truth"):
            print(f"{name:14}{told(of[name])}")
        print(f"{'built - true':14}{told(100 * (of['built'] - of['true']) / mean)}")
        print(f"{'same stars':14}{told(100 * (of['same, built'] - of['same, true']) / mean)}", flush=True)


if __name__ == "__main__":
    main()
