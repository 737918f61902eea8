"""Ingest into a bucket: on workers, killed, run twice at once, read all the while; the same as on a disk."""

import io
import os
import random
import subprocess
import threading
import time

import pyarrow.parquet as pq
import pytest

from cte_lake.config import load_settings
from cte_lake.lake.create import create_lake
from cte_lake.lake.place import place_of
from cte_lake.lake.stored import stored
from cte_lake.pipeline.master_import import import_master
from tests.e2e.conftest import command, environment
from tests.lakes import content
from tests.stores import copy_bucket

pytestmark = pytest.mark.slow
#: Moments at which ingest is killed; raise it for a campaign.
KILLS = int(os.environ.get("INGEST_KILLS", "1"))


class Bucket:
    """Looks into a bucket by a client of its own: no code of the package reads it for the tests."""

    def __init__(self, name):
        import boto3

        self.name, self._client = name, boto3.client("s3")

    def keys(self, prefix="lake/"):
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self.name, Prefix=prefix)
        return [found["Key"] for page in pages for found in page.get("Contents", [])]

    def get(self, key):
        return self._client.get_object(Bucket=self.name, Key=key)["Body"].read()


class Reader(threading.Thread):
    """Reads the bucket over and over; every exposure it sees must be whole."""

    def __init__(self, bucket):
        super().__init__(daemon=True)
        self.bucket, self.errors, self.seen, self.stop = bucket, [], 0, threading.Event()

    def run(self):
        while not self.stop.is_set():
            try:
                self._read()
            except Exception as error:
                self.errors.append(repr(error))
            self.stop.wait(0.1)

    def _read(self):
        # Exposure rows are listed first, as readers do.
        rows = [key for key in self.bucket.keys("lake/exposures/") if "seed" not in key]
        phot = {key.rpartition("/")[2]: key for key in self.bucket.keys("lake/phot/")}
        for key in rows:
            (row,) = pq.read_table(io.BytesIO(self.bucket.get(key)), partitioning=None).to_pylist()
            name = f"{row['imagename'].removesuffix('.fits')}.{row['phot_key']}.parquet"
            found = pq.read_metadata(io.BytesIO(self.bucket.get(phot[name]))).num_rows
            if found != row["n_stars"]:
                self.errors.append(f"{name}: {found} rows of {row['n_stars']}")
            self.seen += 1

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        self.join(300)
        # Once more, for a machine so busy that it looked only before there was anything.
        self._read()


@pytest.fixture
def new_lake(new_bucket, program):
    """Make lakes in buckets of their own that hold the program's catalog."""

    def make():
        bucket = Bucket(new_bucket())
        root = place_of(f"s3://{bucket.name}/lake")
        create_lake(stored(root))
        import_master(stored(root), program.master, "ngc104", load_settings(root, environment={}).config)
        return bucket, root

    return make


@pytest.fixture(scope="module")
def on_disk(make_lake, program, cte_lake_command):
    lake = make_lake("on-disk")
    started = time.monotonic()
    done = cte_lake_command("ingest", program.frames[0].parent, "--lake", lake, "--workers", 0)
    assert done.returncode == 0, done.stderr
    return content(lake), time.monotonic() - started


def start_ingest(lake, frames, workers):
    line = [*command(), "ingest", str(frames), "--lake", str(lake), "--workers", str(workers)]
    return subprocess.Popen(
        line, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )


def test_an_ingest_on_workers_is_that_on_a_disk_and_a_second_does_nothing(
    on_disk, new_lake, program, cte_lake_command, tmp_path
):
    bucket, lake = new_lake()
    frames = program.frames[0].parent
    with Reader(bucket) as reader:
        done = cte_lake_command("ingest", frames, "--lake", lake, "--workers", 2)
    assert done.returncode == 0, done.stderr
    assert reader.errors == []
    assert content(copy_bucket(bucket.name, "lake", tmp_path)) == on_disk[0]
    before = bucket.keys()
    again = cte_lake_command("ingest", frames, "--lake", lake, "--workers", 2)
    assert (again.returncode, "8 up to date" in again.stderr) == (0, True), again.stderr
    assert bucket.keys() == before


@pytest.mark.parametrize("kill", range(KILLS))
def test_killed_and_run_again(on_disk, new_lake, program, cte_lake_command, tmp_path, kill):
    wanted, seconds = on_disk
    bucket, lake = new_lake()
    frames = program.frames[0].parent
    with Reader(bucket) as reader:
        process = start_ingest(lake, frames, 0)
        time.sleep(random.Random(kill).uniform(0.6, 1.0) * seconds)
        process.kill()
        process.communicate(timeout=120)
        again = cte_lake_command("ingest", frames, "--lake", lake, "--workers", 0)
    assert again.returncode == 0, again.stderr
    assert reader.errors == []
    assert reader.seen > 0
    assert content(copy_bucket(bucket.name, "lake", tmp_path)) == wanted


def test_two_at_once(on_disk, new_lake, program, tmp_path):
    wanted, _ = on_disk
    bucket, lake = new_lake()
    with Reader(bucket) as reader:
        processes = [start_ingest(lake, program.frames[0].parent, 0) for _ in range(2)]
        talk = [process.communicate(timeout=300)[1] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], talk
    assert reader.errors == []
    found = content(copy_bucket(bucket.name, "lake", tmp_path))
    assert {name: stars for name, (_, stars) in found.items()} == {
        n: stars for n, (_, stars) in wanted.items()
    }
    assert all(row["phot_key"] == wanted[name][0]["phot_key"] for name, (row, _) in found.items())
