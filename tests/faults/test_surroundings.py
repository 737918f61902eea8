"""Clocks that jump, workers that run out of memory, frames that change under the reader."""

import shutil
import subprocess
import sys
import threading
import time

import pytest
from astropy.io import fits

from cte_lake.errors import ExitCode
from tests.conftest import new_lake
from tests.faults.conftest import cte_lake
from tests.lakes import content, current, rejects

needs_faketime = pytest.mark.skipif(shutil.which("faketime") is None, reason="faketime is not installed")


def fluxes(lake):
    return {name: table.column("flux_r03").to_pylist() for name, (_, table) in content(lake).items()}


@pytest.mark.slow
@needs_faketime
@pytest.mark.parametrize("jump", ["-15y", "+15y"])
def test_a_clock_that_jumps_changes_nothing(lake, frames, jump):
    clock = ("faketime", "-f", jump)
    first = cte_lake("ingest", frames, "--lake", lake, "--workers", "0", "--limit", "2", prefix=clock)
    assert first.returncode == 0, first.stderr
    assert cte_lake("ingest", frames, "--lake", lake, "--workers", "0").returncode == 0
    again = cte_lake("ingest", frames, "--lake", lake, "--workers", "0", prefix=clock)
    assert "4 up to date" in again.stderr
    before = fluxes(lake)
    for prefix in (clock, ()):
        done = cte_lake("vacuum", "--lake", lake, "--grace", "1d", "--yes", prefix=prefix)
        assert done.returncode == 0, done.stderr
    assert fluxes(lake) == before
    assert len(before) == 4


@pytest.mark.slow
def test_a_worker_out_of_memory_costs_its_exposure_alone_and_only_for_now(lake, frames):
    line = ("ingest", frames, "--lake", lake, "--workers", "1", "--limit", "1")
    starving = ("--set", "workers.memory_limit=150MB", "--set", "workers.retries=0")
    starved = cte_lake(*line, *starving, own_process=True)
    assert starved.returncode == ExitCode.DONE_IN_PART, starved.stderr
    assert "raise workers.memory_limit or use fewer workers" in starved.stderr
    assert [row["reason"] for row in rejects(lake)] == ["worker_died"]
    fed = cte_lake("ingest", frames, "--lake", lake, "--workers", "1", own_process=True)
    assert fed.returncode == 0, fed.stderr
    assert len(current(lake)) == 4


@pytest.mark.slow
def test_a_frame_that_changes_while_it_is_read_is_measured_whole_or_not_at_all(small_visit, tmp_path):
    """Two versions of a frame take turns; each row's photometry must be that of the file it names."""
    good = next(frame for frame in small_visit.frames if frame.name.endswith("aaq_flt.fits"))
    versions = {}
    for number in (0, 1):
        folder = tmp_path / f"v{number}"
        folder.mkdir()
        frame = folder / good.name
        shutil.copy2(good, frame)
        with fits.open(frame, mode="update") as hdus:
            hdus["SCI", 1].data += 5.0 * number
            hdus["SCI", 1].data[:, :] *= 1.0 + 0.5 * number
        own = new_lake(tmp_path / f"lake{number}", small_visit)
        assert cte_lake("ingest", folder, "--lake", own, "--workers", "0").returncode == 0
        ((row, table),) = content(own).values()
        versions[row["checksum"]] = table.column("flux_r03").to_pylist()
    lake = new_lake(tmp_path / "lake", small_visit)
    moving = tmp_path / "moving" / good.name
    moving.parent.mkdir()
    stop = threading.Event()

    def turn():
        number = 0
        while not stop.is_set():
            # In place, as a careless copy does it.
            shutil.copyfile(tmp_path / f"v{number % 2}" / good.name, moving)
            number += 1
            time.sleep(0.02 * (number % 7))

    shutil.copyfile(good, moving)
    thread = threading.Thread(target=turn)
    thread.start()
    try:
        line = [sys.executable, "-c", _TRIES, str(lake), str(moving.parent)]
        done = subprocess.run(line, capture_output=True, text=True, check=False, timeout=400)
    finally:
        stop.set()
        thread.join(timeout=400)
    assert done.returncode == 0, done.stderr
    outcomes = set(done.stdout.split())
    assert cte_lake("ingest", moving.parent, "--lake", lake, "--workers", "0").returncode == 0
    assert len(current(lake)) == 1
    # Half a file may lack its end, an extension or a card: refused for any of these, never our fault.
    assert "defect" not in outcomes, done.stderr
    for row, table in content(lake).values():
        assert table.column("flux_r03").to_pylist() == versions[row["checksum"]]


_TRIES = """
import sys
from cte_lake.config import load_settings
from cte_lake.lake.stored import stored
from cte_lake.pipeline.dask import WorkerSettings
from cte_lake.pipeline.ingest import IngestArguments, ingest
lake = stored(sys.argv[1])
for _ in range(12):
    settings = load_settings(lake, environment={})
    arguments = IngestArguments(lake, (sys.argv[2],), settings, workers=WorkerSettings(count=0))
    report = ingest(arguments)
    done = ["measured"] * report.measured + ["renewed"] * report.renewed
    print(*done, *(refused["reason"] for refused in report.rejected))
"""
