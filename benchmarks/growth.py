"""What growth costs: a lake of 100, 1,000, 10,000 exposures, and what the daily questions take of it.

    python benchmarks/growth.py [--sizes 100 1000 10000] [--stars 2000] [--folder /tmp/growth]

One lake grows from size to size (10,000 images of 2,000 stars: 20 million rows, some 8 GB). At each size
every command runs in a process of its own, as a user or cron starts it; CPU seconds are those of the process
and all that it started. `cold` is the first question after all files are new to the lake's index.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.children import Children
from benchmarks.growth_lake import grow, one_pair
from benchmarks.old_database import write_old_database
from cte_lake.lake.index import CACHE
from cte_lake.lake.stored import stored
from cte_lake.views.kept_sql import KINDS

_ROWS = (
    "import sys; from cte_lake.lake.stored import stored;"
    " [stored(sys.argv[1]).dataset(name).rows() for name in ('exposures', 'alignment', 'crmasks')]"
)
#: Dates of the visits that are added, one a size.
_NEW_VISITS = (60300.3, 60340.3, 60380.3, 60420.3, 60460.3)


@dataclass(frozen=True)
class Cost:
    """What a process took: wall and CPU seconds, largest memory in MB."""

    wall: float
    cpu: float
    peak: float


def ask(*arguments: str) -> Cost:
    """Run Python with arguments in a process of its own; stop if it does not end well."""
    started = time.perf_counter()
    with Children() as used:
        done = subprocess.run(
            [sys.executable, *arguments], capture_output=True, text=True, check=False, timeout=7200
        )
    wall = time.perf_counter() - started
    if done.returncode:
        sys.exit(f"{' '.join(arguments)} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}")
    return Cost(wall, used.cpu, used.largest_child)


def command(lake: Path, *words: str) -> Cost:
    """Run a command of cte-lake on a lake."""
    return ask("-m", "cte_lake", *words, "--lake", str(lake))


def simulate_visits(folder: Path) -> Path:
    """Make the frames that are to arrive, FLT and FLC of a pair a visit, 512 columns; return the catalog."""
    out = folder / "arriving"
    if not out.exists():
        dates = [word for mjd in _NEW_VISITS for word in ("--mjd", str(mjd))]
        ask("-m", "cte_lake.cli.main", "simulate", str(out), "--target", "ngc104", *dates, "--no-progress")
    return next(out.rglob("ngc104_master.*"))


def frames_by_visit(folder: Path) -> list[list[str]]:
    """Paths of the arriving frames, a list a visit."""
    visits: dict[str, list[str]] = {}
    for path in sorted((folder / "arriving").rglob("*_fl[tc].fits")):
        visits.setdefault(path.name[:6], []).append(str(path))
    return list(visits.values())


def questions(lake: Path, frames: Path, arriving: list[str], folder: Path) -> dict[str, Cost]:
    """Ask all of one size."""
    shutil.rmtree(lake / CACHE, ignore_errors=True)
    night = ("-m", "cte_lake", "refresh", "--frames", str(frames), "--no-fetch", "--lake", str(lake))
    found = {
        "rows of exposures, WCS, masks, cold": ask("-c", _ROWS, str(lake)),
        "the same again": ask("-c", _ROWS, str(lake)),
        "plan of an ingest, nothing new": command(lake, "ingest", str(frames), "--dry-run"),
        "`sql`, a first query": command(lake, "sql", "SELECT count(*) FROM exposures"),
        "`status`": command(lake, "status"),
        "`run`: align, crmask, ingest, nothing new": command(
            lake, "run", str(frames), "--steps", "align,crmask,ingest"
        ),
        "`audit`, the first": command(lake, "audit"),
        "`audit`, nothing new": command(lake, "audit"),
        "`audit --full`": command(lake, "audit", "--full"),
        "`verify --quick`": command(lake, "verify", "--quick"),
        "`refresh`, the first night": ask(*night),
        "`refresh`, a night in which steps find nothing to do": ask(*night),
        "`refresh`, each night after it": ask(*night),
    }
    forget_slopes(lake)
    losses = ("-o", str(folder / "losses.parquet"), "--overwrite")
    found |= {
        "`measure`, one pair, no slopes kept": command(lake, "measure", *one_pair()),
        "`measure`, all pairs, no slopes kept": command(lake, "measure", *losses),
        "`measure`, one pair": command(lake, "measure", *one_pair()),
        "`measure`, all pairs": command(lake, "measure", *losses),
        "`sql`, all losses": command(lake, "sql", "SELECT count(*) FROM losses"),
    }
    # Last: what it adds is no longer a lake with nothing new.
    found["`ingest` of one more visit (4 frames)"] = command(
        lake, "ingest", *arriving, str(frames), "--no-progress"
    )
    found |= {
        "`audit` after it": command(lake, "audit"),
        "`measure`, all pairs, after it": command(lake, "measure", *losses),
    }
    return found


def forget_slopes(lake: Path) -> None:
    """Delete the slopes that a lake keeps."""
    for view in KINDS:
        shutil.rmtree(lake / CACHE / view, ignore_errors=True)


def print_costs(costs: dict[int, dict[str, Cost]]) -> None:
    """Print wall and CPU seconds and memory by size."""
    print("| exposures | " + " | ".join(f"{size:,}: wall s | CPU s | MB" for size in costs) + " |")
    print("|---|" + "---|---|---|" * len(costs))
    for name in next(iter(costs.values())):
        cells = [
            f"{c.wall:.1f} | {c.cpu:.1f} | {c.peak:.0f}" for c in (found[name] for found in costs.values())
        ]
        print(f"| {name} | {' | '.join(cells)} |")


def print_sizes(folder: Path, lake: Path, stars: int) -> None:
    """Print bytes a star: of the whole lake, and of some of its images beside the 2017 SQLite file."""
    print("\n| photometry | images | stars an image | lake, bytes a star | SQLite of 2017 | ratio |")
    print("|---|---|---|---|---|---|")
    dense, many = folder / "dense", 20_000
    grow(dense / "lake", dense / "frames", 16, many)
    for root, count, each in ((lake, 40, stars), (dense / "lake", 16, many)):
        files = [found for found in stored(root).listing("phot") if "~seed" not in found.path][:count]
        old = folder / "old.db"
        old.unlink(missing_ok=True)
        rows = write_old_database(old, (root / found.path for found in files))
        ours, theirs = sum(found.size for found in files) / rows, old.stat().st_size / rows
        print(f"| the same rows | {count} | {each:,} | {ours:.0f} | {theirs:.0f} | {ours / theirs:.2f} |")
    everything = [
        found
        for name in ("phot", "exposures", "alignment", "crmasks")
        for found in stored(lake).listing(name)
    ]
    images = sum(found.path.startswith("phot/") for found in everything)
    mean = sum(found.size for found in everything) / (images * stars)
    print(f"| with rows of exposures, WCS and masks | {images:,} | {stars:,} | {mean:.0f} | | |")


def main() -> None:
    """Let the lake grow, ask, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", type=int, nargs="+", default=[100, 1_000, 10_000])
    parser.add_argument("--stars", type=int, default=2_000)
    parser.add_argument("--folder", type=Path, default=Path("/tmp/cte-growth"))
    parser.add_argument("--keep", action="store_true", help="leave the lake in the folder")
    given = parser.parse_args()
    lake, frames = given.folder / "lake", given.folder / "frames"
    catalog = simulate_visits(given.folder)
    costs = {}
    for size, arriving in zip(given.sizes, frames_by_visit(given.folder), strict=False):
        started = time.perf_counter()
        grow(lake, frames, size, given.stars)
        print(f"{size:,} exposures after {time.perf_counter() - started:.0f} s", file=sys.stderr)
        command(lake, "master", "import", str(catalog), "--target", "ngc104")
        costs[size] = questions(lake, frames, arriving, given.folder)
    print_costs(costs)
    print_sizes(given.folder, lake, given.stars)
    if not given.keep:
        shutil.rmtree(given.folder)


if __name__ == "__main__":
    main()
