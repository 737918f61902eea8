"""Commands that write, killed at random moments and run again: the lake equals an undisturbed one."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time

import pytest

from cte_lake.lake.maintenance.verify import verify
from tests.faults.conftest import cte_lake, new_lake
from tests.lakes import content

#: Moments at which each command is killed; raise it for a campaign.
KILLS = int(os.environ.get("KILLS", "1"))

COMMANDS = {
    "compact": ("compact", "--min-files", "2"),
}


def stars(root):
    """The fluxes of every current image."""
    return {name: table.column("flux_r03").to_pylist() for name, (_, table) in content(root).items()}


def words(name, lake, frames, master):
    places = {"frames": frames, "lake": lake, "master": master}
    return [*(word.format(**places) for word in COMMANDS[name]), "--lake", str(lake)]


def killed(line, after):
    """Start a command, kill its process group after so many seconds; whether it was still running."""
    process = subprocess.Popen(
        [sys.executable, "-m", "cte_lake.cli.main", *line],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    try:
        process.wait(after)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        return process.wait() == -signal.SIGKILL
    return False


@pytest.mark.slow
@pytest.mark.parametrize("name", COMMANDS)
def test_killed_at_random_and_run_again(name, small_visit, frames, tmp_path):
    prepared = new_lake(tmp_path / "prepared", small_visit)
    done = cte_lake("ingest", frames, "--lake", prepared, "--workers", "0")
    assert done.returncode == 0, done.stderr
    whole = shutil.copytree(prepared, tmp_path / "whole")
    started = time.monotonic()
    done = cte_lake(*words(name, whole, frames, small_visit.master))
    assert done.returncode == 0, done.stderr
    seconds = time.monotonic() - started
    wanted, moments = stars(whole), random.Random(name)
    for kill in range(KILLS):
        lake = shutil.copytree(prepared, tmp_path / f"lake{kill}")
        killed(words(name, lake, frames, small_visit.master), moments.uniform(0.4, 0.95) * seconds)
        assert verify(lake).passed
        again = cte_lake(*words(name, lake, frames, small_visit.master))
        assert again.returncode == 0, again.stderr
        assert stars(lake) == wanted
        assert verify(lake).passed
