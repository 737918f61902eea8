"""A bucket that answers with errors, half an answer or none: one sentence, the right cause, no traceback."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cte_lake.errors import ExitCode
from tests.faults.misbehaving_store import misbehaving_store
from tests.stores import CREDENTIALS, free_port

pytest.importorskip("s3fs")
pytestmark = pytest.mark.slow

LAKE = "s3://bucket/lake"
COMMANDS = {
    "status": ["status", "--lake", LAKE],
    "sql": ["sql", "SELECT 1", "--lake", LAKE],
    "init": ["init", LAKE],
}
#: Way of going wrong, and a word of the cause that the sentence must hold.
WAYS = {
    "internal_error": "failing or overloaded",
    "slow_down": "failing or overloaded",
    "expired": "ExpiredToken",
    "skewed_clock": "clock",
    "unknown_key": "InvalidAccessKeyId",
    "other_region": "region",
    "cut": "connection",
    "hang_up": "connection",
    "nonsense": "not that of an object store",
}


def run(command: list[str], address: str, **more: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "CTE_LAKE_"))}
    return subprocess.run(
        [str(Path(sys.executable).with_name("cte-lake")), *command],
        env={**clean, **CREDENTIALS, "AWS_ENDPOINT_URL": address, "AWS_MAX_ATTEMPTS": "2", **more},
        capture_output=True, text=True, check=False, timeout=300, stdin=subprocess.DEVNULL,
    )  # fmt: skip


def assert_one_sentence(done: subprocess.CompletedProcess[str], cause: str) -> None:
    assert done.returncode == ExitCode.WRONG_USE, done.stderr
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("cte-lake: ")
    assert cause.lower() in lines[0].lower()
    assert "defect" not in done.stderr


@pytest.mark.parametrize(("way", "cause"), WAYS.items(), ids=WAYS)
def test_the_sentence_names_the_cause(way, cause):
    with misbehaving_store(way) as address:
        assert_one_sentence(run(COMMANDS["status"], address), cause)


@pytest.mark.parametrize("command", ["sql", "init"])
def test_other_commands_say_the_same(command):
    with misbehaving_store("slow_down") as address:
        assert_one_sentence(run(COMMANDS[command], address), "overloaded")


def test_nobody_listens():
    assert_one_sentence(run(COMMANDS["status"], f"http://127.0.0.1:{free_port()}"), "connect")


@pytest.mark.parametrize("address", ["localhost:9000", "ftp://127.0.0.1", "http://", "not an address"])
def test_an_address_that_is_none_is_named(address):
    assert_one_sentence(run(COMMANDS["status"], address), "AWS_ENDPOINT_URL")
