"""Time and size of the report and the status of a lake of 400 images with full-size frames.

Run: python benchmarks/report_speed.py [--images 400] [--stars 20000] [--copies 40] [--warm] [--keep FOLDER]
     python benchmarks/report_speed.py --against COMMIT ...    the same by an earlier commit, then by this one
Targets: report under 60 s and 20 MB, status under 2 s.

The photometry is made up, the frames are not: eight simulated exposures of both full chips (168 MB each) are
copied `--copies` times and hard-linked under the path of every exposure, so the report opens and reads 400
files of full size. There is no disk for 400 of them: unless told `--warm`, a process drops the copies from
the page cache over and over while the report runs, so each is read from the disk each time.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import types
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# Some packages install a folder called tests beside themselves; ours must be the one that is found.
sys.modules["tests"] = types.ModuleType("tests")
sys.modules["tests"].__path__ = [str(Path(__file__).resolve().parents[1] / "tests")]
from tests.report.big_lake import images_of, make_lake  # noqa: E402

COMMAND = (sys.executable, "-m", "cte_lake.cli.main")
#: Drops files from the page cache until it is ended.
EVICT = """
import os, sys, time
while True:
    for path in sys.argv[1:]:
        number = os.open(path, os.O_RDONLY)
        os.posix_fadvise(number, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(number)
    time.sleep(0.02)
"""


def simulated(folder: Path) -> list[Path]:
    """Simulate one visit of full frames: FLT and FLC of a pair without and with post-flash."""
    options = ("--full-frame", "--mjd", "57601", "--flash", "0", "--flash", "12", "--no-progress")
    subprocess.run(
        [*COMMAND, "simulate", str(folder), *options],
        check=True,
        stderr=subprocess.DEVNULL,
        timeout=7200,
    )
    return sorted(folder.rglob("*.fits"))


def copied(originals: list[Path], folder: Path, copies: int) -> list[Path]:
    """Return `copies` files of their own, the originals among them."""
    folder.mkdir()
    found = list(originals[:copies])
    for number, original in zip(range(len(found), copies), itertools.cycle(originals)):
        shutil.copyfile(original, folder / f"{number}.fits")
        found.append(folder / f"{number}.fits")
    return found


@contextmanager
def evicted(files: list[Path], warm: bool) -> Iterator[None]:
    """Keep files out of the page cache meanwhile."""
    if warm:
        yield
        return
    os.sync()
    process = subprocess.Popen([sys.executable, "-c", EVICT, *map(str, files)])
    try:
        yield
    finally:
        process.kill()
        process.wait(60)


def timed(*arguments: str) -> tuple[float, float, str]:
    """Run a command; return wall and CPU seconds (of it and its children) and what it printed."""
    before, start = os.times(), time.perf_counter()
    done = subprocess.run([*COMMAND, *arguments], check=True, capture_output=True, text=True, timeout=7200)
    wall, after = time.perf_counter() - start, os.times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return wall, cpu, done.stdout


def size_of(folder: Path, pattern: str = "*") -> float:
    """Megabytes of the files of a folder."""
    return sum(path.stat().st_size for path in folder.rglob(pattern) if path.is_file()) / 1e6


def run(folder: Path, options: argparse.Namespace) -> None:
    root, frames = folder / "lake", folder / "frames"
    if not root.is_dir():
        files = copied(simulated(folder / "simulated"), folder / "copies", options.copies)
        frames.mkdir()
        for image, file in zip(images_of(options.images, "", frames), itertools.cycle(files), strict=False):
            os.link(file, frames / image.name)
        make_lake(root, options.images, options.stars, frames=frames)
    distinct = list({path.stat().st_ino: path for path in frames.iterdir()}.values())
    how = "warm" if options.warm else "from disk"
    for what in ("first", "next"):
        with evicted(distinct, options.warm):
            wall, cpu, text = timed("report", "--lake", str(root), "--json")
        made = Path(json.loads(text)["folder"])
        report = json.loads((made / "report.json").read_text(encoding="utf-8"))
        drawn = sum("file" in one for one in report["frames"].values())
        print(
            f"{options.images} images of {options.stars} stars, frames {how}, {what} report: {wall:.1f} s "
            f"({cpu:.1f} CPU), {size_of(made):.1f} MB; {drawn} frames, {size_of(made / 'frames'):.1f} MB; "
            f"{len(list((made / 'pairs').iterdir()))} pages of pairs, {size_of(made / 'pairs'):.1f} MB"
        )
    print(f"status {timed('status', '--lake', str(root))[0]:.2f} s")


def run_commit(commit: str, arguments: list[str]) -> None:
    """Run the benchmark as a commit has it, with its package, in the packages that are installed here."""
    root = Path(__file__).resolve().parents[1]
    with tempfile.TemporaryDirectory(prefix="report-speed-") as folder:
        tree = Path(folder) / "tree"
        subprocess.run(["git", "-C", str(root), "worktree", "add", "--detach", str(tree), commit], check=True)
        try:
            command = [sys.executable, str(tree / "benchmarks" / "report_speed.py"), *arguments]
            subprocess.run(command, cwd=tree, env=os.environ | {"PYTHONPATH": str(tree)}, check=True)
        finally:
            subprocess.run(["git", "-C", str(root), "worktree", "remove", "--force", str(tree)], check=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=400)
    parser.add_argument("--stars", type=int, default=20000)
    parser.add_argument("--copies", type=int, default=40, help="frame files of their own, 168 MB each")
    parser.add_argument("--warm", action="store_true", help="leave the frames in the page cache")
    parser.add_argument("--keep", type=Path, help="make lake and frames here, leave them, take them up again")
    parser.add_argument("--against", metavar="COMMIT", help="measure that commit first")
    options = parser.parse_args()
    if options.against:
        own = [f"--{name}={getattr(options, name)}" for name in ("images", "stars", "copies")]
        print(f"commit {options.against}:", flush=True)
        run_commit(options.against, own + ["--warm"] * options.warm)
        print("this commit:", flush=True)
    folder = options.keep or Path(tempfile.mkdtemp(prefix="report-speed-"))
    folder.mkdir(parents=True, exist_ok=True)
    try:
        run(folder, options)
    finally:
        if options.keep is None:
            shutil.rmtree(folder)


if __name__ == "__main__":
    main()
