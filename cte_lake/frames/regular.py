"""Whether a path leads to a regular file that can be read, and why not, in words for its owner."""

from __future__ import annotations

import errno
import logging
import os
import stat
from pathlib import Path
from typing import Final

from cte_lake.errors import Rejected
from cte_lake.filenames import no_file

_CIRCUMSTANCES: Final = {
    errno.ENOENT: "there is no such file, or it is a link that leads nowhere",
    errno.EACCES: "no permission to read it; change its mode or its folder's",
    errno.EPERM: "no permission to read it; change its mode or its folder's",
    errno.ELOOP: "it is a link that leads back to itself",
    errno.ENOTDIR: "a part of its path is a file, not a folder",
    errno.ENAMETOOLONG: "its name is too long for the file system",
    errno.EMFILE: "too many files are open; raise the limit (ulimit -n)",
    errno.ENFILE: "too many files are open on this machine",
    errno.ENOMEM: "not enough memory to read it",
    errno.EIO: "the disk failed to read it",
    errno.ESTALE: "the network file system lost it; mount it again",
    errno.ENXIO: "it is a device or a socket, not a file",
}

log = logging.getLogger(__name__)


def require_file(path: Path) -> os.stat_result:
    """Return what the system knows of a regular file; whatever else bears its name is refused unopened.

    Raises
    ------
    Rejected
        ``unreadable`` or ``not_a_file``.
    """
    try:
        found = path.stat()
    except (OSError, ValueError) as error:
        raise cannot_open(path, error) from error
    kind = no_file(found.st_mode)
    if kind is None:
        return found
    if stat.S_ISDIR(found.st_mode):
        listed = os.access(path, os.R_OK | os.X_OK)
        more = ", not a FITS file" if listed else " that may not be listed; change its mode"
        raise Rejected("unreadable", f"{path.name} is {kind}{more}")
    raise Rejected("not_a_file", f"{path.name} is {kind}, not a file; remove it or give the frame itself")


def cannot_open(path: Path, error: Exception) -> Rejected:
    """Return the refusal of a file that could not be opened or read, in words for its owner."""
    if isinstance(error, Rejected):
        return error
    if isinstance(error, MemoryError):
        return Rejected("unreadable", f"{path.name} cannot be read: {_CIRCUMSTANCES[errno.ENOMEM]}")
    if isinstance(error, OSError) and error.errno is not None:
        why = _CIRCUMSTANCES.get(error.errno) or f"the system says: {os.strerror(error.errno).lower()}"
        return Rejected("unreadable", f"{path} cannot be read: {why}")
    if path.is_file() and path.stat().st_size == 0:
        return Rejected("truncated", f"{path.name} is empty (0 bytes); fetch it again")
    return damaged(path, error)


def damaged(path: Path, error: Exception) -> Rejected:
    """Return the refusal of a file whose bytes are wrong; what a library said of them goes to the log."""
    log.debug("%s: %s: %s", path, type(error).__name__, error)
    return Rejected("truncated", f"{path.name} is cut short or damaged; fetch it again")
