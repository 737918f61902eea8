"""Times `slopes` over a synthetic lake against a plain pyarrow + numpy + scipy loop, both in this run.

    python benchmarks/measure_sql.py [--pairs 200] [--stars 20000] [--threads 1 2]

The lake lies in a temporary folder (about 0.4 GB) and is deleted at the end. Both sides read the same columns
of the same files, select the same stars, bin them by both estimators, clip, fit, and take the means of flux
and sky; their slopes are compared before a time is printed. Peak memory is that of a process of its own.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.children import peak_megabytes
from cte_lake.lake.paths import Partition
from cte_lake.lake.stored import stored

RADII = (2, 3, 5, 7, 10, 12, 15, 18, 20, 24, 28, 32, 36, 40)
PROPOSALS = (13083, 13566, 14012, 14378, 14541)
TARGETS = ("ngc104", "ngc6791")
FLASHES = (0, 12)


def write_lake(root: Path, pairs: int, stars: int) -> None:
    """Pairs over two targets, five proposals and two flash levels; 3% of the ratios are outliers."""
    from cte_lake.lake.commit import write_exposure
    from cte_lake.lake.create import create_lake
    from cte_lake.lake.paths import phot_file
    from cte_lake.lake.write import conform, write_table

    create_lake(stored(root))
    rng = np.random.default_rng(20)
    for number in range(pairs):
        partition = Partition(
            TARGETS[number % 2], PROPOSALS[number // 2 % 5], FLASHES[number // 10 % 2], "flt"
        )
        visit = f"{number // 20:02d}"
        catalog = np.arange(1, 2 * stars + 1)
        y = rng.uniform(0, 2050, catalog.size)
        flux = 10 ** rng.uniform(2.2, 4.7, catalog.size)
        loss = 0.2 * (flux / 500) ** -0.3
        first = np.sort(rng.choice(catalog, stars, replace=False))
        for chip, letter, ids in ((1, "b", first), (2, "a", ids_near(rng, first, catalog))):
            rootname = f"i{number:03d}{visit}a{letter}q"
            index = ids - 1
            sign = 1 if chip == 1 else -1
            measured = flux[index] * (1 + sign * loss[index] * (y[index] - 1025) / 2048 / 2)
            measured = measured + rng.normal(0, 1, ids.size) * np.sqrt(measured + 100)
            outlier = rng.random(ids.size) < 0.03
            measured[outlier] *= 10 ** rng.uniform(-0.5, 0.5, outlier.sum())
            # Zeros at its beginning would mark rows of a compacted file (`named_files.COMPACTED_KEY`).
            key = f"{number + 1:08x}{chip:08x}"
            write_table(
                root / phot_file(partition, rootname, key),
                conform(phot_rows(rng, rootname, key, ids, y[index], measured), "phot"),
            )
            write_exposure(
                stored(root),
                partition,
                exposure_row(rootname, partition, chip, 55000 + 10 * number, ids.size, key),
            )


def ids_near(rng: np.random.Generator, ids: np.ndarray, catalog: np.ndarray) -> np.ndarray:
    """Nine tenths of the partner's stars, and others."""
    common = rng.choice(ids, int(0.9 * ids.size), replace=False)
    others = rng.choice(np.setdiff1d(catalog, ids), ids.size - common.size, replace=False)
    return np.sort(np.concatenate([common, others]))


def phot_rows(
    rng: np.random.Generator, rootname: str, key: str, ids: np.ndarray, y: np.ndarray, flux: np.ndarray
) -> pa.Table:
    n = ids.size
    columns = {
        "imagename": [f"{rootname}_flt.fits"] * n, "phot_key": [key] * n, "master_id": ids,
        "x": rng.uniform(0, 4096, n), "y": y, "ra": rng.uniform(5, 6, n), "dec": rng.uniform(-73, -72, n),
        "sky": rng.normal(10, 0.1, n), "masked_light": np.where(rng.random(n) < 0.1, 0.01, 0.0),
        "flags": np.where(rng.random(n) < 0.05, 4, 0).astype("i4"),
    }  # fmt: skip
    for radius in RADII:
        # What is not read need not be drawn; of the radii but 3 the numbers are constant.
        own = radius == 3
        area = np.pi * radius**2
        columns[f"flux_r{radius:02d}"] = flux if own else np.ones(n)
        columns[f"flux_err_r{radius:02d}"] = np.sqrt(np.abs(flux)) if own else np.ones(n)
        columns[f"bkg_r{radius:02d}"] = rng.normal(10 * area, 3, n) if own else np.full(n, 10 * area)
        columns[f"area_r{radius:02d}"] = (
            np.where(rng.random(n) < 0.03, 0.5, 1.0) * area if own else np.full(n, area)
        )
    return pa.table(columns)


def exposure_row(
    rootname: str, partition: Partition, chip: int, mjd: float, n_stars: int, key: str
) -> dict[str, Any]:
    imagename = f"{rootname}_flt.fits"
    return {
        "imagename": imagename, "rootname": rootname, "filetype": "flt", "target": partition.target,
        "targname": partition.target, "proposal": partition.proposal, "visit": rootname[4:6],
        "filter": "F502N", "exptime": 348.0, "length": "l", "mjd": mjd + 0.01 * chip, "chinject": "NONE",
        "flash": partition.flash, "chip": chip, "postarg1": 0.0, "postarg2": 82.0 if chip == 1 else 0.0,
        "sky": 10.0, "n_stars": n_stars, "n_measured": n_stars, "mode": "standard", "engine": "kernel",
        "settings": "{}", "settings_hash": "0" * 16, "rules_hash": "0" * 16, "cal_ver": "3.6",
        "pam": "distortion", "master_hash": "0" * 16, "path": f"/data/{imagename}", "checksum": "0" * 16,
        "file_size": 1, "file_mtime_ns": 1, "phot_key": key, "revision": 1, "withdrawn": False,
        "software": "benchmark",
    }  # fmt: skip


def with_sql(root: Path, threads: int) -> list[Any]:
    from cte_lake import open_lake

    with open_lake(root, threads=threads, memory_limit="2GB") as lake:
        start, cpu = time.perf_counter(), time.process_time()
        table = lake.sql(
            "SELECT image_1, bin_lo, bin_hi, estimator, n, slope, slope_err, mean_flux FROM slopes"
        ).arrow()
        spent = time.perf_counter() - start, time.process_time() - cpu
    return [spent, {tuple(row[:4]): tuple(row[4:]) for row in zip(*table.to_pydict().values(), strict=True)}]


def with_loop(root: Path, threads: int) -> list[Any]:
    from cte_lake.config import load_settings

    measure = load_settings(root, environment={}).config.measure
    pa.set_cpu_count(threads)
    pa.set_io_thread_count(threads)
    start, cpu = time.perf_counter(), time.process_time()
    found = {}
    for path in sorted((root / "phot").rglob("*abq_flt.*.parquet")):
        (other,) = path.parent.glob(path.name.split(".")[0].replace("ab", "aa") + ".*.parquet")
        image = path.name.split(".")[0] + ".fits"
        for key, values in measured_pair(path, other, measure, threads > 1):
            found[image, *key] = values
    return [(time.perf_counter() - start, time.process_time() - cpu), found]


def measured_pair(path: Path, other: Path, measure: Any, use_threads: bool) -> Iterator[tuple[Any, ...]]:
    """Yield (bin, estimator) with n, slope, error, mean flux and sky of one pair."""
    from scipy.stats import linregress, sigmaclip

    from cte_lake.starflags import mask_of

    one, two = (read_side(each, use_threads) for each in (path, other))
    _, i, j = np.intersect1d(one["master_id"], two["master_id"], assume_unique=True, return_indices=True)
    least = measure.min_area * np.pi * 9
    good = ((one["flags"][i] | two["flags"][j]) & mask_of(measure.drop_flags)) == 0
    good &= (one["area_r03"][i] >= least) & (two["area_r03"][j] >= least)
    good &= (one["flux_r03"][i] > 0) & (two["flux_r03"][j] > 0)
    i, j = i[good], j[good]
    f1, f2 = (side["flux_r03"][k] / (1 - side["masked_light"][k]) for side, k in ((one, i), (two, j)))
    y, ratio, mean, sky = two["y"][j], f1 / f2, (f1 + f2) / 2, (one["sky"][i] + two["sky"][j]) / 2
    for low, high in measure.flux_bins:
        both = (f1 > low) & (f1 < high) & (f2 > low) & (f2 < high)
        for estimator, inside in (("both_in_bin", both), ("mean_flux", (mean > low) & (mean < high))):
            _, lower, upper = sigmaclip(ratio[inside], measure.clip_sigma, measure.clip_sigma)
            kept = inside & (ratio >= lower) & (ratio <= upper)
            fit = linregress(y[kept], ratio[kept])
            values = (int(kept.sum()), fit.slope, fit.stderr, mean[kept].mean(), sky[kept].mean())
            yield (low, high, estimator), values


def read_side(path: Path, use_threads: bool) -> dict[str, np.ndarray]:
    import pyarrow.parquet as pq

    names = ["master_id", "y", "flux_r03", "area_r03", "masked_light", "sky", "flags"]
    table = pq.ParquetFile(path).read(names, use_threads=use_threads)
    return {name: table.column(name).to_numpy() for name in names}


def one_pair(root: Path) -> dict[str, Any]:
    """Files and time that one pair takes, out of all."""
    from cte_lake import open_lake

    with open_lake(root, threads=1) as lake:
        pair = lake.pairs(target="ngc104", proposal=14378, flash=12).rows()[0]
        found = {}
        for name, where in {
            "by pair_id": f"pair_id = {pair['pair_id']}",
            "by partition": "target = 'ngc104' AND proposal = 14378 AND flash = 12",
        }.items():
            query = f"SELECT * FROM slopes WHERE {where}"
            start = time.perf_counter()
            rows = len(lake.sql(query))
            seconds = time.perf_counter() - start
            plan = lake.sql(f"EXPLAIN ANALYZE {query}").rows()[0]["explain_value"]
            found[name] = {"rows": rows, "seconds": seconds, "files": phot_files(plan)}
    return found


def phot_files(plan: str) -> list[int]:
    """Photometry files that the two sides of the star match read, from an analysed plan."""
    return [int(number) for number in re.findall(r"Total Files Read:\s*(\d+)", plan)]


JOBS = {"sql": with_sql, "loop": with_loop}


def run(job: str, root: Path, threads: int) -> dict[str, Any]:
    """Run one side in a process of its own; returns its times, peak memory and losses."""
    code = (
        "import json, sys; from pathlib import Path; import benchmarks.measure_sql as b;"
        f"print(json.dumps(b.report({job!r}, Path({str(root)!r}), {threads})))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[1],
        timeout=7200,
    )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def report(job: str, root: Path, threads: int) -> dict[str, Any]:
    spent, found = JOBS[job](root, threads)
    return {
        "wall": spent[0],
        "cpu": spent[1],
        "peak": peak_megabytes(),
        "rows": [[list(k), list(v)] for k, v in found.items()],
    }


def check(sql: dict[str, Any], loop: dict[str, Any]) -> None:
    """Stop unless both sides found the same."""
    ours, theirs = ({tuple(k): v for k, v in side["rows"]} for side in (sql, loop))
    assert ours.keys() == theirs.keys(), "the two sides measured different pairs or bins"
    for key, values in theirs.items():
        assert ours[key][0] == values[0], f"{key}: {ours[key][0]} stars against {values[0]}"
        np.testing.assert_allclose(ours[key][1:4], values[1:4], rtol=1e-9, err_msg=str(key))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pairs", type=int, default=200)
    parser.add_argument("--stars", type=int, default=20_000)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument(
        "--keep", type=Path, help="make the lake here, or use the one that is here, and keep it"
    )
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="cte-lake-benchmark-") as folder:
        root = arguments.keep or Path(folder) / "lake"
        if not root.is_dir():
            write_lake(root, arguments.pairs, arguments.stars)
        print(f"{2 * arguments.pairs} images, {2 * arguments.pairs * arguments.stars / 1e6:g} million rows\n")
        print("| measurement of all pairs | threads | wall s | CPU s | peak MB |\n|---|---|---|---|---|")
        for threads in arguments.threads:
            loop, sql = run("loop", root, threads), run("sql", root, threads)
            check(sql, loop)
            for name, side in (("pyarrow + numpy + scipy", loop), ("view slopes", sql)):
                print(f"| {name} | {threads} | {side['wall']:.1f} | {side['cpu']:.1f} | {side['peak']:.0f} |")
        print("\n| out of all pairs | seconds | rows | files read per scan |\n|---|---|---|---|")
        for name, found in one_pair(root).items():
            print(f"| {name} | {found['seconds']:.2f} | {found['rows']} | {found['files']} |")


if __name__ == "__main__":
    main()
