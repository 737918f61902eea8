"""Ingest killed at any moment, run twice at once, read all the while: always the same lake."""

import contextlib
import os
import random
import signal
import subprocess
import threading
import time

import pyarrow.parquet as pq
import pytest

from tests.e2e.conftest import command, environment
from tests.lakes import content, current

#: Moments at which ingest is killed; raise it for a campaign (the project's record is 20).
KILLS = int(os.environ.get("INGEST_KILLS", "1"))


class Reader(threading.Thread):
    """Reads the lake over and over; every exposure it sees must be whole."""

    def __init__(self, lake):
        super().__init__(daemon=True)
        self.lake, self.errors, self.reads, self.stop = lake, [], 0, threading.Event()

    def run(self):
        while not self.stop.is_set():
            try:
                self._read()
            except Exception as error:
                self.errors.append(repr(error))
            self.reads += 1
            self.stop.wait(0.02)

    def _read(self):
        for name, row in current(self.lake).items():
            (path,) = (self.lake / "phot").rglob(
                f"{row['rootname']}_{row['filetype']}.{row['phot_key']}.parquet"
            )
            found = pq.read_metadata(path).num_rows
            if found != row["n_stars"]:
                self.errors.append(f"{name}: {found} rows of {row['n_stars']}")

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        self.join(300)


def start_ingest(lake, frames, workers):
    return subprocess.Popen(
        [*command(), "ingest", str(frames), "--lake", str(lake), "--workers", str(workers)],
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def children(pid):
    line = ["ps", "-eo", "pid,ppid"]
    listed = subprocess.run(line, capture_output=True, text=True, check=True, timeout=60).stdout
    parents = dict(map(int, line.split()) for line in listed.splitlines()[1:])
    found, todo = [], [pid]
    while todo:
        parent = todo.pop()
        below = [child for child, of in parents.items() if of == parent]
        found += below
        todo += below
    return found


@pytest.fixture(scope="module")
def undisturbed(make_lake, program, cte_lake_command):
    lake = make_lake("undisturbed")
    started = time.monotonic()
    done = cte_lake_command("ingest", program.frames[0].parent, "--lake", lake, "--workers", 0)
    assert done.returncode == 0, done.stderr
    return content(lake), time.monotonic() - started


@pytest.mark.slow
@pytest.mark.parametrize("workers", [0, 2])
def test_killed_at_random_and_run_again(undisturbed, make_lake, program, cte_lake_command, workers):
    wanted, seconds = undisturbed
    frames = program.frames[0].parent
    moments = random.Random(workers)
    for kill in range(KILLS):
        lake = make_lake(f"killed{workers}-{kill}")
        with Reader(lake) as reader:
            process = start_ingest(lake, frames, workers)
            time.sleep(moments.uniform(0.3, 1.0) * seconds)
            process.kill()
            process.wait(timeout=120)
            again = cte_lake_command("ingest", frames, "--lake", lake, "--workers", 0)
        assert again.returncode == 0, again.stderr
        assert reader.errors == []
        assert reader.reads > 0
        assert content(lake) == wanted


@pytest.mark.slow
def test_a_killed_worker_is_replaced(undisturbed, make_lake, program):
    wanted, _ = undisturbed
    for kill in range(KILLS):
        lake = make_lake(f"worker{kill}")
        process = start_ingest(lake, program.frames[0].parent, 2)
        victim = None
        while victim is None and process.poll() is None:
            # The last process started below a nanny is a worker that has come up.
            busy = bool(list((lake / "phot").rglob("*flt.*.parquet")))
            # None is left where it ends between two looks at it.
            victim = next(iter(children(process.pid)[::-1]), None) if busy else None
            time.sleep(0.01)
        if victim is not None:
            # It may have ended meanwhile.
            with contextlib.suppress(ProcessLookupError):
                os.kill(victim, signal.SIGKILL)
        assert process.wait(timeout=400) == 0
        assert content(lake) == wanted


@pytest.mark.slow
def test_two_ingests_at_once_and_readers(undisturbed, make_lake, program):
    wanted, _ = undisturbed
    lake = make_lake("twice")
    with Reader(lake) as reader:
        processes = [start_ingest(lake, program.frames[0].parent, workers) for workers in (0, 1)]
        codes = [process.wait(timeout=300) for process in processes]
    assert codes == [0, 0]
    assert reader.errors == []
    found = content(lake)
    assert {name: stars for name, (_, stars) in found.items()} == {
        n: stars for n, (_, stars) in wanted.items()
    }
    assert all(row["phot_key"] == wanted[name][0]["phot_key"] for name, (row, _) in found.items())
