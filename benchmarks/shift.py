"""The shift of stars by trails: displacement against the truth, its errors, and what align does to it.

    python benchmarks/shift.py trails [--seeds N]    pulls at several decay lengths and without trails;
                                                     --first SEED, --length PX: of others, of one (0: none)
    python benchmarks/shift.py full                  a full frame: displacement, truth and error of each bin
    python benchmarks/shift.py align                 pointings that are off, before and after align

One pair a seed, FLT and FLC, 640 columns (or the full frame) of NGC 104, flash 0, MJD 57601.3, without
cosmic rays and hot pixels. The truth is the same measurement on the same stars' shifts without noise: what
the trail, an exponential of the given length, does to the windowed centroid of a star on an empty sky.
px per 2048 rows.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from cte_lake import Lake, open_lake
from cte_lake.config import load_settings
from cte_lake.lake.create import create_lake
from cte_lake.lake.stored import stored
from cte_lake.pipeline.dask import WorkerSettings
from cte_lake.pipeline.ingest import IngestArguments, ingest
from cte_lake.pipeline.master_import import import_master
from cte_lake.simulate import (
    TARGETS,
    Detector,
    Program,
    Settings,
    WCSError,
    nominal_program,
    simulate_program,
    with_wcs_errors,
)

#: Without what only takes stars away.
CLEAN: dict[str, Any] = {"cosmic_ray_rate": 0.0, "hot_fraction": 0.0, "bad_columns": False}
HERE = WorkerSettings(0, None, "4GB", 0)
DATE, BRIGHT = 57601.3, (8000.0, 32000.0)


def make_lake(
    folder: Path, settings: Settings, program: Program | None = None, stars: int | None = None
) -> Path:
    """Simulate a pair below `folder`, with the truth of its stars; give a lake that has its catalog."""
    program = program or nominal_program(TARGETS["ngc104"], (DATE,))
    done = simulate_program(
        program, folder / "frames", settings, stars=stars, structure="plain", star_truth=True
    )
    create_lake(stored(folder / "lake"))
    import_master(
        stored(folder / "lake"), done.master, "ngc104", load_settings(folder / "lake", environment={}).config
    )
    return folder / "lake"


def measure(root: Path, **overrides: Any) -> Path:
    """Ingest the frames beside a lake."""
    settings = load_settings(root, overrides, environment={})
    source = (str(root.parent / "frames" / "data"),)
    rejected = ingest(IngestArguments(stored(root), source, settings=settings, workers=HERE)).rejected
    if rejected:
        raise SystemExit(f"not measured: {rejected}")
    return root


def _moved(frames: Path, image: str, stars: np.ndarray, chip: int) -> tuple[np.ndarray, np.ndarray]:
    """What its trail did to each star of an image, px away from the amplifiers, and its readout distance."""
    table = pq.read_table(frames / "stars" / f"{image[:9]}.parquet").to_pandas()
    here = table[table["chip"] == chip].set_index("master_id").loc[stars]
    distance = 2050 - here["y"] if chip == 1 else here["y"]
    return here["shift_flc" if "_flc" in image else "shift"].to_numpy(), distance.to_numpy()


def truth(lake: Lake, frames: Path, row: dict[str, Any]) -> float:
    """Make the measurement of a row of `displacement` on the same stars' true shifts."""
    stars = lake.shifts(pair_id=row["pair_id"]).pandas()
    chips = (row["chip"],) * 2 if row["chip"] else (1, 2)
    sides = zip((row["image_1"], row["image_2"]), chips, strict=True)
    (one, at), (two, other) = (_moved(frames, image, stars["master_id"], chip) for image, chip in sides)

    def inside(low: float, high: float) -> np.ndarray:
        return np.asarray((stars["mean_flux"] > low) & (stars["mean_flux"] < high))

    chosen = inside(row["bin_lo"], row["bin_hi"])
    if row["against"] == "flc":
        return float(((one - two) / at)[chosen].mean() * 2048)
    both = (one + two) / (at + other) * 2048
    return float(both[chosen].mean() - both[inside(*BRIGHT)].mean())


def _rows(root: Path) -> list[dict[str, Any]]:
    with open_lake(root) as lake:
        rows = lake.sql("FROM displacement ORDER BY against, filetype, chip, bin_lo").rows()
        return [row | {"truth": truth(lake, root.parent / "frames", row)} for row in rows]


def _table(rows: list[dict[str, Any]]) -> None:
    print("\n| against | file | chip | bin, e- | stars | measured | truth |\n|---|---|---|---|---|---|---|")
    for row in rows:
        print(
            f"| {row['against']} | {row['filetype']} | {row['chip'] or ''} "
            f"| {row['bin_lo']:g}-{row['bin_hi']:g} | {row['n']} "
            f"| {row['displacement']:+.4f} +- {row['displacement_err']:.4f} | {row['truth']:+.4f} |"
        )


def trails(seeds: int, first: int, lengths: list[float]) -> None:
    """Print the pulls over seeds, each a pair, and the faintest bin of the FLT, for each trail."""
    print("\n| trail, px | against | values | mean pull | rms pull | 250-500 e-, FLT | truth |")
    print("|---|---|---|---|---|---|---|")
    for length in lengths:
        found: list[list[dict[str, Any]]] = []
        for seed in range(first, first + seeds):
            detector = Detector(**CLEAN, trails=length > 0, trail_length=length or 6.0)
            with tempfile.TemporaryDirectory() as folder:
                settings = Settings(detector=detector, width=640, seed=seed)
                found.append(_rows(measure(make_lake(Path(folder), settings, stars=1500))))
        for against in ("bright", "flc"):
            lakes = [[row for row in rows if row["against"] == against] for rows in found]
            pulls = [
                [(row["displacement"] - row["truth"]) / row["displacement_err"] for row in rows]
                for rows in lakes
            ]
            # Values of a pair share its bright stars, FLT and FLC their noise: only pairs are independent.
            mean = [np.mean(values) for values in pulls]
            own = np.std(mean, ddof=1) / np.sqrt(seeds)
            faint = [
                row for rows in lakes for row in rows if row["bin_lo"] == 250 and row["filetype"] == "flt"
            ]
            value, true = (np.mean([row[name] for row in faint]) for name in ("displacement", "truth"))
            error = np.sqrt(np.sum([row["displacement_err"] ** 2 for row in faint])) / len(faint)
            print(
                f"| {length:g} | {against} | {sum(map(len, pulls))} | {np.mean(mean):+.2f} +- {own:.2f} "
                f"| {np.sqrt(np.mean(np.square(np.concatenate(pulls)))):.2f} "
                f"| {value:+.4f} +- {error:.4f} | {true:+.4f} |",
                flush=True,
            )


def full() -> None:
    """Print all bins of one full frame with trails of 1.5 px."""
    with tempfile.TemporaryDirectory() as folder:
        detector = Detector(**CLEAN, trails=True, trail_length=1.5)
        _table(_rows(measure(make_lake(Path(folder), Settings(detector=detector, seed=7), stars=9000))))


def with_align() -> None:
    """Print what `align` does to dy and to the displacement, where pointings are off by up to 2.5 px."""
    from cte_lake.pipeline.align.align_exposures import align
    from cte_lake.pipeline.carry_out import StageArguments

    wrong = {"ic7801aaq": WCSError(1.8, -1.7, 0.01), "ic7801abq": WCSError(-0.2, 0.15, -0.01)}
    base = nominal_program(TARGETS["ngc104"], (DATE,))
    detector = Detector(**CLEAN, trails=True, trail_length=1.5)
    print("\n| pointing | median dy, px | 250-500 | 500-1000 | 1000-2000 | 2000-4000 | 4000-8000 |")
    print("|---|---|---|---|---|---|---|")
    for name, program, aligned in (
        ("exact", base, False),
        ("exact, aligned", base, True),
        ("off, aligned", with_wcs_errors(base, wrong), True),
    ):  # fmt: skip
        with tempfile.TemporaryDirectory() as folder:
            settings = Settings(detector=detector, width=640, seed=7)
            root = make_lake(Path(folder), settings, program, stars=1500)
            if aligned:
                configured, source = (
                    load_settings(root, environment={}),
                    (str(root.parent / "frames" / "data"),),
                )
                align(StageArguments(stored(root), source, configured, workers=HERE))
            measure(root)
            with open_lake(root) as lake:
                median = lake.sql(
                    "SELECT median(readout_sign(e.chip) * p.dy) AS away "
                    "FROM phot AS p INNER JOIN exposures AS e ON e.imagename = p.imagename "
                    "WHERE e.filetype = 'flt' AND p.flux_r03 > 250"
                ).rows()[0]["away"]
                rows = lake.sql(
                    "FROM displacement WHERE against = 'bright' AND filetype = 'flt' ORDER BY bin_lo"
                ).rows()
        bins = " | ".join(f"{row['displacement']:+.4f} +- {row['displacement_err']:.4f}" for row in rows)
        print(f"| {name} | {median:+.4f} | {bins} |", flush=True)


def main() -> None:
    """Run a part."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("part", choices=["trails", "full", "align"])
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--first", type=int, default=100, help="first seed of trails")
    parser.add_argument(
        "--length", type=float, action="append", help="decay length of trails, px; repeatable"
    )
    asked = parser.parse_args()
    lengths = asked.length or [0.0, 1.5, 6.0, 15.0]
    parts = {"trails": lambda: trails(asked.seeds, asked.first, lengths), "full": full, "align": with_align}
    parts[asked.part]()


if __name__ == "__main__":
    main()
