"""An object store on this machine: a real S3 server in a process of its own, a bucket a test."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

#: What every tool of such stores reads.
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "somebody",
    "AWS_SECRET_ACCESS_KEY": "something-secret",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


#: Ends with the process that started it, also with one that crashes: then nobody holds its input open.
_SERVER = """
import os, sys, threading
threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
from moto.server import main
main()
"""


def start_server(port: int, **environment: str) -> subprocess.Popen[bytes]:
    """Start a moto server and wait until it answers."""
    process = subprocess.Popen(
        [sys.executable, "-c", _SERVER, "-H", "127.0.0.1", "-p", str(port)],
        env={**os.environ, **environment},
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    end = time.monotonic() + 120
    while time.monotonic() < end and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return process
        time.sleep(0.1)
    stop_server(process)
    raise TimeoutError("moto's server does not start")


def stop_server(process: subprocess.Popen[bytes]) -> None:
    """End a server at once."""
    process.kill()
    process.communicate(timeout=60)


@pytest.fixture(scope="session")
def object_store() -> Iterator[str]:
    """A store that speaks S3, named in the environment as its users name theirs; returns its address."""
    pytest.importorskip("s3fs")
    port = free_port()
    process = start_server(port)
    address = f"http://127.0.0.1:{port}"
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            patch.delenv(name)
        for name, value in {**CREDENTIALS, "AWS_ENDPOINT_URL": address}.items():
            patch.setenv(name, value)
        yield address
    stop_server(process)


def copy_bucket(name: str, prefix: str, folder: Path) -> Path:
    """Copy what is below a prefix into a folder, by a client that is none of the package's."""
    import boto3

    client = boto3.client("s3")
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=name, Prefix=f"{prefix}/")
    for found in (found for page in pages for found in page.get("Contents", [])):
        path = folder / found["Key"].removeprefix(f"{prefix}/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(client.get_object(Bucket=name, Key=found["Key"])["Body"].read())
    return folder


_BUCKETS = iter(range(10_000))


@pytest.fixture(scope="session")
def new_bucket(object_store):
    """Make buckets; returns a function that makes one and returns its name."""
    import boto3

    def make() -> str:
        name = f"bucket-{next(_BUCKETS)}"
        boto3.client("s3").create_bucket(Bucket=name)
        return name

    return make


@pytest.fixture
def bucket(new_bucket) -> str:
    """A bucket of its own."""
    return new_bucket()
