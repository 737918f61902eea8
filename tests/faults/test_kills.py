"""Every command that writes, killed at random moments and run again: the lake equals an undisturbed one.

`KILLS=20 pytest -s tests/faults/test_kills.py` is the campaign; it prints how often a kill came in
mid-write; `FAULT_SEED=2` draws other moments.
"""

import os
import shutil
import time

import pytest

from cte_lake.errors import ExitCode
from cte_lake.lake.maintenance.vacuum import plan_vacuum, vacuum
from cte_lake.lake.stored import stored
from tests.faults.trials import (
    TRIALS,
    WRITERS,
    changes,
    current_state,
    equal,
    left_behind,
    moments,
    names,
    other,
    sound,
    state,
    temporary_left,
)

#: Moments at which each command is killed; raise it for a campaign.
KILLS = int(os.environ.get("KILLS", "1"))
#: What is killed: in campaigns whatever writes.
KILLED = TRIALS if KILLS == 1 else {**TRIALS, **WRITERS}
#: Tried two at once in a campaign alone.
LONG = {"build", "crmask", "report"}
#: Killed in a campaign alone: outside of it as a step of a run (tests/workflow/test_run.py).
STEPS = {"crmask"} if KILLS == 1 else frozenset()


@pytest.mark.slow
@pytest.mark.timeout(600 * (1 + KILLS))
@pytest.mark.parametrize("name", [name for name in KILLED if name not in STEPS])
def test_killed_at_random_and_run_again(name, field):
    if name.startswith("iceberg"):
        pytest.importorskip("pyiceberg", reason="pyiceberg is not installed (extra 'iceberg')")
    trial, draw = KILLED[name], moments(name)
    whole, first, seconds = field.whole(name)
    begun, wanted = state(field.ground(trial.ground)), state(whole)
    assert wanted.keys() != begun.keys()
    midway = tries = hits = 0
    while hits < KILLS:
        place = field.place(trial, f"{name}-{tries}")
        # A machine that has become faster ends it before its time: earlier, then, down to its start.
        after = draw.uniform(first, 0.3 * first + 0.7 * seconds) * 0.7 ** (tries - hits)
        before, run = names(place), field.start(trial, place)
        tries += 1
        # Every second time as soon as it has changed something: else what writes for a moment is never hit.
        if run.killed(after) if tries % 2 else run.killed(0.0, changes(place, before)):
            hits += 1
            midway += state(place).keys() not in (begun.keys(), wanted.keys())
            sound(place)
            field.run(trial, place)
            equal(trial.view(place), trial.view(whole))
            sound(place)
            vacuum(
                stored(place / "lake"),
                plan_vacuum(stored(place / "lake"), 30 * 86_400 * 10**9, time.time_ns()),
            )
            assert left_behind(place) == []
            assert temporary_left(place) == []
        shutil.rmtree(place)
    print(f"{name}: killed {hits} times, {midway} in the midst of its writes, {tries - hits} came too late")


#: How one of two may end: done, nothing left to do, the other holds the lock; a snapshot is there already.
_ENDS = {ExitCode.DONE, ExitCode.NOTHING_TO_DO, ExitCode.LOCKED}


@pytest.mark.slow
@pytest.mark.parametrize("name", TRIALS)
def test_two_at_once_leave_what_one_leaves(name, field):
    if name in LONG and KILLS == 1:
        pytest.skip("takes long: tried in campaigns (KILLS=20)")
    trial = TRIALS[name]
    place = field.place(trial, f"{name}-two")
    runs = [field.start(trial, place) for _ in range(2)]
    for run in runs:
        assert run.wait() in {*_ENDS, *trial.codes}, run.said
    assert {run.code for run in runs} & {*trial.codes}
    sound(place)
    field.run(trial, place)
    equal(current_state(place), current_state(field.whole(name)[0]))
    assert left_behind(place) == []
    sound(place)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name, trial in TRIALS.items() if trial.other])
def test_two_with_different_settings_at_once(name, field):
    if name in LONG and KILLS == 1:
        pytest.skip("takes long: tried in campaigns (KILLS=20)")
    trial = TRIALS[name]
    place = field.place(trial, f"{name}-others")
    runs = [field.start(each, place) for each in (trial, other(trial))]
    for run in runs:
        assert run.wait() in _ENDS, run.said
    sound(place)
    # Whoever came last counts; asked again, the first one's settings do.
    field.run(trial, place)
    equal(current_state(place), current_state(field.whole(name)[0]))
    sound(place)
