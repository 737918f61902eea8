"""An object store on this machine: a real S3 server in a process of its own, a bucket a test."""

from __future__ import annotations

import os
import select
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

#: What every tool of such stores reads.
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "somebody",
    "AWS_SECRET_ACCESS_KEY": "something-secret",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}


@contextmanager
def deaf_port() -> Iterator[int]:
    """A port of this machine at which nobody listens, nor will while the block runs."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield int(held.getsockname()[1])


#: Tells its port; ends with the process that started it, also with one that crashes: then nobody holds its
#: input open.
_SERVER = """
import os, sys, threading
threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
server.start()
print(server.get_host_and_port()[1], flush=True)
threading.Event().wait()
"""


def start_server(**environment: str) -> tuple[subprocess.Popen[bytes], str]:
    """Start a moto server at a port that the system gives it; returns it and its address."""
    process = subprocess.Popen(
        [sys.executable, "-c", _SERVER],
        env={**os.environ, **environment},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert process.stdout is not None
    ready, _, _ = select.select([process.stdout], [], [], 300)
    if ready and (port := process.stdout.readline()):
        return process, f"http://127.0.0.1:{int(port)}"
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
    process, address = start_server()
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
