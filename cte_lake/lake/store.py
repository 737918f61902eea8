"""Where files lie: the contract that every store keeps, and a file or folder of a store as one value.

There are two stores: the disks of this machine (`cte_lake.lake.disk`) and a bucket that speaks S3
(`cte_lake.lake.bucket`). Whoever holds a `Place` asks it and never asks which store it is of;
`cte_lake.lake.place.place_of` chooses a store, once, from what a user named.
"""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePath, PurePosixPath
from typing import IO, TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import duckdb


class Listed(NamedTuple):
    """A file as a listing shows it: its path below what was listed, its bytes, its time of change."""

    path: str
    size: int
    mtime_ns: int


class Head(NamedTuple):
    """A file's size in bytes and its time of change (ns since 1970)."""

    size: int
    mtime_ns: int


class Store(ABC):
    """The contract of a store. A key names a file or a folder in it; keys are joined by slashes.

    Every write is whole: a reader sees the old content or the new one, never a part.
    """

    @abstractmethod
    def address(self, key: str) -> str:
        """Return how a person, and DuckDB, names a key of this store."""

    @abstractmethod
    def listing(self, key: str, folder: str) -> Iterator[Listed]:
        """Yield the files in `folder` below `key`, to any depth; paths are relative to `key`.

        Files that go away meanwhile are passed over, and a folder that is not there has none.
        """

    @abstractmethod
    def names(self, key: str) -> set[str]:
        """Return the names of the files and folders in a folder; none where it is not there."""

    @abstractmethod
    def files(self, key: str, prefix: str) -> Iterator[str]:
        """Yield the names of the files in a folder, not below it, that begin with `prefix`; unordered."""

    @abstractmethod
    def head(self, key: str) -> Head:
        """Return a file's size and time; FileNotFoundError if there is no such file."""

    @abstractmethod
    def is_folder(self, key: str) -> bool:
        """Whether there is such a folder."""

    @abstractmethod
    def require_file(self, key: str) -> None:
        """Refuse, by NotAFile, what bears a file's name and is none: reading a pipe would wait for ever."""

    def require_files(self, key: str, suffix: str, since_ns: int | None = None) -> None:  # noqa: B027
        """Refuse what is no file below a folder and bears such a name, as `require_file` does.

        With `since_ns`, a time (ns since 1970), links too that were put there since: what was read meanwhile
        may be of another place. Buckets hold files alone.
        """

    @abstractmethod
    def open(self, key: str) -> IO[bytes]:
        """Open a file for reading its pieces; FileNotFoundError if there is no such file."""

    @abstractmethod
    def read(self, key: str) -> bytes:
        """Return a file's content; FileNotFoundError if there is no such file."""

    @abstractmethod
    def writing(self, key: str) -> contextlib.AbstractContextManager[Path]:
        """Yield a temporary file of this machine that is put whole at `key` when the block ends well."""

    @abstractmethod
    def put_if_absent(self, key: str, content: bytes) -> bool:
        """Write a small file unless there is one of the name; return whether it was written."""

    @abstractmethod
    def copy(self, key: str, to: str, link: bool = False) -> None:
        """Copy a file inside the store; with `link`, cheaper where two names can share their content."""

    @abstractmethod
    def move(self, key: str, to: str) -> None:
        """Give a file another name."""

    @abstractmethod
    def touch(self, key: str) -> None:
        """Give a file today's time, its content untouched; FileNotFoundError if there is no such file."""

    @abstractmethod
    def delete(self, key: str) -> None:
        """Delete a file; it is no error if there is none."""

    @abstractmethod
    def delete_unchanged(self, key: str, mtime_ns: int) -> bool:
        """Delete a file unless it has another time of change by now; return whether it was deleted."""

    @abstractmethod
    def make_folder(self, key: str) -> None:
        """Make a folder, where folders are things that can be made."""

    @abstractmethod
    def making(self, key: str) -> contextlib.AbstractContextManager[str]:
        """Yield the key in which to make a folder of many files; it is `key` when the block ends well."""

    @abstractmethod
    def worked_on(
        self, key: str, fetch: Callable[[Path], None], put: Callable[[Path], None]
    ) -> contextlib.AbstractContextManager[Path]:
        """Yield a folder of this machine to work in: the folder itself, where it is one.

        Else a temporary folder, which `fetch` fills before, and `put` brings back when the block ends well.
        """

    @abstractmethod
    def sweep(self, key: str) -> None:
        """Remove temporary files and folders that killed processes left directly in a folder."""

    @abstractmethod
    def delete_folder(self, key: str) -> None:
        """Delete a folder with all in it."""

    @abstractmethod
    def source(self, key: str, whole: bool) -> Any:
        """Return what pyarrow reads a file from; `whole` if all of it will be read."""

    @abstractmethod
    def lease(self, key: str, held_by: str) -> contextlib.AbstractContextManager[tuple[int, ...]]:
        """Hold the lock that a file stands for; `held_by` is the message for whoever comes second.

        Yields the descriptors by which a child process holds it too, for as long as it runs.

        Raises
        ------
        Locked
            At once, if another process holds it.
        """

    @abstractmethod
    def attach(self, connection: duckdb.DuckDBPyConnection, key: str, fetch: tuple[str, ...] = ()) -> None:
        """Let a DuckDB connection read what is below a folder.

        Parameters
        ----------
        connection : duckdb.DuckDBPyConnection
            The connection.
        key : str
            The folder.
        fetch : tuple of str
            Small files below it that will all be read, for a store that can fetch many at a time.
        """

    @abstractmethod
    def query_folders(self, key: str, names: Collection[str]) -> list[str]:
        """Return the folders that DuckDB must be allowed to read for a query below a folder.

        Those of the names that are links to elsewhere are among them.
        """

    @abstractmethod
    def refusal(self, key: str) -> str | None:
        """Say what keeps a folder from being a lake's, None if nothing does."""


@dataclass(frozen=True, order=True)
class Place:
    """A file or folder of a store, with those methods of a `pathlib.Path` that a lake uses.

    There is no ``__fspath__``: what works on a disk alone refuses it and makes no folder called ``s3:``.
    """

    store: Store
    key: str

    def __str__(self) -> str:
        return self.store.address(self.key)

    def __truediv__(self, below: str | PurePath) -> Place:
        parts = PurePosixPath(below).parts
        return Place(self.store, "/".join((self.key.rstrip("/"), *parts))) if parts else self

    def joinpath(self, *below: str) -> Place:
        """Return a place below."""
        return self / PurePosixPath(*below)

    @property
    def name(self) -> str:
        """The last part."""
        return self.key.rpartition("/")[2]

    @property
    def stem(self) -> str:
        """The last part without its last suffix."""
        return PurePosixPath(self.name).stem

    @property
    def parent(self) -> Place:
        """The place above."""
        return Place(self.store, self.key.rpartition("/")[0])

    def with_name(self, name: str) -> Place:
        """Return the place of that name beside this one."""
        return self.parent / name

    def head(self) -> Head:
        """Return a file's size and time of change; FileNotFoundError if there is none."""
        return self.store.head(self.key)

    def is_file(self) -> bool:
        """Whether there is such a file."""
        try:
            self.head()
        except (FileNotFoundError, NotADirectoryError):
            return False
        return True

    def is_dir(self) -> bool:
        """Whether there is such a folder."""
        return self.store.is_folder(self.key)

    def exists(self) -> bool:
        """Whether there is anything."""
        return self.is_file() or self.is_dir()

    def open(self) -> IO[bytes]:
        """Open a file for reading."""
        return self.store.open(self.key)

    def read_bytes(self) -> bytes:
        """Return a file's content."""
        return self.store.read(self.key)

    def read_text(self, encoding: str = "utf-8") -> str:
        """Return a file's content as text."""
        return self.read_bytes().decode(encoding)

    def source(self, whole: bool = True) -> Any:
        """Return what pyarrow reads this file from; `whole` if all of it will be read."""
        return self.store.source(self.key, whole)

    def worked_on(
        self, fetch: Callable[[Path], None], put: Callable[[Path], None]
    ) -> contextlib.AbstractContextManager[Path]:
        """Yield a folder to work in: this one, or a temporary one, filled before and brought back after."""
        return self.store.worked_on(self.key, fetch, put)

    def writing(self) -> contextlib.AbstractContextManager[Path]:
        """Yield a temporary file that is put whole here when the block ends well."""
        return self.store.writing(self.key)

    def write_bytes(self, content: bytes) -> None:
        """Write a small file whole."""
        with self.writing() as temporary:
            temporary.write_bytes(content)

    def put_if_absent(self, content: bytes) -> bool:
        """Write a small file unless there is one already; return whether it was written."""
        return self.store.put_if_absent(self.key, content)

    def copy_to(self, to: Place, link: bool = False) -> None:
        """Copy a file, whole, to any store; with `link`, cheaper where two names can share their content."""
        if self.store == to.store:
            self.store.copy(self.key, to.key, link)
            return
        with to.writing() as temporary, self.open() as source, temporary.open("wb") as sink:
            while piece := source.read(1 << 22):
                sink.write(piece)

    def move_to(self, to: Place) -> None:
        """Give a file another name in its store."""
        self.store.move(self.key, to.key)

    def touch(self) -> None:
        """Give a file today's time; FileNotFoundError if there is none."""
        self.store.touch(self.key)

    def unlink(self) -> None:
        """Delete a file; it is no error if there is none."""
        self.store.delete(self.key)

    def listing(self, folder: str = "", suffix: str = "") -> Iterator[Listed]:
        """Yield the files in a folder below, to any depth; paths are relative to this place."""
        for listed in self.store.listing(self.key, folder):
            if listed.path.endswith(suffix):
                yield listed

    def names(self) -> set[str]:
        """Return the names of what is in this folder; none where it is not there."""
        return self.store.names(self.key)

    def files(self, prefix: str = "") -> Iterator[Place]:
        """Yield the files in this folder, not those below it, whose names begin with `prefix`; unordered."""
        # Names need no look for parts: that would take most of the time of ten thousand files.
        start = f"{self.key.rstrip('/')}/"
        return (Place(self.store, start + name) for name in self.store.files(self.key, prefix))

    def below(self, root: Place) -> str:
        """Return the path relative to a folder above."""
        return self.key[len(root.key) :].lstrip("/")
