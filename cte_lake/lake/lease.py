"""The lock of a job on a lake in an object store: an object that can be made once and is kept fresh.

Stores have no kernel that frees the lock of a process that was killed. So the holder renews the object every
minute, and one that nobody has renewed for `LEASE` seconds may be taken over. Each step is a request with a
condition (``If-None-Match``, ``If-Match``), which the store itself decides: of two takers one gets it.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import threading
import time
from collections.abc import Iterator

from cte_lake.errors import Locked
from cte_lake.lake.s3 import S3Object

#: Seconds after which a lock that nobody has renewed is free; clocks must agree to much better than that.
LEASE = 300.0
RENEWED_EVERY = 60.0


@contextlib.contextmanager
def leased(path: S3Object, held_by: str) -> Iterator[None]:
    """Hold the lock that an object stands for; `held_by` is the message for whoever comes second.

    Raises
    ------
    Locked
        At once, if another process holds it.
    StoreUnavailable
        If the lake cannot be written.
    """
    # Different with every holder: the tag of the content is what renewing and freeing depend on.
    mine = f"{os.getpid()} on {os.uname().nodename} ({secrets.token_hex(8)})".encode()
    lease = _Lease(path, mine, _taken(path, held_by, mine))
    lease.start()
    try:
        yield
    finally:
        lease.end()


def _taken(path: S3Object, held_by: str, mine: bytes) -> str:
    """Take the lock; return its tag."""
    tag = path.put(mine, if_none=True)
    if tag is not None:
        return tag
    with contextlib.suppress(FileNotFoundError):
        head = path.head()
        if time.time_ns() - head.mtime_ns > LEASE * 1e9:
            tag = path.put(mine, if_tag=head.tag)
    if tag is None:
        raise Locked(f"{held_by} (process {_holder(path)}); try again later")
    return tag


def _holder(path: S3Object) -> str:
    try:
        return path.read_bytes().decode().partition(" (")[0]
    except FileNotFoundError:
        return "just ended"


class _Lease(threading.Thread):
    """Renews a lock until it is freed, or another has taken it over."""

    def __init__(self, path: S3Object, mine: bytes, tag: str) -> None:
        super().__init__(daemon=True)
        self._path, self._mine, self._tag = path, mine, tag
        self._freed = threading.Event()

    def run(self) -> None:
        while not self._freed.wait(RENEWED_EVERY):
            # A store that does not answer for a minute is asked again before the lease is over.
            with contextlib.suppress(OSError):
                tag = self._path.put(self._mine, if_tag=self._tag)
                if tag is None:
                    return
                self._tag = tag

    def end(self) -> None:
        """Free the lock, unless it is another's by now."""
        self._freed.set()
        self.join()
        with contextlib.suppress(OSError):
            if self._path.head().tag == self._tag:
                self._path.unlink()
