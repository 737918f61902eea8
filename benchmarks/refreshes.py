"""A hundred refreshes in a row with faults: what grows (disk, open files, memory), and what the lake holds.

    python benchmarks/refreshes.py [--nights 100] [--seed 1]

Frames dribble in, half a pair at a time; some come again in a newer calibration, some are broken, some
vanish and come back. Now and then a refresh is killed, has no room on the disk, or finds a bit flipped or a
file lost, which `verify --quarantine` and the next night put right. At the end the lake must be that of one
quiet ingest of the frames as they lie there.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import resource
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
import psutil
import pyarrow.parquet as pq
from astropy.io import fits

from cte_lake.config import load_settings
from cte_lake.errors import Locked
from cte_lake.lake.create import create_lake
from cte_lake.lake.read import current_exposures
from cte_lake.lake.stored import stored
from cte_lake.pipeline.master_import import import_master
from cte_lake.simulate import TARGETS, Settings, nominal_program, simulate_program
from cte_lake.workflow.refresh import RefreshArguments, refresh

#: Share of the nights with each event; on all others nothing happens.
_EVENTS = {
    "frames": 0.25, "recalibrated": 0.08, "broken": 0.05, "vanished": 0.04, "killed": 0.06, "full": 0.05,
    "flipped": 0.05, "lost": 0.04,
}  # fmt: skip
_ROOM = 20_000


def command(lake: Path, *words: str) -> int:
    """Run a command of cte-lake; returns its exit code."""
    line = [sys.executable, "-m", "cte_lake", *words, "--lake", str(lake)]
    return subprocess.run(line, capture_output=True, check=False, timeout=7200).returncode


@dataclass
class Rehearsal:
    """A lake, the frames that lie there and those to come."""

    folder: Path
    draw: random.Random
    coming: list[Path]
    did: Counter[str] = field(default_factory=Counter)

    @property
    def lake(self) -> Path:
        """The lake."""
        return self.folder / "lake"

    @property
    def frames(self) -> Path:
        """The folder that refreshes look into."""
        return self.folder / "frames"

    def there(self) -> list[Path]:
        """The frames that lie there, in their order."""
        return sorted(self.frames.glob("*.fits"))

    def steps(self) -> tuple[str, ...]:
        """The steps of a night."""
        # The lake is young, so what is replaced is vacuumed at once.
        return (f"run {self.frames} --workers 0 --steps ingest,measure", "vacuum --grace 0 --yes")

    def refresh(self) -> None:
        """Refresh in this process, whose open files and memory are watched."""
        refresh(RefreshArguments(stored(self.lake), self.steps()))

    # What happens in a night; each ends with the refresh.

    def nothing(self) -> None:
        self.refresh()

    def do_frames(self) -> None:
        for _ in range(self.draw.choice((1, 1, 2))):
            if self.coming:
                shutil.copy2(self.coming.pop(0), self.frames)
        self.refresh()

    def do_recalibrated(self) -> None:
        for path in self.draw.sample(self.there(), min(1, len(self.there()))):
            with fits.open(path, mode="update") as hdus:
                hdus[0].header["CAL_VER"] = f"3.{8 + self.did['recalibrated']}.0 (Sep-15-2026)"
                for version in (1, 2):
                    hdus["SCI", version].data *= np.float32(1.001)
        self.refresh()

    def do_broken(self) -> None:
        broken = self.frames / "ic7899zzq_flt.fits"
        broken.write_bytes(self.there()[0].read_bytes()[:5000] if self.there() else b"no frame")
        self.refresh()
        broken.unlink()
        self.refresh()

    def do_vanished(self) -> None:
        chosen = self.draw.sample(self.there(), min(1, len(self.there())))
        for path in chosen:
            path.rename(self.folder / path.name)
        self.refresh()
        for path in chosen:
            (self.folder / path.name).rename(path)
        self.refresh()

    def do_killed(self) -> None:
        self.do_frames_silently()
        line = [sys.executable, "-m", "cte_lake", "refresh", "--lake", str(self.lake)]
        for step in self.steps():
            line += ["--step", step]
        nowhere = subprocess.DEVNULL
        with subprocess.Popen(line, start_new_session=True, stdout=nowhere, stderr=nowhere) as process:
            time.sleep(self.draw.uniform(1.0, 8.0))
            os.killpg(process.pid, signal.SIGKILL)
        # Its step, which holds the lock too, ends a moment later.
        for _ in range(100):
            with contextlib.suppress(Locked):
                self.refresh()
                return
            time.sleep(0.1)
        self.refresh()

    def do_frames_silently(self) -> None:
        if self.coming:
            shutil.copy2(self.coming.pop(0), self.frames)

    def do_full(self) -> None:
        self.do_frames_silently()
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (_ROOM, hard))
        try:
            self.refresh()
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        self.refresh()

    def do_flipped(self) -> None:
        for path in self.draw.sample(self.stars(), min(1, len(self.stars()))):
            damaged = bytearray(path.read_bytes())
            damaged[self.draw.randrange(len(damaged))] ^= 1 << self.draw.randrange(8)
            path.write_bytes(damaged)
        self.mend()

    def do_lost(self) -> None:
        for path in self.draw.sample(self.stars(), min(1, len(self.stars()))):
            path.unlink()
        self.mend()

    def stars(self) -> list[Path]:
        """Photometry that may be damaged."""
        return sorted(path for path in (self.lake / "phot").rglob("*.parquet") if "seed" not in path.name)

    def mend(self) -> None:
        """Put aside what is broken, as `verify` says, and measure it again."""
        command(self.lake, "verify", "--quarantine", "--yes")
        self.refresh()

    def night(self, what: str) -> None:
        """Let something happen."""
        self.did[what] += 1
        happens: Callable[[], None] = getattr(self, f"do_{what}", self.nothing)
        happens()


def grown(lake: Path) -> dict[str, tuple[int, int]]:
    """Return path, size and time of all files of a lake but its logs."""
    found = {}
    for path in lake.rglob("*"):
        if path.is_file() and "logs" not in path.relative_to(lake).parts:
            stat = path.stat()
            found[str(path.relative_to(lake))] = (stat.st_size, stat.st_mtime_ns)
    return found


def total(files: dict[str, tuple[int, int]]) -> tuple[int, int]:
    """Return the number of files and their bytes."""
    return len(files), sum(size for size, _ in files.values())


def photometry(lake: Path) -> dict[str, float]:
    """Return the sum of the fluxes of each image that counts."""
    rows = current_exposures(
        stored(lake), "standard", ("imagename", "phot_file", "phot_key", "withdrawn")
    ).to_pylist()
    sums = {}
    for row in rows:
        if not row["withdrawn"]:
            stars = pq.read_table(lake / row["phot_file"], partitioning=None).to_pylist()
            mine = [star["flux_r03"] for star in stars if star["imagename"] == row["imagename"]]
            sums[row["imagename"]] = round(sum(flux for flux in mine if flux is not None), 3)
    return sums


def rehearse(folder: Path, nights: int, seed: int) -> dict[str, object]:
    """Run the nights; returns what grew, and what is wrong at the end."""
    draw = random.Random(seed)
    dates = tuple(57000.3 + 50 * visit for visit in range(max(2, nights // 12)))
    program = nominal_program(TARGETS["ngc104"], dates)
    done = simulate_program(
        program, folder / "made", Settings(width=96, seed=3), stars=120, filetypes=("flt",)
    )
    plan = Rehearsal(folder, draw, sorted(done.frames))
    plan.frames.mkdir()

    def new(lake: Path) -> Path:
        create_lake(stored(lake))
        import_master(stored(lake), done.master, "ngc104", load_settings(lake, environment={}).config)
        return lake

    new(plan.lake)
    plan.night("frames")
    me, idle, seen = psutil.Process(), 0, []
    for _ in range(nights - 1):
        what = draw.choices([*_EVENTS, "nothing"], [*_EVENTS.values(), 1 - sum(_EVENTS.values())])[0]
        before = grown(plan.lake)
        plan.night(what)
        after = grown(plan.lake)
        if what == "nothing":
            idle += before != after
        seen.append((*total(after), me.num_fds(), me.memory_info().rss / 1e6))
        told = "{:4d} {:13s} {} files {} bytes, {} open, {:.0f} MB"
        print(told.format(len(seen), what, *seen[-1]), flush=True)
    plan.refresh()
    quiet = new(folder / "quiet")
    command(quiet, *shlex.split(plan.steps()[0]))
    wanted, found = photometry(quiet), photometry(plan.lake)
    return {
        "events": dict(plan.did),
        "idle nights that changed the lake": idle,
        "images": len(wanted),
        "wrong": sorted(name for name in wanted.keys() | found.keys() if wanted.get(name) != found.get(name)),
        "verify": command(plan.lake, "verify"),
        "files and bytes, quiet": total(grown(quiet)),
        "files and bytes": seen[-1][:2],
        "open files, first and last": (seen[0][2], seen[-1][2]),
        "memory, MB, of a tenth of the nights and last": (
            round(seen[len(seen) // 10][3]),
            round(seen[-1][3]),
        ),
        "logs": len(list((plan.lake / "logs").iterdir())),
        "left in the temporary folder": sorted(path.name for path in folder.iterdir()),
    }


def main() -> None:
    """Rehearse and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--nights", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="refreshes-") as folder:
        told = rehearse(Path(folder), asked.nights, asked.seed)
    for name, value in told.items():
        print(f"{name}: {value}")
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(f"{used.ru_utime + used.ru_stime:.0f} CPU s")
    if told["wrong"] or told["verify"] or told["idle nights that changed the lake"]:
        sys.exit(1)


if __name__ == "__main__":
    main()
