"""Frames, a lake, and ways to run the command line as a user does."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import ExitStack

import pytest

from tests.cli.in_process import in_process
from tests.faults.warm import warm
from tests.pipeline.fetch.archive_server import FakeArchive, serving


def cte_lake(
    *arguments: object, prefix: tuple[str, ...] = (), own_process: bool = False
) -> subprocess.CompletedProcess[str]:
    """Run a command here; in a process of its own if it starts workers or another starts it (`prefix`)."""
    if not prefix and not own_process:
        return in_process(*arguments)
    line = [*prefix, sys.executable, "-m", "cte_lake.cli.main", *map(str, arguments)]
    return subprocess.run(
        line, capture_output=True, text=True, check=False, timeout=400, env={**os.environ, "LC_ALL": "C"}
    )


def one_line(done: subprocess.CompletedProcess[str]) -> str:
    """What the user saw: one sentence, no traceback."""
    assert "Traceback" not in done.stderr, done.stderr
    assert "defect" not in done.stderr, done.stderr
    lines = [line for line in done.stderr.splitlines() if line.startswith("cte-lake: ")]
    assert len(lines) == 1, done.stderr
    return lines[0]


@pytest.fixture(scope="session")
def field(tmp_path_factory, small_visit):
    from tests.faults.trials import Field

    folder = tmp_path_factory.mktemp("kills")
    (folder / "out").mkdir()
    lines = small_visit.master.read_text().splitlines(keepends=True)
    (folder / "other.cat").write_text("".join(lines[: 2 * len(lines) // 3]))
    (folder / "few.cat").write_text("".join(lines[: len(lines) // 6]))
    table = ["flux,y,chip,mjd,background"]
    table += [f"{500 + 7 * star},{star % 2000},{1 + star % 2},57601.3,12" for star in range(20_000)]
    (folder / "stars.csv").write_text("\n".join(table))
    archive = FakeArchive()
    for frame in small_visit.frames:
        archive.add(frame.name, frame.read_bytes(), 14378)
    with ExitStack() as stack:
        url = stack.enter_context(serving(archive)).url
        ground = stack.enter_context(warm(folder / "out"))
        yield Field(ground, folder, small_visit, url)
