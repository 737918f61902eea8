"""A query ends when it is told to: Ctrl-C, a limit of time; the session goes on."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from cte_lake import open_lake
from cte_lake.errors import UsageError
from cte_lake.views.running import run
from tests.e2e.conftest import command

#: Minutes of work whose rows come while they are fetched.
LONG = "SELECT a.range FROM range(1000000) AS a, range(100000) AS b WHERE a.range * b.range % 999 = 5"


@pytest.fixture(autouse=True)
def ctrl_c_raises():
    """What the command line sets up; dask_jobqueue puts a handler of its own when it is imported."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@contextlib.contextmanager
def interrupted_after(seconds: float) -> Iterator[None]:
    timer = threading.Timer(seconds, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join(60)


@pytest.mark.parametrize("query", [LONG, "SELECT count(*) FROM range(10000000000) WHERE range % 7 = 3"])
def test_ctrl_c_ends_a_query_at_once_and_the_lake_answers_the_next(lake, query):
    with open_lake(lake) as opened:
        opened.sql("SELECT 1")
        with pytest.raises(KeyboardInterrupt), interrupted_after(0.5):
            opened.sql(query)
        assert opened.sql("SELECT 1 AS one").rows() == [{"one": 1}]


def test_a_query_that_was_told_to_end_before_it_began_ends():
    """DuckDB forgets an interruption when it begins a query."""
    with duckdb.connect() as connection:

        def late():
            time.sleep(0.3)
            return connection.execute(LONG).fetchall()

        with pytest.raises(KeyboardInterrupt), interrupted_after(0.1):
            run(connection, late, None)
        assert run(connection, lambda: connection.execute("SELECT 1").fetchall(), None) == [(1,)]


def test_a_query_that_takes_longer_than_it_may_is_ended(lake):
    with open_lake(lake, timeout=0.5) as opened:
        with pytest.raises(UsageError, match=r"took longer than 0.5 s and was ended"):
            opened.sql(LONG)
        assert opened.sql("SELECT 1 AS one").rows() == [{"one": 1}]


def test_what_a_query_may_write_beside_is_bounded(lake):
    with open_lake(lake, memory_limit="100MB", temp_limit="10MB") as opened:
        held = "SELECT current_setting('memory_limit') AS m, current_setting('max_temp_directory_size') AS d"
        assert opened.sql(held).rows() == [{"m": "95.3 MiB", "d": "9.5 MiB"}]
    with pytest.raises(UsageError, match="temp_limit"):
        open_lake(lake, temp_limit="much")


def cpu_seconds(pid):
    used = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return sum(map(int, used)) / os.sysconf("SC_CLK_TCK")


@pytest.mark.slow
def test_ctrl_c_ends_the_command_however_often_it_is_pressed(lake):
    process = subprocess.Popen(
        [*command(), "sql", LONG, "--lake", lake], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    # By then it has been imported, and the query runs.
    while process.poll() is None and cpu_seconds(process.pid) < 3:
        time.sleep(0.05)
    for _ in range(3):
        process.send_signal(signal.SIGINT)
        time.sleep(0.01)
    _, said = process.communicate(timeout=400)
    # The last may come when all is said and Python ends.
    assert process.returncode in (130, -signal.SIGINT)
    assert said.splitlines()[-1] == "cte-lake: interrupted"
    assert "Traceback" not in said
    assert "defect" not in said
