"""A year of nights in minutes: what is measured, fitted and mailed, and what a night with nothing new costs.

    python benchmarks/night_year.py                    ten minutes of CPU
    python benchmarks/night_year.py --visits 3 --stars 1000    the same of a shorter year of fewer stars
    python benchmarks/night_year.py --pages FOLDER     and the page at four dates

A visit every 31 days, FLT of one post-flash level, 512 columns wide. One visit comes in two parts, one never
comes, one is calibrated anew, one has a loss of 1.1 times; two nights lack the network, one has no room on
the disk. Nights on which nothing happens are left out, but for three. The configuration asks for a set, which
the night makes once visits carry one. The frames are aligned as they are simulated; fetch, align and masks
have tests of their own.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from astropy.io import fits

from cte_lake.clock import NOW_ENV
from cte_lake.config import load_settings
from cte_lake.lake.create import create_lake
from cte_lake.lake.stored import StoredLake, stored
from cte_lake.pipeline.master_import import import_master
from cte_lake.pipeline.night import NIGHT
from cte_lake.resources import LAKE_FILE
from cte_lake.simulate import TARGETS, Settings, nominal_program, simulate_program
from cte_lake.workflow.refresh import Refresh, RefreshArguments, refresh

#: The first visit, 2025-10-15, MJD; days between visits; time of a night after the visit of its day.
START, CADENCE = 60963.0, 31.0
VISITS, MISSING, RECALIBRATED, NO_ROOM, JUMP = 12, 4, 2, 7, 10
FLASH, WIDTH, STARS = 12, 512, 2500
#: Bytes that no file may exceed in the night without room.
ROOM = 20_000
#: Visits after which the page is made.
PAGES = (0, 5, 8, 11)
ASKED = f"""
[refresh]
sets = [{{target = "ngc104", filter = "F502N", length = "l", filetype = "flt", flash = [{FLASH}]}}]
"""


@dataclass(frozen=True)
class Scale:
    """How long the year is, and how large its frames are."""

    visits: int = VISITS
    width: int = WIDTH
    stars: int = STARS


@dataclass
class Event:
    """A night worth telling: its day since the first visit, what happens, and what came in."""

    day: float
    what: str
    frames: list[Path] = field(default_factory=list)
    network: bool | None = None
    full: bool = False
    page: bool = False


def simulate(folder: Path, scale: Scale, visits: Sequence[int], factor: float = 1.0) -> dict[int, list[Path]]:
    """Simulate visits with a loss times `factor`; returns their frames."""
    if not visits:
        return {}
    settings = Settings(width=scale.width, seed=3)
    first, second, third = ((factor * a, factor * b, factor * c) for a, b, c in settings.law.coefficients)
    law = replace(settings.law, coefficients=(first, second, third))
    dates = tuple(START + CADENCE * number for number in range(VISITS))
    program = nominal_program(TARGETS["ngc104"], dates, flashes=(FLASH,))
    chosen = replace(program, visits=tuple(program.visits[number] for number in visits))
    done = simulate_program(chosen, folder, replace(settings, law=law), stars=scale.stars, filetypes=("flt",))
    frames = iter(sorted(done.frames))
    return {number: [next(frames), next(frames)] for number in visits}


def recalibrated(frame: Path, folder: Path) -> Path:
    """Return a copy of a frame as a later release of the pipeline makes it: a little brighter."""
    folder.mkdir(exist_ok=True)
    copy = Path(shutil.copy2(frame, folder))
    with fits.open(copy, mode="update") as hdus:
        hdus[0].header["CAL_VER"] = "3.8.0 (Sep-15-2026)"
        for version in (1, 2):
            hdus["SCI", version].data *= np.float32(1.001)
    return copy


def events(folder: Path, scale: Scale) -> Iterator[Event]:
    """Yield the nights of the year in their order."""
    numbers = range(scale.visits)
    usual = [number for number in numbers if number not in {MISSING, JUMP}]
    frames = simulate(folder / "raw", scale, usual)
    frames |= simulate(folder / "jump", scale, [number for number in numbers if number == JUMP], 1.1)
    nights = [Event(0.0, "nothing there yet")]
    for number in numbers:
        day = number * CADENCE + 1.0
        if number == MISSING:
            nights.append(Event(day + 25.0, "the visit did not come: overdue"))
            continue
        parts = [frames[number]] if number != 1 else [frames[number][:1], frames[number][1:]]
        what = {
            JUMP: "a visit with a loss of 1.1 times",
            1: "half of a visit",
            NO_ROOM: "no room on the disk",
        }
        for later, part in enumerate(parts):
            name = "the other half" if later else what.get(number, "a visit")
            night = Event(day + later, name, part, page=number in PAGES, full=number == NO_ROOM)
            nights.append(night)
        if number == NO_ROOM:
            nights.append(Event(day + 1.0, "room again"))
    nights += [
        Event(40.0, "nothing new"),
        Event(170.0, "nothing new"),
        Event(190.0, "no network", network=False),
        Event(191.0, "no network still", network=False),
        Event(192.0, "the network is back", network=True),
        Event(330.0, "nothing new"),
    ]
    if RECALIBRATED in frames:
        again = [recalibrated(frame, folder / "again") for frame in frames[RECALIBRATED]]
        nights.append(Event(200.0, "a visit was calibrated anew", again))
    end = scale.visits * CADENCE + 1.0
    return iter(sorted((night for night in nights if night.day <= end), key=lambda event: event.day))


@contextmanager
def clock_at(day: float) -> Iterator[datetime]:
    """Set the clock of this process and its children."""
    moment = datetime(1858, 11, 17, 2, 17, tzinfo=UTC) + timedelta(days=START + day)
    os.environ[NOW_ENV] = moment.isoformat()
    try:
        yield moment
    finally:
        del os.environ[NOW_ENV]


@contextmanager
def room(full: bool) -> Iterator[None]:
    """Let no file grow over `ROOM` bytes in this process and its children."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    if full:
        resource.setrlimit(resource.RLIMIT_FSIZE, (ROOM, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def night(lake: StoredLake, frames: Path, event: Event) -> Refresh:
    """Run the steps of a night that these frames need."""
    fetch = () if event.network is None else ("fetch",)
    steps = [
        f"run {frames} --workers 0 --steps {','.join((*fetch, 'ingest', 'measure', 'fit'))}",
        "audit --share 1/30",
    ]
    if event.network is False:
        steps[0] += " --set fetch.url=http://127.0.0.1:1 --set fetch.retries=0"
    elif event.network:
        # The archive of this year is this folder: there is nothing that it has more.
        steps[0] = steps[0].replace("fetch,", "")
    if event.page:
        steps.append("report")
    return refresh(RefreshArguments(lake, tuple(steps), job=NIGHT))


def year(folder: Path, scale: Scale, pages: Path | None = None) -> list[tuple[Event, Refresh]]:
    """Run the year in a folder; returns each night and what it did."""
    lake, frames = stored(folder / "lake"), folder / "frames"
    create_lake(lake)
    with (folder / "lake" / LAKE_FILE).open("a") as file:
        file.write(ASKED)
    frames.mkdir()
    nights = list(events(folder, scale))
    settings = load_settings(lake, environment={})
    import_master(lake, folder / "raw" / "ngc104_master.cat", "ngc104", settings.config)
    done = []
    for event in nights:
        for frame in event.frames:
            shutil.copy2(frame, frames)
        with clock_at(event.day) as moment:
            with room(event.full):
                job = night(lake, frames, event)
            done.append((event, job))
            tell(moment, event, job)
            if event.page and pages is not None:
                shutil.copytree(Path(str(lake), "reports", "latest"), pages / f"{moment:%Y-%m-%d}")
    say(lake, "coeffs", "list")
    return done


def tell(moment: datetime, event: Event, job: Refresh) -> None:
    """Print a night."""
    steps = ", ".join(f"{step.name} {step.outcome} {step.seconds:.0f} s" for step in job.night.steps)
    print(f"\n=== {moment:%Y-%m-%d} {event.what}: {job.night.seconds:.0f} s ({steps})", flush=True)
    print(job.letter.body or "(no mail)", flush=True)


def say(lake: StoredLake, *command: str) -> None:
    """Run a command and print what it says."""
    line = [sys.executable, "-m", "cte_lake", *command, "--lake", str(lake)]
    done = subprocess.run(line, capture_output=True, text=True, check=False, timeout=7200)
    print(
        f"\n$ cte-lake {' '.join(command)}\n{done.stdout}{done.stderr}".replace(str(lake), "LAKE"), flush=True
    )


def main() -> None:
    """Run the year and sum up."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pages", type=Path, help="folder for the page at four dates")
    parser.add_argument("--folder", type=Path, help="new folder for lake and frames, which then stay")
    parser.add_argument("--visits", type=int, default=VISITS, help="visits, a month apart")
    parser.add_argument("--width", type=int, default=WIDTH, help="columns of a frame")
    parser.add_argument("--stars", type=int, default=STARS, help="stars of the field")
    asked = parser.parse_args()
    scale = Scale(asked.visits, asked.width, asked.stars)
    with tempfile.TemporaryDirectory(prefix="night-year-") as temporary:
        folder = Path(temporary) if asked.folder is None else asked.folder.absolute()
        folder.mkdir(exist_ok=True)
        done = year(folder, scale, asked.pages)
    idle = [job.night.seconds for event, job in done if event.what == "nothing new"]
    mails = [(event, job.letter.why) for event, job in done if job.letter.why]
    print(f"\n{len(done)} nights, {len(mails)} mails: {', '.join(f'{e.what} ({why})' for e, why in mails)}")
    print(f"nights with nothing new: {', '.join(f'{seconds:.1f}' for seconds in idle)} s")


if __name__ == "__main__":
    main()
