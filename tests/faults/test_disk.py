"""A disk that is full, read-only, or lies about what it holds."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from cte_lake.errors import ExitCode
from tests.faults.conftest import cte_lake, one_line
from tests.lakes import content

NAMESPACE = ("unshare", "--user", "--map-root-user", "--mount")
LEVELS = int(os.environ.get("CTE_FAULT_LEVELS", "5"))


def private_mounts() -> bool:
    """Whether this machine lets a test mount a small disk for itself."""
    if shutil.which("unshare") is None:
        return False
    probe = "mount -t tmpfs -o size=64k tmpfs /mnt"
    done = subprocess.run([*NAMESPACE, "sh", "-c", probe], capture_output=True, check=False, timeout=60)
    return done.returncode == 0


needs_mounts = pytest.mark.skipif(not private_mounts(), reason="no private mounts on this machine")


@needs_mounts
@pytest.mark.slow
def test_a_full_disk_at_every_write_of_an_ingest_loses_no_row(frames, small_visit, tmp_path):
    (tmp_path / "disk").mkdir()
    script = Path(__file__).with_name("in_small_disk.py")
    places = (tmp_path / "disk", frames, small_visit.master)
    line = [sys.executable, str(script), *map(str, places), str(LEVELS)]
    done = subprocess.run(
        [*NAMESPACE, *line], capture_output=True, text=True, check=False, timeout=500,
        env={**os.environ, "PYTHONPATH": str(script.parents[1])},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    levels = [json.loads(text) for text in done.stdout.splitlines()]
    assert len(levels) == LEVELS
    for level in levels:
        assert level["whole"], level
        assert level["same"], level
        assert (level["lost"], level["tmp"]) == (0, 0)
    said = [level["saw"] for level in levels if level["saw"] != "done"]
    assert len(said) >= LEVELS // 2
    assert all("No space left on device; put that right and run the command again" in text for text in said)


@pytest.mark.slow
@needs_mounts
def test_a_read_only_lake_answers_and_says_why_it_takes_nothing(lake, frames):
    assert cte_lake("ingest", frames, "--lake", lake, "--workers", "0").returncode == 0
    shutil.rmtree(lake / ".cache", ignore_errors=True)
    read_only = (
        *NAMESPACE, "sh", "-c",
        f'mount --bind "{lake}" "{lake}" && mount -o remount,bind,ro "{lake}" && exec "$@"', "sh",
    )  # fmt: skip
    for frame in frames.iterdir():
        os.utime(frame)
    refused = cte_lake("ingest", frames, "--lake", lake, "--workers", "0", prefix=read_only)
    assert refused.returncode == ExitCode.WRONG_USE
    assert "Read-only file system" in one_line(refused)
    verified = cte_lake("verify", "--lake", lake, prefix=read_only)
    assert verified.returncode == 0, verified.stderr
    assert "4 exposures" in verified.stderr
    script = "import sys, cte_lake; print(len(cte_lake.open_lake(sys.argv[1]).exposures()))"
    asked = subprocess.run(
        [*read_only, sys.executable, "-c", script, str(lake)],
        capture_output=True, text=True, check=False, timeout=400,
    )  # fmt: skip
    assert asked.stdout.strip() == "4", asked.stderr
    for command in (("vacuum", "--yes"), ("compact", "--min-files", "2")):
        done = cte_lake(*command, "--lake", lake, prefix=read_only)
        assert "Traceback" not in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("where", ["phot", "exposures", "master"])
def test_a_broken_file_is_named_put_aside_and_measured_again(lake, frames, where):
    cte_lake("ingest", frames, "--lake", lake, "--workers", "0")
    before = {name: table.column("flux_r03").to_pylist() for name, (_, table) in content(lake).items()}
    broken = next(path for path in sorted((lake / where).rglob("*.parquet")) if path.name != "seed.parquet")
    broken.write_bytes(broken.read_bytes()[:-7] + b"garbage")
    found = cte_lake("verify", "--lake", lake, "--quarantine", "--yes")
    assert found.returncode == ExitCode.AUDIT_FAILED
    assert broken.name in found.stdout
    assert (lake / "quarantine" / broken.relative_to(lake)).is_file()
    assert cte_lake("verify", "--lake", lake).returncode == 0
    if where == "master":
        return
    assert len(content(lake)) == 3
    again = cte_lake("ingest", frames, "--lake", lake, "--workers", "0")
    assert again.returncode == 0, again.stderr
    assert "1 measured" in again.stderr
    after = {name: table.column("flux_r03").to_pylist() for name, (_, table) in content(lake).items()}
    assert after == before
