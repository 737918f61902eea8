"""Workers end with the report that started them; old reports are removed by a rule."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from cte_lake.lake.place import place_of
from cte_lake.lake.scratch import alive
from cte_lake.report.publish import prune

#: Draws as `drawing_frames` does: tells its worker's number, then waits to be killed.
_PROGRAM = """
import multiprocessing, os, time
from concurrent.futures import ProcessPoolExecutor
from cte_lake.pipeline.children import end_with_parent

if __name__ == "__main__":
    spawned = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(1, mp_context=spawned, initializer=end_with_parent)
    print(pool.submit(os.getpid).result(), flush=True)
    pool.submit(time.sleep, 600)
    time.sleep(600)
"""


def test_workers_of_a_killed_report_end(tmp_path: Path) -> None:
    program = tmp_path / "draws.py"
    program.write_text(_PROGRAM)
    parent = subprocess.Popen([sys.executable, str(program)], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    worker = int(parent.stdout.readline())
    assert _runs(worker)
    parent.kill()
    parent.wait(timeout=400)
    parent.stdout.close()
    end = time.monotonic() + 200
    while _runs(worker) and time.monotonic() < end:
        time.sleep(0.05)
    assert not _runs(worker)


def _runs(pid: int) -> bool:
    """Whether a process runs; one that has ended may wait for somebody to ask how."""
    if not alive(pid):
        return False
    stat = Path(f"/proc/{pid}/stat")
    try:
        return not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_the_newest_reports_stay(tmp_path: Path) -> None:
    names = [f"2026010{day}T000000Z" for day in range(1, 7)]
    for name in (*names, "mine", ".cache"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "report.json").write_text("{}")
    (tmp_path / "latest").symlink_to(names[-1])
    prune(place_of(tmp_path), 3, names[-1])
    assert {path.name for path in tmp_path.iterdir()} == {*names[3:], "mine", ".cache", "latest"}
    # A report made for an earlier day stays, since `latest` points at it.
    prune(place_of(tmp_path), 1, names[3])
    assert {path.name for path in tmp_path.iterdir()} == {names[3], "mine", ".cache", "latest"}
    prune(place_of(tmp_path), 5, names[3])
    assert (tmp_path / names[3]).is_dir()
