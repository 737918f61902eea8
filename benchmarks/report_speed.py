"""Time and size of the report and the status of a lake of 400 images.

Run: python benchmarks/report_speed.py [--images 400] [--stars 20000] [--keep FOLDER]
Targets: report under 60 s and 20 MB, status under 2 s.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
import types
from pathlib import Path

# Some packages install a folder called tests beside themselves; ours must be the one that is found.
sys.modules["tests"] = types.ModuleType("tests")
sys.modules["tests"].__path__ = [str(Path(__file__).resolve().parents[1] / "tests")]
from tests.report.big_lake import make_lake  # noqa: E402


def _timed(*arguments: str) -> float:
    start = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "cte_lake.cli.main", *arguments], check=True, stdout=subprocess.DEVNULL
    )
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=400)
    parser.add_argument("--stars", type=int, default=20000)
    parser.add_argument("--keep", type=Path, help="make the lake here and leave it")
    options = parser.parse_args()
    folder = options.keep or Path(tempfile.mkdtemp(prefix="report-speed-"))
    try:
        root = make_lake(folder / "lake", options.images, options.stars)
        report = _timed("report", "--lake", str(root))
        status = _timed("status", "--lake", str(root))
        size = sum(path.stat().st_size for path in (root / "reports" / "latest").rglob("*") if path.is_file())
        print(f"{options.images} images of {options.stars} stars: report {report:.1f} s, {size / 1e6:.1f} MB")
        print(f"status {status:.2f} s")
    finally:
        if options.keep is None:
            shutil.rmtree(folder)


if __name__ == "__main__":
    main()
