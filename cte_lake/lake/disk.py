"""The disks of this machine as a store: files are written beside their place and renamed into it."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import glob
import os
import shutil
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from cte_lake.errors import LakeError, Locked, NotAFile
from cte_lake.filenames import is_text, no_file
from cte_lake.lake.scratch import sweep, sweep_once, temporary_beside
from cte_lake.lake.store import Head, Listed, Store

if TYPE_CHECKING:
    import duckdb

#: Errors that a user puts right and that are no defect.
_OF_THE_DISK = frozenset(
    {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO, errno.EFBIG}
)
#: How far the times of files may lag behind the clock, ns.
_TICK_NS = 20_000_000
#: Gone meanwhile, or a link that leads nowhere or in a circle.
_NO_FILE = frozenset({errno.ENOENT, errno.ELOOP})
#: A folder cannot take the name of a file, or of a folder that holds something.
_TAKEN = frozenset({errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR})


def _require_replaceable(path: Path) -> None:
    """Refuse to rename over what is no file: /dev/null would be one for all of the machine."""
    try:
        kind = no_file(path.stat().st_mode)
        if path.is_symlink() and str(path.readlink()).startswith("/proc/"):
            kind = "a link to an open file"
    except OSError:
        # There is none yet, or whoever writes it is told what hinders.
        return
    if kind is not None:
        raise NotAFile(f"{path} is {kind}, which is not replaced; give another name")


@dataclass(frozen=True, order=True)
class DiskStore(Store):
    """The file systems of this machine; a key is an absolute path."""

    def address(self, key: str) -> str:
        """Return the path."""
        return key or "/"

    def listing(self, key: str, folder: str) -> Iterator[Listed]:
        """Yield the files in a folder to any depth; of links, only the folder itself is followed."""
        # Paths as text: pathlib and os.path would take most of the time of ten thousand files.
        pending = [folder]
        while pending:
            at = pending.pop()
            start = f"{at}/" if at else ""
            with (
                contextlib.suppress(FileNotFoundError, NotADirectoryError),
                os.scandir(f"{key}/{at}") as entries,
            ):
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        pending.append(start + entry.name)
                    else:
                        try:
                            stat = entry.stat()
                        except OSError as error:
                            if error.errno not in _NO_FILE:
                                raise
                            continue
                        yield Listed(start + entry.name, stat.st_size, stat.st_mtime_ns)

    def names(self, key: str) -> set[str]:
        """Return the names in a folder."""
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            return {entry.name for entry in Path(key or "/").iterdir()}
        return set()

    def files(self, key: str, prefix: str) -> Iterator[str]:
        """Yield the names in a folder that begin with `prefix`."""
        with contextlib.suppress(FileNotFoundError, NotADirectoryError), os.scandir(key) as entries:
            yield from (entry.name for entry in entries if entry.name.startswith(prefix))

    def head(self, key: str) -> Head:
        """Return size and time of a regular file."""
        try:
            stat = Path(key).stat()
        except OSError as error:
            if error.errno in _NO_FILE:
                raise FileNotFoundError(errno.ENOENT, "is not a file", key) from error
            raise
        if no_file(stat.st_mode) is not None:
            raise FileNotFoundError(errno.ENOENT, "is not a file", key)
        return Head(stat.st_size, stat.st_mtime_ns)

    def is_folder(self, key: str) -> bool:
        """Whether it is a folder."""
        return Path(key).is_dir()

    def require_file(self, key: str) -> None:
        """Refuse a pipe, a device or a folder, unopened."""
        try:
            mode = Path(key).stat().st_mode
        except OSError:
            # It is gone, or out of reach: whoever opens it knows what to make of that.
            return
        if (kind := no_file(mode)) is not None:
            raise NotAFile(f"{key} is {kind}, not a file; `cte-lake verify --quarantine` puts it aside")

    def require_files(self, key: str, suffix: str, since_ns: int | None = None) -> None:
        """Refuse pipes, devices and folders below a folder; what lists says of each, so none is opened."""
        with contextlib.suppress(FileNotFoundError, NotADirectoryError), os.scandir(key) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    self.require_files(entry.path, suffix, since_ns)
                elif entry.name.endswith(suffix) and not entry.is_file(follow_symlinks=False):
                    self.require_file(entry.path)
                    changed_ns = entry.stat(follow_symlinks=False).st_ctime_ns
                    if since_ns is not None and changed_ns >= since_ns - _TICK_NS:
                        told = "is a link that was put there while it was read; put the file itself there"
                        raise NotAFile(f"{entry.path} {told}, and ask again")

    def open(self, key: str) -> IO[bytes]:
        """Open a file."""
        self.require_file(key)
        return Path(key).open("rb")

    def read(self, key: str) -> bytes:
        """Return a file's content."""
        self.require_file(key)
        return Path(key).read_bytes()

    @contextlib.contextmanager
    def writing(self, key: str) -> Iterator[Path]:
        """Yield a temporary path beside the file, renamed onto it when the block ends well.

        The name starts with a dot and does not end in the final suffix, so no reader's glob finds it.

        Raises
        ------
        LakeError
            If the disk is full or failing, or may not be written, or is a device, a pipe or a folder.
        """
        path = Path(key)
        _require_replaceable(path)
        temporary = temporary_beside(path)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            sweep_once(path.parent)
            yield temporary
            flush(temporary)
            temporary.replace(path)
            flush(path.parent)
        except OSError as error:
            if error.errno not in _OF_THE_DISK or error.errno is None:
                raise
            raise LakeError(cannot_write(key, os.strerror(error.errno))) from error
        finally:
            # On a failing or read-only disk there may be nothing to remove, or no way to.
            with contextlib.suppress(OSError):
                temporary.unlink()

    def put_if_absent(self, key: str, content: bytes) -> bool:
        """Write a file under a name that nobody has taken: a link is made to one place once."""
        path = Path(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = temporary_beside(path)
        try:
            temporary.write_bytes(content)
            os.link(temporary, path)
        except FileExistsError:
            return False
        finally:
            temporary.unlink(missing_ok=True)
        return True

    def copy(self, key: str, to: str, link: bool = False) -> None:
        """Copy a file, or link it where links reach; in one step either way."""
        self.require_file(key)
        if link:
            Path(to).parent.mkdir(parents=True, exist_ok=True)
            with contextlib.suppress(OSError):
                os.link(key, to)
                return
        with self.writing(to) as temporary:
            shutil.copy2(key, temporary)

    def move(self, key: str, to: str) -> None:
        """Rename a file."""
        Path(to).parent.mkdir(parents=True, exist_ok=True)
        Path(key).replace(to)

    def touch(self, key: str) -> None:
        """Give a file today's time."""
        os.utime(key)

    def delete(self, key: str) -> None:
        """Delete a file."""
        Path(key).unlink(missing_ok=True)

    def delete_unchanged(self, key: str, mtime_ns: int) -> bool:
        """Delete a file unless a writer has renewed it: it is looked at under a name of its own."""
        path = Path(key)
        aside = temporary_beside(path)
        try:
            path.rename(aside)
        except FileNotFoundError:
            return False
        unchanged = aside.stat().st_mtime_ns == mtime_ns
        if not unchanged:
            # The same photometry was measured again meanwhile, for a row to come. Not over a newer file.
            with contextlib.suppress(FileExistsError):
                os.link(aside, path)
        aside.unlink()
        return unchanged

    def make_folder(self, key: str) -> None:
        """Make a folder with those above it."""
        try:
            Path(key).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise LakeError(f"the folder {key} cannot be made: {error.strerror}") from error

    @contextlib.contextmanager
    def making(self, key: str) -> Iterator[str]:
        """Yield a folder beside the place: one whose making was cut off is none."""
        path = Path(key)
        sweep(path.parent)
        partial = temporary_beside(path)
        try:
            yield str(partial)
            try:
                partial.replace(path)
            except OSError as error:
                if error.errno not in _TAKEN:
                    raise
                raise LakeError(f"{path} is there already: another process made it meanwhile") from None
        finally:
            shutil.rmtree(partial, ignore_errors=True)

    @contextlib.contextmanager
    def worked_on(
        self, key: str, fetch: Callable[[Path], None], put: Callable[[Path], None]
    ) -> Iterator[Path]:
        """Yield the folder itself."""
        yield Path(key)

    def sweep(self, key: str) -> None:
        """Remove what dead processes left in a folder."""
        sweep(Path(key))

    def delete_folder(self, key: str) -> None:
        """Delete a folder."""
        shutil.rmtree(key, ignore_errors=True)

    def source(self, key: str, whole: bool) -> Any:
        """Return the path."""
        self.require_file(key)
        return key

    @contextlib.contextmanager
    def lease(self, key: str, held_by: str) -> Iterator[tuple[int, ...]]:
        """Lock a file; the kernel frees it when the process, and children that were given it, have ended."""
        path = Path(key)
        try:
            path.parent.mkdir(exist_ok=True)
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise LakeError(
                f"{path} cannot be written ({error.strerror}): it is the lock of a job"
            ) from error
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                holder = os.read(descriptor, 64).decode("ascii", "replace").strip() or "unknown"
                raise Locked(f"{held_by} (process {holder}); try again later") from None
            # Who holds it is for whoever comes second; on a full disk the lock holds without.
            with contextlib.suppress(OSError):
                os.ftruncate(descriptor, 0)
                os.pwrite(descriptor, f"{os.getpid()} on {os.uname().nodename}".encode(), 0)
            yield (descriptor,)
        finally:
            os.close(descriptor)

    def attach(self, connection: duckdb.DuckDBPyConnection, key: str, fetch: tuple[str, ...] = ()) -> None:
        """DuckDB reads disks by itself."""

    def query_folders(self, key: str, names: Collection[str]) -> list[str]:
        """Return the folder, and those that links of the names lead to (a dataset on a second disk).

        DuckDB matches a pattern with the same list: where the path has a '[', it is quoted there.
        """
        links = [str(link) for name in names if (link := Path(key, name)).is_symlink()]
        folders = [key, *(path for link in links for path in (link, os.path.realpath(link)))]
        return list(dict.fromkeys([*folders, *map(glob.escape, folders)]))

    def refusal(self, key: str) -> str | None:
        """DuckDB takes a backslash for the end of a folder's name; it and Arrow take UTF-8 alone."""
        if "\\" in key:
            return f"{key!r} has a backslash in its path, which DuckDB cannot read below; name another folder"
        if not is_text(key):
            return f"{key!a} is not UTF-8 here; name another folder, or set LC_ALL=C.UTF-8"
        return None


def cannot_write(place: str, why: str) -> str:
    """Return the error message of a failed write."""
    return f"{place} cannot be written: {why}; put that right and run the command again, nothing is lost"


def flush(path: Path) -> None:
    """Bring a file or folder to the disk: without, a power cut may leave the new name on an empty file."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
