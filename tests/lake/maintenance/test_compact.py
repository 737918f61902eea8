import os
import subprocess
import sys
import time

import pytest

from benchmarks.simulated_photometry import fill_lake
from cte_lake.errors import Locked
from cte_lake.lake.maintenance.compact import compact, plan_compact
from cte_lake.lake.maintenance.vacuum import plan_vacuum, vacuum
from cte_lake.lake.maintenance.verify import verify
from cte_lake.lake.read import current_exposures
from cte_lake.lake.stored import stored
from tests.lake.conftest import DAY, STARS, age, answers, as_revision


def counts(root, name):
    return len(list((root / name).rglob("[!s]*.parquet")))


def vacuum_now(root, grace_days=7):
    return vacuum(stored(root), plan_vacuum(stored(root), int(grace_days * DAY * 1e9), time.time_ns()))


@pytest.mark.slow
@pytest.mark.parametrize("phot_below", [0, 10**9])
def test_readers_see_the_same_before_during_and_after(lake, phot_below):
    before = answers(lake)
    rows = current_exposures(stored(lake), "standard").num_rows
    merged = compact(stored(lake), plan_compact(stored(lake), 2, phot_below))
    assert merged == 8
    assert answers(lake) == before
    assert current_exposures(stored(lake), "standard").num_rows == rows == 8
    age(lake, 10)
    vacuum_now(lake)
    assert answers(lake) == before
    assert counts(lake, "exposures") == 4
    assert counts(lake, "phot") == (4 if phot_below else 8)
    assert verify(stored(lake)).passed


def test_a_second_run_merges_nothing(lake):
    compact(stored(lake), plan_compact(stored(lake), 2, 10**9))
    age(lake, 10)
    vacuum_now(lake)
    assert plan_compact(stored(lake), 2, 10**9).merges == ()


def test_a_fresh_measurement_of_the_same_revision_wins_over_the_merge(lake, lakes):
    fresh = [as_revision(image, 2) for image in lakes.images()]
    plan = plan_compact(stored(lake), 2, 10**9)
    compact(stored(lake), plan)
    fill_lake(stored(lake), fresh)
    expected = {i.record["imagename"]: round(float(i.columns["flux_r03"].sum()), 6) for i in fresh}
    assert answers(lake) == expected


@pytest.mark.slow
def test_rows_that_come_while_it_runs_are_kept(lake, lakes):
    plan = plan_compact(stored(lake), 2, 10**9)
    lakes.fill(lake, "02")
    lakes.fill(lake, "01", revision=5)
    before = answers(lake)
    compact(stored(lake), plan)
    age(lake, 10)
    vacuum_now(lake)
    assert answers(lake) == before
    assert verify(stored(lake)).stars == 16 * STARS


_KILLED = """
import os, sys
import cte_lake.lake.disk as disk
from cte_lake.lake.maintenance.compact import compact, plan_compact
from cte_lake.lake.stored import stored
root, left = stored(sys.argv[1]), int(sys.argv[2])
plan = plan_compact(root, 2, 10**9)
def dying(path):
    global left
    left -= 1
    if left < 0:
        os.kill(os.getpid(), 9)
disk.flush = dying
compact(root, plan)
"""


@pytest.mark.slow
@pytest.mark.parametrize("moment", [0, 1, 2, 3, 5, 8, 11, 13])
def test_a_kill_at_any_write_leaves_it_right(lake, moment):
    before = answers(lake)
    command = [sys.executable, "-c", _KILLED, str(lake), str(moment)]
    assert subprocess.run(command, check=False, timeout=400).returncode == -9
    assert answers(lake) == before
    compact(stored(lake), plan_compact(stored(lake), 2, 10**9))
    age(lake, 10)
    vacuum_now(lake)
    assert answers(lake) == before
    assert verify(stored(lake)).passed
    assert not list(lake.rglob("*.tmp"))


def test_two_do_not_run_at_once(lake):
    with stored(lake).lease("housekeeping"), pytest.raises(Locked, match=str(os.getpid())):
        compact(stored(lake), plan_compact(stored(lake)))
