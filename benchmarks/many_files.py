"""A folder of 50,000 files: what planning costs, and that the second time adds nothing to the lake.

    python benchmarks/many_files.py [--files 50000]

Of ten files six are of other products, three are broken frames (text, a cut header, no bytes) and one is a
frame of another instrument; eight true frames lie among them. `ingest` runs twice in a process of its own.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from astropy.io import fits

from benchmarks.children import Children
from cte_lake.config import load_settings
from cte_lake.lake.create import create_lake
from cte_lake.lake.stored import stored
from cte_lake.pipeline.master_import import import_master
from cte_lake.simulate import TARGETS, Settings, nominal_program, simulate_program

_OTHERS = ("raw.fits", "drz.fits", "spt.fits", "flt.jpg", "trl.txt", "asn.fits")


def contents() -> list[tuple[str, bytes]]:
    """Return endings of names with what is in such a file: ten kinds."""
    header = fits.PrimaryHDU()
    header.header["INSTRUME"], header.header["DETECTOR"] = "ACS", "WFC"
    whole = header.header.tostring().encode()
    broken = [("flt.fits", b"<html>not found</html>"), ("flc.fits", whole[:2000]), ("flt.fits", b"")]
    return [(name, b"x") for name in _OTHERS] + [*broken, ("flt.fits", whole)]


def fill(folder: Path, files: int) -> int:
    """Write the files; returns how many are called like frames."""
    kinds, frames = contents(), 0
    for number in range(files):
        ending, content = kinds[number % len(kinds)]
        frames += ending in {"flt.fits", "flc.fits"}
        (folder / f"ia{number:06d}q_{ending}").write_bytes(content)
    return frames


def ingest(frames: Path, lake: Path) -> tuple[str, float, float, float]:
    """Run `ingest`; returns its last word, wall and CPU seconds, and the largest memory, MB."""
    line = [sys.executable, "-m", "cte_lake", "ingest", str(frames), "--lake", str(lake), "--workers", "0"]
    started = time.perf_counter()
    with Children() as used:
        done = subprocess.run(
            [*line, "--no-progress"], capture_output=True, text=True, check=False, timeout=7200
        )
    words = [text for text in done.stderr.splitlines() if text.startswith("ingest: ")]
    if not words or "Traceback" in done.stderr:
        sys.exit(f"ended with {done.returncode}:\n{done.stderr[-3000:]}")
    return words[0], time.perf_counter() - started, used.cpu, used.largest_child


def size(lake: Path) -> tuple[int, int]:
    """Return the number of files of a lake and their bytes."""
    files = [path for path in lake.rglob("*") if path.is_file()]
    return len(files), sum(path.stat().st_size for path in files)


def many_files(folder: Path, files: int) -> list[tuple[int, int]]:
    """Fill a folder and ingest it twice; returns size of the lake after each, for what calls this."""
    lake, frames = folder / "lake", folder / "frames"
    frames.mkdir()
    program = nominal_program(TARGETS["ngc104"], (57601.3, 57651.3))
    done = simulate_program(program, folder / "made", Settings(width=96, seed=3), stars=120)
    for frame in done.frames:
        shutil.copy2(frame, frames)
    broken = fill(frames, files - len(done.frames))
    create_lake(stored(lake))
    import_master(stored(lake), done.master, "ngc104", load_settings(lake, environment={}).config)
    print(f"{files} files, {broken} of them called like frames that they are not, {len(done.frames)} frames")
    sizes = []
    for time_ in ("first", "second"):
        said, wall, cpu, memory = ingest(frames, lake)
        sizes.append(size(lake))
        print(f"{time_}: {said}")
        print(f"  {cpu:.1f} CPU s, {wall:.1f} s, {memory:.0f} MB; lake: {sizes[-1]} files and bytes")
    return sizes


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--files", type=int, default=50_000)
    files = parser.parse_args().files
    with tempfile.TemporaryDirectory(prefix="many-files-") as folder:
        first, second = many_files(Path(folder), files)
    if first != second:
        sys.exit(f"the second time changed the lake: {first}, then {second}")


if __name__ == "__main__":
    main()
