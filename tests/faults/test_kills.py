"""Every command that writes, killed at random moments and run again: the lake equals an undisturbed one.

`KILLS=20 pytest -s tests/faults/test_kills.py` is the campaign; it prints how often a kill came in mid-write.
"""

import os
import random
import shutil
import time
from contextlib import ExitStack
from dataclasses import dataclass

import pytest

from cte_lake.lake.maintenance.vacuum import plan_vacuum, vacuum
from cte_lake.lake.maintenance.verify import verify
from tests.faults.trials import GROUNDS, TRIALS, fresh, left_behind, state
from tests.faults.warm import Warm, warm
from tests.pipeline.fetch.archive_server import FakeArchive, serving

#: Moments at which each command is killed; raise it for a campaign.
KILLS = int(os.environ.get("KILLS", "1"))


@dataclass
class Field:
    """Where trials are held: frames, catalogs, an archive, and the lakes that trials begin with."""

    warm: Warm
    folder: object
    visit: object
    url: str
    grounds: dict

    def ground(self, name):
        """The place that a trial begins with; made once."""
        if name not in self.grounds:
            place = self.folder / "grounds" / name
            place.mkdir(parents=True)
            shutil.copy(self.folder / "stars.csv", place)
            GROUNDS[name](place, self.visit, self.warm)
            self.grounds[name] = place
        return self.grounds[name]

    def place(self, trial, name):
        """A copy of a trial's ground, with a folder for temporary files beside it."""
        place = fresh(self.ground(trial.ground), self.folder / name)
        (place.parent / f"{name}.tmp").mkdir()
        return place

    def line(self, trial, place):
        places = {
            "place": place, "lake": place / "lake", "frames": self.visit.frames[0].parent,
            "master": self.visit.master, "other": self.folder / "other.cat", "url": self.url,
        }  # fmt: skip
        return [word.format(**places) for word in trial.words.split()]


@pytest.fixture(scope="module")
def field(tmp_path_factory, small_visit):
    folder = tmp_path_factory.mktemp("kills")
    (folder / "out").mkdir()
    lines = small_visit.master.read_text().splitlines(keepends=True)
    (folder / "other.cat").write_text("".join(lines[: 2 * len(lines) // 3]))
    (folder / "few.cat").write_text("".join(lines[: len(lines) // 6]))
    table = ["flux,y,chip,mjd,background"]
    table += [f"{500 + 7 * star},{star % 2000},{1 + star % 2},57601.3,12" for star in range(20_000)]
    (folder / "stars.csv").write_text("\n".join(table))
    archive = FakeArchive()
    for frame in small_visit.frames:
        archive.add(frame.name, frame.read_bytes(), 14378)
    with ExitStack() as stack:
        url = stack.enter_context(serving(archive)).url
        ground = stack.enter_context(warm(folder / "out"))
        yield Field(ground, folder, small_visit, url, {})


def watched(run, place):
    """Wait for a run; the seconds after which it first changed something, and after which it ended."""
    began, before, first = time.monotonic(), names(place), None
    while run.poll() is None:
        if first is None and names(place) != before:
            first = time.monotonic() - began
        time.sleep(0.005)
    seconds = time.monotonic() - began
    return (0.5 * seconds if first is None else first), seconds


def names(place):
    return {(str(path), path.lstat().st_mtime_ns) for path in place.rglob("*") if not path.is_dir()}


def equal(found, wanted):
    """Two states are one; says which files are not."""
    assert found.keys() == wanted.keys()
    assert [name for name in found if found[name] != wanted[name]] == []


def sound(place):
    """Nothing harmful is found in any lake of a place."""
    for settings in place.glob("*/cte_lake.toml"):
        found = verify(settings.parent)
        assert found.passed, found.findings


@pytest.mark.slow
@pytest.mark.parametrize("name", TRIALS)
def test_killed_at_random_and_run_again(name, field):
    trial, moments = TRIALS[name], random.Random(name)
    whole = field.place(trial, f"{name}-whole")
    begun = state(whole)
    run = field.warm.start(*field.line(trial, whole), temporary=whole.with_name(f"{name}-whole.tmp"))
    first, seconds = watched(run, whole)
    assert run.code == 0, run.said
    wanted = state(whole)
    assert wanted.keys() != begun.keys()
    midway = tries = hits = 0
    while hits < KILLS:
        place = field.place(trial, f"{name}-{tries}")
        temporary = place.with_name(f"{place.name}.tmp")
        # A machine that has become faster ends it before its time: earlier, then, down to its start.
        after = moments.uniform(first, 0.3 * first + 0.7 * seconds) * 0.7 ** (tries - hits)
        tries += 1
        hit = field.warm.start(*field.line(trial, place), temporary=temporary).killed(after)
        if hit:
            hits += 1
            midway += state(place).keys() not in (begun.keys(), wanted.keys())
            sound(place)
            field.warm.run(*field.line(trial, place), codes=trial.codes, temporary=temporary)
            equal(trial.view(place), trial.view(whole))
            sound(place)
            vacuum(place / "lake", plan_vacuum(place / "lake", 30 * 86_400 * 10**9, time.time_ns()))
            assert left_behind(place) == []
            assert list(temporary.iterdir()) == []
        shutil.rmtree(place)
    print(f"{name}: killed {hits} times, {midway} in the midst of its writes, {tries - hits} came too late")
