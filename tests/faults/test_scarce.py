"""A full disk, few open files, a read-only folder in every command: one sentence, nothing lost.

`SCARCE=3 pytest -s tests/faults/test_scarce.py` tries each command with all three, `SCARCE=1` with one.
"""

import os
import shutil

import pytest

from cte_lake.errors import ExitCode
from tests.faults.commands import COMMANDS, READERS
from tests.faults.test_disk import needs_mounts
from tests.faults.trials import forgotten, sound
from tests.faults.warm import Scarce

#: How many of the three each command is tried with; by default a third of the commands, with one.
COUNT = int(os.environ.get("SCARCE", "0"))
KINDS = ("disk", "descriptors", "writable")
TRIED = [
    (name, KINDS[(number + number // 3 + more) % 3])
    for number, name in enumerate(COMMANDS)
    for more in range(max(COUNT, 1))
    if COUNT or number % 3 == 1
]
#: Bytes that are free on the full disk: room for a name, not for a file of data.
FREE = int(os.environ.get("FREE", "8192"))
#: Ends that need no word: done, done in part, nothing to do, findings.
SILENT = {ExitCode.DONE, ExitCode.DONE_IN_PART, ExitCode.NOTHING_TO_DO, ExitCode.AUDIT_FAILED}


@pytest.mark.slow
@needs_mounts
@pytest.mark.parametrize(("name", "kind"), TRIED, ids=[f"{name}-{kind}" for name, kind in TRIED])
def test_what_is_scarce_is_said_in_one_sentence_and_nothing_is_lost(name, kind, field):
    trial = COMMANDS[name]
    place = field.place(trial, f"{name}-{kind}")
    kept = place.with_name(f"{place.name}.kept")
    scarce = {
        "disk": Scarce("disk", str(place), FREE, str(field.ground(trial.ground)), str(kept)),
        "descriptors": Scarce("descriptors", amount=64),
        "writable": Scarce("writable", str(place)),
    }[kind]
    run = field.start(trial, place, scarce)
    code, said = run.wait(), run.said
    told = [line for line in said.splitlines() if line.startswith("cte-lake: ")]
    print(f"{name}: {kind}, exit code {code}, {told}")
    assert code in set(ExitCode) - {ExitCode.DEFECT}, said
    assert "Traceback" not in said, said
    assert "defect" not in said, said
    assert len(told) == 1 or code in SILENT, said
    if kind == "disk":
        shutil.rmtree(place)
        kept.rename(place)
    sound(place)
    if name not in READERS:
        assert forgotten(place) == []
    if name not in READERS and code != ExitCode.DONE:
        field.run(trial, place)
        sound(place)
    shutil.rmtree(place)
