"""What killed processes leave is removed by the next run; what living ones or other machines hold stays."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from cte_lake.lake.maintenance.snapshots import plan_snapshot, snapshot
from cte_lake.lake.maintenance.vacuum import plan_vacuum, vacuum
from cte_lake.lake.place import place_of
from cte_lake.lake.scratch import alive, scratch_folder, sweep, temporary_beside
from cte_lake.lake.stored import stored


@pytest.fixture
def dead():
    """The number of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait(timeout=400)
    return process.pid


def left_by(pid, path):
    """A folder that a process left beside a path."""
    mine = temporary_beside(path)
    folder = mine.with_name(mine.name.replace(f"-{os.getpid()}-", f"-{pid}-"))
    folder.mkdir(parents=True)
    (folder / "half").write_text("half")
    return folder


def test_only_what_dead_processes_of_this_machine_left_goes(tmp_path, dead):
    gone = left_by(dead, tmp_path / "www")
    (tmp_path / "file").write_text("x")
    link = temporary_beside(tmp_path / "latest", ".old")
    link = link.with_name(link.name.replace(f"-{os.getpid()}-", f"-{dead}-"))
    link.symlink_to(tmp_path / "file")
    mine = left_by(os.getpid(), tmp_path / "www")
    parts = gone.name.split(".")
    away = tmp_path / ".".join([*parts[:-2], "00000000" + parts[-2][8:], parts[-1]])
    away.mkdir()
    other = tmp_path / ".something.tmp"
    other.mkdir()
    assert sweep(tmp_path) == 2
    assert set(tmp_path.iterdir()) == {mine, away, other, tmp_path / "file"}
    assert sweep(tmp_path / "nowhere") == 0


def test_scratch_of_dead_processes_goes(tmp_path, dead):
    with scratch_folder(tmp_path) as folder:
        other = folder.with_name(folder.name.replace(f"-{os.getpid()}-", f"-{dead}-"))
    other.mkdir()
    with scratch_folder(tmp_path) as folder:
        assert list(tmp_path.iterdir()) == [folder]
    assert not list(tmp_path.iterdir())
    assert alive(os.getpid())


def test_the_next_snapshot_removes_a_killed_ones_copy(lake, tmp_path, dead):
    left = left_by(dead, tmp_path / "snapshots/monday")
    snapshot(stored(lake), stored(tmp_path / "snapshots/tuesday"), plan_snapshot(stored(lake)))
    assert not left.exists()
    assert [path.name for path in (tmp_path / "snapshots").iterdir()] == ["tuesday"]


def test_vacuum_removes_a_killed_reports_folder(lake, dead):
    left = left_by(dead, lake / "reports/20260101T000000Z")
    vacuum(stored(lake), plan_vacuum(stored(lake), 0, 0))
    assert not left.exists()


def test_a_folder_is_deleted_with_all_in_it(tmp_path):
    (tmp_path / "a/b").mkdir(parents=True)
    (tmp_path / "a/b/c").write_text("x")
    place = place_of(tmp_path / "a")
    place.store.delete_folder(place.key)
    assert not (tmp_path / "a").exists()
