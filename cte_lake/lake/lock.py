"""One run at a time of what must not run twice. Readers and ingests take no lock."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from cte_lake.errors import LakeError, Locked
from cte_lake.lake.place import in_store


@contextlib.contextmanager
def only_one(root: Path, job: str) -> Iterator[None]:
    """Hold the lock of a job on a lake; the kernel frees it when the process ends, however it ends.

    In an object store an object is the lock (`cte_lake.lake.lease`).

    Raises
    ------
    Locked
        At once, if another process holds it.
    LakeError
        If the lake cannot be written.
    """
    if (place := in_store(root)) is not None:
        from cte_lake.lake.lease import leased

        with leased(place, job):
            yield
        return
    path = root / "logs" / f"{job}.lock"
    try:
        path.parent.mkdir(exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise LakeError(
            f"{root} cannot be written ({error.strerror}): {job} needs a lock in logs/"
        ) from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(descriptor, 64).decode("ascii", "replace").strip() or "unknown"
            raise Locked(f"another {job} runs on {root} (process {holder}); try again later") from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()} on {os.uname().nodename}".encode(), 0)
        yield
    finally:
        os.close(descriptor)
