"""SIGTERM, SIGHUP and Ctrl-C in every command: one line, the right exit code, nothing left.

`SIGNALS=3 pytest -s tests/faults/test_stopped.py` tries each of the three in every command,
`FAULT_SEED=2` at other moments.
"""

import os
import shutil
import signal

import pytest

from cte_lake.errors import ExitCode
from tests.faults.commands import COMMANDS
from tests.faults.trials import forgotten, moments, sound, temporary_left

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
#: How many of the signals each command is tried with; the commands take turns with one.
COUNT = int(os.environ.get("SIGNALS", "1"))
TRIED = [
    (name, SIGNALS[(number + more) % len(SIGNALS)])
    for number, name in enumerate(COMMANDS)
    for more in range(COUNT)
]
#: How a command may end that was done before the signal came.
DONE = set(ExitCode) - {ExitCode.DEFECT}
#: A command that is done before the signal comes gets it earlier, a few times.
TRIES = 8


@pytest.mark.slow
@pytest.mark.parametrize(("name", "number"), TRIED, ids=[f"{name}-{number.name}" for name, number in TRIED])
def test_a_signal_in_a_command_is_one_line_and_leaves_nothing(name, number, field):
    trial, draw = COMMANDS[name], moments(name, number)
    for tries in range(TRIES):
        place = field.place(trial, f"{name}-{number.name}-{tries}")
        run = field.start(trial, place)
        # A terminal tells all that a command has started, `kill` and systemd the command alone.
        run.stopped(number, draw.uniform(0, 1.5 * 0.5**tries), alone=number == signal.SIGTERM)
        code, said = run.wait(), run.said
        assert "Traceback" not in said, said
        assert "defect" not in said, said
        if code not in DONE:
            break
        shutil.rmtree(place)
    else:
        pytest.skip("done before a signal came")
    assert code in {128 + number, -number}, said
    # Workers end with the command, which does not wait for them once it was told to stop.
    assert run.left() == []
    if code == 128 + number:
        assert said.rstrip().splitlines()[-1].startswith("cte-lake: "), said
        assert sum(line.startswith("cte-lake: ") for line in said.splitlines()) == 1, said
        assert forgotten(place) == []
        assert temporary_left(place) == []
    sound(place)
    shutil.rmtree(place)
    print(f"{name}: {number.name} in try {tries + 1}, exit code {code}")
