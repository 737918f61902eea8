"""CPU seconds of commands that answer at once, and of a night without news: now, and at an earlier commit.

    python benchmarks/small_commands.py [--against COMMIT] [--exposures 1000] [--stars 100] [--repeat 3]
                                        [--only WORD ...] [--keep FOLDER]

Each command runs in a process of its own, as a user or cron starts it; its CPU seconds are those of the
process and all that it started, the least of several. The earlier commit is checked out beside
(`git worktree`), and both are asked in turn on copies of one lake, so that load hits them alike.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.children import Children
from benchmarks.growth_lake import grow

HERE = Path(__file__).resolve().parents[1]
_OPEN = "import sys, cte_lake; cte_lake.open_lake(sys.argv[1])"
#: What ends well: done, or nothing to do, or the simulated lake's files that verify finds gone.
_FINE = (0, 3)


def questions(lake: Path, frames: Path) -> dict[str, list[str]]:
    """Arguments of Python by what is asked."""
    at = ["--lake", str(lake)]
    command = ["-m", "cte_lake"]
    return {
        "`--help`": [*command, "--help"],
        "`import cte_lake; open_lake`": ["-c", _OPEN, str(lake)],
        "`sql 'SELECT 1'`": [*command, "sql", "SELECT 1", *at],
        "`status`": [*command, "status", *at],
        "`align`, nothing to do": [*command, "align", str(frames), *at],
        "`crmask`, nothing to do": [*command, "crmask", str(frames), *at],
        "`ingest`, nothing to do": [*command, "ingest", str(frames), *at],
        "`measure`, all pairs, slopes kept": [
            *command, "measure", "-o", str(lake.parent / "losses.parquet"), "--overwrite", *at
        ],
        "`audit`, nothing new": [*command, "audit", "--share", "1/30", *at],
        "`verify`, every file in full": [*command, "verify", *at],
        "`refresh`, nothing new": [*command, "refresh", "--frames", str(frames), "--no-fetch", *at],
    }  # fmt: skip


def cost(code: Path, arguments: list[str]) -> float:
    """Return the CPU seconds of Python with arguments, the package taken from `code`."""
    environment = os.environ | {"PYTHONPATH": str(code)}
    with Children() as used:
        done = subprocess.run(
            [sys.executable, *arguments],
            capture_output=True,
            text=True,
            check=False,
            env=environment,
            cwd=HERE.root,
            timeout=7200,
        )
    if done.returncode not in _FINE:
        sys.exit(f"{' '.join(arguments)} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}")
    return used.cpu


@contextlib.contextmanager
def checked_out(commit: str, folder: Path) -> Iterator[Path]:
    """Yield the code of a commit in a folder of its own."""
    tree = folder / "earlier"
    subprocess.run(
        ["git", "worktree", "add", "--detach", "-q", tree, commit], cwd=HERE, check=True, timeout=7200
    )
    try:
        yield tree
    finally:
        subprocess.run(["git", "worktree", "remove", "--force", tree], cwd=HERE, check=True, timeout=7200)


def compare(
    sides: dict[str, tuple[Path, Path]], frames: Path, repeat: int, only: list[str]
) -> dict[str, dict[str, float]]:
    """Return the least CPU seconds of each question by side; each side has its code and its lake."""
    asked = {side: questions(lake, frames) for side, (_, lake) in sides.items()}
    found: dict[str, dict[str, float]] = {}
    for name in next(iter(asked.values())):
        if only and not any(word in name for word in only):
            continue
        rounds = []
        # The first round compiles, and brings the lake up to date.
        for _ in range(repeat + 1):
            rounds.append({side: cost(sides[side][0], asked[side][name]) for side in sides})
        found[name] = {side: min(each[side] for each in rounds[1:]) for side in sides}
        print(f"| {name} | {' | '.join(f'{found[name][side]:.2f}' for side in sides)} |", flush=True)
    return found


def main() -> None:
    """Make the lake, ask, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--against", metavar="COMMIT", help="an earlier commit")
    parser.add_argument("--exposures", type=int, default=1_000)
    parser.add_argument("--stars", type=int, default=100)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--only", metavar="WORD", nargs="+", default=[], help="rows whose name has a word")
    parser.add_argument("--keep", type=Path, help="make lake and frames here, leave them, take them up again")
    given = parser.parse_args()
    with contextlib.ExitStack() as end:
        temporary = end.enter_context(tempfile.TemporaryDirectory(prefix="small-commands-"))
        folder = given.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        frames = folder / "frames"
        grow(folder / "now", frames, given.exposures, given.stars)
        sides = {"now": (HERE, folder / "now")}
        if given.against:
            code = end.enter_context(checked_out(given.against, Path(temporary)))
            shutil.copytree(folder / "now", then := Path(temporary) / "then")
            sides = {given.against: (code, then)} | sides
        print(f"CPU seconds, {given.exposures:,} exposures\n")
        print(f"| command | {' | '.join(sides)} |\n|---|{'---|' * len(sides)}")
        compare(sides, frames, given.repeat, given.only)


if __name__ == "__main__":
    main()
