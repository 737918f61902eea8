"""The lock of a lake in an object store: one holder, freed, taken over, never taken from a living one."""

import subprocess
import sys
import threading
import time

import pytest

from cte_lake.errors import Locked
from cte_lake.lake import bucket
from cte_lake.lake.place import place_of
from cte_lake.lake.stored import stored

HOLDER = """
import sys, time
from cte_lake.lake.stored import stored
from cte_lake.lake.place import place_of
with stored(place_of(sys.argv[1])).lease("job"):
    print("held", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def place(bucket):
    return place_of(f"s3://{bucket}/lake")


#: Age (s) of an old lock; one that is renewed each 0.2 s is younger on the busiest machine.
OLD = 7.0


@pytest.fixture(scope="module")
def left_behind(new_bucket):
    place = place_of(f"s3://{new_bucket()}/lake")
    place.store.at("lake/logs/job.lock").put(b"1 on a machine that is no more (0)")
    return place, time.monotonic()


@pytest.fixture(autouse=True)
def ages(left_behind):
    """It grows old while the other tests run."""


@pytest.fixture
def old_lock(left_behind):
    """A lake whose lock a process left `OLD` seconds ago."""
    place, since = left_behind
    time.sleep(max(0.0, since + OLD - time.monotonic()))
    return place


def wait_a_second():
    # Times of objects are whole seconds.
    time.sleep(1.1)


def locks(place):
    return [path for path, *_ in place.listing("logs")]


def test_a_second_holder_is_refused_and_the_next_is_not(place):
    with stored(place).lease("job"):
        assert locks(place) == ["logs/job.lock"]
        with (
            pytest.raises(Locked, match=r"another job runs on s3://.* \(process \d+ on "),
            stored(place).lease("job"),
        ):
            pass
        with stored(place).lease("another job"):
            pass
    assert locks(place) == []
    with stored(place).lease("job"):
        pass


def test_it_is_freed_by_an_error_too(place):
    with pytest.raises(ValueError, match="broken"), stored(place).lease("job"):
        raise ValueError("broken")
    assert locks(place) == []


def test_a_killed_holder_keeps_it_until_its_lease_is_over(place, monkeypatch):
    with subprocess.Popen([sys.executable, "-c", HOLDER, str(place)], stdout=subprocess.PIPE) as holder:
        assert holder.stdout.readline() == b"held\n"
        holder.kill()
    with pytest.raises(Locked), stored(place).lease("job"):
        pass
    monkeypatch.setattr(bucket, "LEASE", 0.0)
    wait_a_second()
    with stored(place).lease("job"):
        assert locks(place) == ["logs/job.lock"]
    assert locks(place) == []


def test_a_clock_ahead_takes_no_lock_of_a_living_holder(place, monkeypatch):
    with stored(place).lease("job"):
        monkeypatch.setattr(time, "time_ns", lambda: 4 * 10**18)
        with pytest.raises(Locked), stored(place).lease("job"):
            pass
    assert locks(place) == []


def test_a_holder_renews_it(place, monkeypatch):
    monkeypatch.setattr(bucket, "RENEWED_EVERY", 0.2)
    lock, end = place.store.at("lake/logs/job.lock"), time.monotonic() + 120
    with stored(place).lease("job"):
        taken = lock.head().mtime_ns
        # By its age others tell whether its holder lives.
        while lock.head().mtime_ns - taken < 2e9:
            assert time.monotonic() < end
            time.sleep(0.1)
        with pytest.raises(Locked), stored(place).lease("job"):
            pass


def test_of_many_that_take_an_old_lock_one_gets_it(old_lock, monkeypatch):
    place = old_lock
    monkeypatch.setattr(bucket, "LEASE", OLD - 1.0)
    monkeypatch.setattr(bucket, "RENEWED_EVERY", 0.2)
    got, refused, start, all_came = [], [], threading.Barrier(8), threading.Event()

    def take():
        start.wait(60)
        try:
            with stored(place).lease("job"):
                got.append(locks(place))
                # Who comes when it is free again would get it too.
                all_came.wait(60)
        except Locked:
            refused.append(1)
            if len(refused) == 7:
                all_came.set()

    threads = [threading.Thread(target=take) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert (len(got), len(refused)) == (1, 7)


def test_who_lost_it_does_not_free_it_for_the_next(place):
    path = place.store.at("lake/logs/job.lock")
    with stored(place).lease("job"):
        # As another that found it old: this process was asleep for longer than the lease.
        assert path.put(b"2 on another machine (1)", if_tag=path.head().tag)
    assert path.read_bytes() == b"2 on another machine (1)"
