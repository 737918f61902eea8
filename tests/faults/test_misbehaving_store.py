"""A bucket that answers with errors, half an answer or none: one sentence, the right cause, no traceback."""

from __future__ import annotations

import json
import os
import time

import pytest

from cte_lake.errors import ExitCode
from tests.docs.forked import Outcome, outcome_of
from tests.faults.misbehaving_store import misbehaving_store
from tests.faults.trials import moments
from tests.lake.conftest import answers, filled  # noqa: F401
from tests.stores import CREDENTIALS, copy_bucket, deaf_port

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


@pytest.fixture
def run(tmp_path):
    """Run a command in a process of its own, on the store of an address."""

    def invoke(command: list[str], address: str, **more: str) -> Outcome:
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "CTE_LAKE_"))}
        there = {**CREDENTIALS, "AWS_ENDPOINT_URL": address, "AWS_MAX_ATTEMPTS": "2"}
        return outcome_of(command, tmp_path, {**kept, **there, "TMPDIR": str(tmp_path), **more})

    return invoke


def assert_one_sentence(done: Outcome, cause: str) -> None:
    assert done.code == ExitCode.WRONG_USE, done.talk
    lines = done.talk.strip().splitlines()
    assert len(lines) == 1, done.talk
    assert lines[0].startswith("cte-lake: ")
    assert cause.lower() in lines[0].lower()
    assert "defect" not in done.talk


@pytest.mark.parametrize(("way", "cause"), WAYS.items(), ids=WAYS)
def test_the_sentence_names_the_cause(run, way, cause):
    with misbehaving_store(way) as address:
        assert_one_sentence(run(COMMANDS["status"], address), cause)


@pytest.mark.parametrize("command", ["sql", "init"])
def test_other_commands_say_the_same(run, command):
    with misbehaving_store("slow_down") as address:
        assert_one_sentence(run(COMMANDS[command], address), "overloaded")


def test_nobody_listens(run):
    with deaf_port() as port:
        assert_one_sentence(run(COMMANDS["status"], f"http://127.0.0.1:{port}"), "connect")


@pytest.mark.parametrize("address", ["localhost:9000", "ftp://127.0.0.1", "http://", "not an address"])
def test_an_address_that_is_none_is_named(run, address):
    assert_one_sentence(run(COMMANDS["status"], address), "AWS_ENDPOINT_URL")


#: Ways in which each command fails midway; six are the campaign of docs/faults.md.
TIMES = int(os.environ.get("STORE_FAULTS", "1"))
SUM = ["sql", "SELECT count(*) AS n, round(sum(flux_r03), 3) AS flux FROM phot", "--format", "json"]
#: What is asked of a lake, and what changes it.
MIDWAY = {
    "sql": SUM,
    "verify": ["verify"],
    "audit": ["audit"],
    "compact": ["compact", "--min-files", "2", "--phot-below", "10"],
    "vacuum": ["vacuum", "--grace", "0", "--yes"],
    "snapshot": ["snapshot", "saved"],
}
#: Ways of going wrong from some request on, and of one of three requests.
TROUBLES = ["internal_error", "slow_down", "expired", "cut", "hang_up", "nonsense"]


@pytest.fixture
def stored_lake(filled, new_bucket):  # noqa: F811
    """A lake of eight images in a bucket, put there by a client that is none of the package's."""
    import boto3

    client, name = boto3.client("s3"), new_bucket()
    for path in sorted(path for path in filled.rglob("*") if path.is_file()):
        client.put_object(Bucket=name, Key=f"lake/{path.relative_to(filled)}", Body=path.read_bytes())
    return name


@pytest.mark.parametrize("command", MIDWAY)
def test_a_store_that_fails_midway_costs_nothing(run, object_store, stored_lake, tmp_path, command):
    """From a random request on it fails: a sentence, and the command run again does what it does."""
    lake, draw = ["--lake", f"s3://{stored_lake}/lake"], moments(command)
    wanted = answers(copy_bucket(stored_lake, "lake", tmp_path / "before"))
    for way in draw.sample(TROUBLES, min(TIMES, len(TROUBLES))):
        with misbehaving_store(way, object_store, after=draw.randrange(20)) as address:
            done = run([*MIDWAY[command], *lake], address)
        if done.code:
            assert "Traceback" not in done.talk
            assert "defect" not in done.talk, done.talk
            assert len(done.talk.strip().splitlines()) == 1 or command in ("verify", "audit"), done.talk
    again = run([*MIDWAY[command], *lake], object_store)
    # The stars of this lake are few, and one audit says so.
    assert again.code == (ExitCode.AUDIT_FAILED if command == "audit" else 0), again.talk
    assert run(["verify", *lake], object_store).code == 0
    assert answers(copy_bucket(stored_lake, "lake", tmp_path / "after")) == wanted


@pytest.mark.parametrize("way", ["slow", "slow_down", "cut"])
def test_a_store_that_fails_now_and_then_gives_no_wrong_number(run, object_store, stored_lake, way):
    lake = ["--lake", f"s3://{stored_lake}/lake"]
    (wanted,) = json.loads(run([*SUM, *lake], object_store).output)
    with misbehaving_store(way, object_store, every=3, after=2) as address:
        done = run([*SUM, *lake], address)
    if done.code:
        assert_one_sentence(done, "object store")
    else:
        assert json.loads(done.output) == [wanted]
    assert done.code == 0 or way != "slow"


patiently = pytest.mark.skipif(TIMES == 1, reason="takes minutes: tried in campaigns (STORE_FAULTS=6)")


@patiently
@pytest.mark.parametrize("command", COMMANDS)
def test_a_silent_store_is_given_up_within_minutes(run, command):
    began = time.monotonic()
    with misbehaving_store("silent") as address:
        # As many attempts as there are where nobody says how many.
        done = run(COMMANDS[command], address, AWS_MAX_ATTEMPTS="5")
    assert_one_sentence(done, "does not answer in time")
    print(f"{command}: given up after {time.monotonic() - began:.0f} s")


@patiently
@pytest.mark.parametrize("way", ["slow", "sluggish"])
def test_a_slow_store_is_waited_for(run, object_store, stored_lake, way):
    lake = ["--lake", f"s3://{stored_lake}/lake"]
    wanted = run([*SUM, *lake], object_store).output
    began = time.monotonic()
    with misbehaving_store(way, object_store) as address:
        done = run([*SUM, *lake], address)
    assert (done.code, done.output) == (0, wanted)
    print(f"a query on a {way} store: {time.monotonic() - began:.0f} s")
