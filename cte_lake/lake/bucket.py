"""A bucket that speaks S3 as a store: one request puts an object whole; and the lock of a job.

Stores have no kernel that frees the lock of a process that was killed. So the holder renews the object every
minute, and one that nobody has renewed for `LEASE` seconds may be taken over. Each step is a request with a
condition (``If-None-Match``, ``If-Match``), which the store itself decides: of two takers one gets it.
"""

from __future__ import annotations

import contextlib
import io
import os
import secrets
import threading
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from cte_lake.errors import LakeError, Locked, StoreUnavailable
from cte_lake.lake.disk import cannot_write
from cte_lake.lake.s3 import S3Object
from cte_lake.lake.scratch import scratch_folder
from cte_lake.lake.store import Head, Listed, Store

if TYPE_CHECKING:
    import duckdb

#: Seconds after which a lock that nobody has renewed is free.
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
        if _time_of_store(path) - head.mtime_ns > LEASE * 1e9:
            tag = path.put(mine, if_tag=head.tag)
    if tag is None:
        raise Locked(f"{held_by} (process {_holder(path)}); try again later")
    return tag


def _time_of_store(path: S3Object) -> int:
    """Return the time (ns) of the store's clock, by which objects are dated; this machine's may be ahead."""
    probe = S3Object(path.bucket, f"{path.key}.{secrets.token_hex(4)}")
    probe.put(b"")
    try:
        return probe.head().mtime_ns
    finally:
        probe.unlink()


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


@dataclass(frozen=True, order=True)
class BucketStore(Store):
    """A bucket; which store has it and who asks stands in the environment (`cte_lake.lake.s3`)."""

    bucket: str

    def at(self, key: str) -> S3Object:
        """Return an object, or the beginning of many."""
        return S3Object(self.bucket, key)

    def address(self, key: str) -> str:
        """Return ``s3://BUCKET/KEY``."""
        return str(self.at(key))

    def listing(self, key: str, folder: str) -> Iterator[Listed]:
        """Yield the objects in a folder: a request a thousand of them, and none for one alone."""
        for found in self.at(key).objects(f"{folder}/" if folder else ""):
            yield Listed(*found)

    def names(self, key: str) -> set[str]:
        """Return the first parts of the names of the objects below."""
        return {path.partition("/")[0] for path, *_ in self.at(key).objects()}

    def files(self, key: str, prefix: str) -> Iterator[str]:
        """Yield the names of the objects in a folder that begin with `prefix`."""
        yield from (path for path, *_ in self.at(key).objects(prefix) if "/" not in path)

    def head(self, key: str) -> Head:
        """Return size and time of an object."""
        found = self.at(key).head()
        return Head(found.size, found.mtime_ns)

    def is_folder(self, key: str) -> bool:
        """Whether there are objects below."""
        return next(self.at(key).objects(), None) is not None

    def require_file(self, key: str) -> None:
        """Refuse nothing: all that a bucket holds are objects."""

    def open(self, key: str) -> IO[bytes]:
        """Open an object; its pieces are fetched as they are read."""
        opened: IO[bytes] = self.at(key).open()
        return opened

    def read(self, key: str) -> bytes:
        """Return an object's content by one request."""
        return self.at(key).read_bytes()

    @contextlib.contextmanager
    def writing(self, key: str) -> Iterator[Path]:
        """Yield a temporary file of this machine that one request puts whole.

        Raises
        ------
        LakeError
            If the store does not answer, or may not be written.
        """
        try:
            with scratch_folder() as folder:
                temporary = Path(folder, key.rpartition("/")[2])
                yield temporary
                place = self.at(key)
                place.fs.put_file(str(temporary), place.path)
        except StoreUnavailable as error:
            raise LakeError(cannot_write(self.address(key), str(error))) from error

    def put_if_absent(self, key: str, content: bytes) -> bool:
        """Write an object under the condition that there is none."""
        return self.at(key).put(content, if_none=True) is not None

    def copy(self, key: str, to: str, link: bool = False) -> None:
        """Copy an object without passing here; stores know no links."""
        self.at(key).fs.cp_file(self.at(key).path, self.at(to).path)

    def move(self, key: str, to: str) -> None:
        """Copy an object and delete it."""
        self.copy(key, to)
        self.at(key).unlink()

    def touch(self, key: str) -> None:
        """Copy an object onto itself."""
        self.at(key).renew()

    def delete(self, key: str) -> None:
        """Delete an object."""
        self.at(key).unlink()

    def delete_unchanged(self, key: str, mtime_ns: int) -> bool:
        """Delete an object that has not changed; a writer may still come between look and deletion."""
        try:
            unchanged = self.at(key).head().mtime_ns == mtime_ns
        except FileNotFoundError:
            return False
        if unchanged:
            self.at(key).unlink()
        return unchanged

    def make_folder(self, key: str) -> None:
        """A bucket has no folders."""

    @contextlib.contextmanager
    def making(self, key: str) -> Iterator[str]:
        """Yield the place itself: nothing can be renamed there."""
        yield key

    @contextlib.contextmanager
    def worked_on(
        self, key: str, fetch: Callable[[Path], None], put: Callable[[Path], None]
    ) -> Iterator[Path]:
        """Yield a temporary folder."""
        with scratch_folder() as folder:
            fetch(folder)
            yield folder
            put(folder)

    def sweep(self, key: str) -> None:
        """Nothing is written in pieces there."""

    def delete_folder(self, key: str) -> None:
        """Delete the objects below a key."""
        for listed in list(self.listing(key, "")):
            self.delete(f"{key}/{listed.path}")

    def source(self, key: str, whole: bool) -> Any:
        """Return the content by one request, or a file of which the pieces are fetched that are read."""
        return io.BytesIO(self.read(key)) if whole else self.open(key)

    @contextlib.contextmanager
    def lease(self, key: str, held_by: str) -> Iterator[tuple[int, ...]]:
        """Hold an object that can be made once and is kept fresh."""
        with leased(self.at(key), held_by):
            yield ()

    def attach(self, connection: duckdb.DuckDBPyConnection, key: str, fetch: tuple[str, ...] = ()) -> None:
        """Register a file system that shows the objects below a key, to be read."""
        from cte_lake.lake.confined import confine

        confined: Any = confine(connection, self.at(key))
        confined.take(fetch)

    def query_folders(self, key: str, names: Collection[str]) -> list[str]:
        """Return the address."""
        return [self.address(key)]

    def refusal(self, key: str) -> str | None:
        """What an address can say, a lake can be called."""
        return None
