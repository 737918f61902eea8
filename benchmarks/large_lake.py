"""How the daily questions grow with the lake: 100, 1,000, 10,000 exposures.

    python benchmarks/large_lake.py --exposures 1000 --folder /tmp/large

Makes a lake of one-row exposure files and five-star photometry through the lake's own writer (20 ms a
file, most of it waiting for the disk) and frames that exist by name alone, then takes the time of each
question in a process of its own, as a user does. `cold` is the first question after all files are new.
"""

from __future__ import annotations

import argparse
import resource
import shutil
import subprocess
import sys
import time
from pathlib import Path

from cte_lake.config import load_settings
from cte_lake.lake.create import create_lake
from cte_lake.lake.index import CACHE
from cte_lake.simulate import fill_lake
from cte_lake.simulate.photometry import draw_stars, simulate_photometry
from cte_lake.simulate.program import TARGETS, nominal_visit
from cte_lake.stages.ingest.keys import rules_hash, settings_hash

STARS = 5
DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_OPEN = "import sys, cte_lake; lake = cte_lake.open_lake(sys.argv[1]); "
_PLAN = """
import sys
from pathlib import Path
from cte_lake.config import load_settings
from cte_lake.stages.ingest import IngestArguments, make_plan
lake = Path(sys.argv[1])
plan = make_plan(IngestArguments(lake, (str(lake.parent / "frames"),), load_settings(lake)))
counts = {action.value: n for action, n in plan.counts.items()}
assert set(counts) == {"up to date"}, counts
"""
QUESTIONS = {
    "list (exposure rows)": "import sys; from pathlib import Path;"
    " from cte_lake.lake.index import exposure_rows; exposure_rows(Path(sys.argv[1]))",
    "plan (nothing to do)": _PLAN,
    "sql start-up": _OPEN + "lake.sql('SELECT count(*) FROM exposures')",
    "status": "import sys; from cte_lake.cli.app import app; import cte_lake.cli.main;"
    " app(['status', '--lake', sys.argv[1]], standalone_mode=False)",
    "pairs": _OPEN + "lake.sql('SELECT count(*) FROM pairs')",
}


def images(count: int, lake: Path, frames: Path):
    """Yield exposures of as many visits as it takes."""
    config = load_settings(lake)
    hashes = {"settings_hash": settings_hash(config.config), "rules_hash": rules_hash(config)}
    stars = draw_stars(TARGETS["ngc104"], STARS)
    made = 0
    while made < count:
        number = made // 8
        visit = DIGITS[number // 36 % 36] + DIGITS[number % 36]
        mjd, proposal = 55200.0 + number * 4, 11924 + number // 1296
        for exposure in nominal_visit(
            TARGETS["ngc104"], mjd, visit=visit, proposal=proposal, flashes=(0, 12)
        ).exposures:
            for filetype in ("flt", "flc"):
                chip = 1 if exposure.postarg2 else 2
                image = simulate_photometry(exposure, stars, chip=chip, filetype=filetype)
                frame = frames / image.record["imagename"]
                frame.touch()
                stat = frame.stat()
                image.record.update(
                    hashes, path=str(frame), file_size=stat.st_size, file_mtime_ns=stat.st_mtime_ns,
                    alignment_hash=None, crmask_hash=None,
                )  # fmt: skip
                yield image
                made += 1


def ask(code: str, lake: Path) -> tuple[float, float]:
    """Wall and CPU seconds of a question in its own process."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run([sys.executable, "-c", code, str(lake)], check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.perf_counter() - started, cpu


def main() -> None:
    """Make the lake if it is not there, ask, print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--exposures", type=int, default=1000)
    parser.add_argument("--folder", type=Path, default=Path("/tmp/cte-large"))
    parser.add_argument("--keep", action="store_true")
    given = parser.parse_args()
    lake, frames = given.folder / "lake", given.folder / "frames"
    if not lake.exists():
        frames.mkdir(parents=True)
        create_lake(lake)
        stars = draw_stars(TARGETS["ngc104"], STARS)
        fill_lake(lake, images(given.exposures, lake, frames), stars)
    shutil.rmtree(lake / CACHE.parent, ignore_errors=True)
    wall, cpu = ask(QUESTIONS["list (exposure rows)"], lake)
    print(f"| {given.exposures} exposures | wall s | CPU s |\n|---|---|---|")
    print(f"| list, cold | {wall:.1f} | {cpu:.1f} |")
    for name, code in QUESTIONS.items():
        wall, cpu = ask(code, lake)
        print(f"| {name} | {wall:.1f} | {cpu:.1f} |")
    if not given.keep:
        shutil.rmtree(given.folder)


if __name__ == "__main__":
    main()
