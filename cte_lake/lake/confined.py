"""What DuckDB sees of an object store: the objects of one lake, to be read.

DuckDB asks a file system that is registered with a connection for patterns, sizes and pieces of files. A
pattern is one listing; an object that a listing has shown costs no request until its bytes are wanted, and
then those alone are fetched. Nothing outside the lake and no write gets through, whatever a query says;
`cte_lake.views.readonly.seal` has DuckDB itself refuse it before.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import duckdb
from fsspec.spec import AbstractBufferedFile, AbstractFileSystem
from fsspec.utils import glob_translate

from cte_lake.lake.evolve import SEED_NAME
from cte_lake.lake.s3 import S3Object

PROTOCOL = "s3"
_MAGIC = re.compile(r"[*?\[]")


class LakeFiles(AbstractFileSystem):  # type: ignore[misc]
    """The objects below a place, read-only."""

    protocol = PROTOCOL
    cachable = False

    def __init__(self, root: S3Object) -> None:
        super().__init__()
        self._root = root
        self._store = root.fs
        self._known: dict[str, tuple[int, int]] = {}
        self._content: dict[str, bytes] = {}

    def take(self, paths: Iterable[str]) -> None:
        """Fetch small objects, named relative to the lake, many at a time; they are then read from memory."""
        keys = [f"{self._root.key}/{path}" for path in paths]
        for key, content in (self._store.contents(self._root.bucket, keys) if keys else {}).items():
            self._keep(f"{self._root.bucket}/{key}", content)

    def glob(self, path: str, **_: Any) -> list[str]:
        """Return the objects that match a pattern: one listing below its fixed part."""
        below = self._below(path)
        if not _MAGIC.search(below) and (name := f"{self._root.path}/{below}") in self._known:
            return [name]
        pattern = re.compile(glob_translate(below))
        fixed = _MAGIC.split(below, maxsplit=1)[0]
        found = []
        for name, size, mtime_ns in self._root.objects(fixed):
            if pattern.fullmatch(name):
                found.append(f"{self._root.path}/{name}")
                self._known[found[-1]] = size, mtime_ns
                # A seed is written anew when columns are added.
                if len(self._content.get(found[-1], b"")) != size:
                    self._content.pop(found[-1], None)
        return sorted(found)

    def info(self, path: str, **_: Any) -> dict[str, Any]:
        """Return name, size and kind of an object, without a request for one that was listed."""
        name = f"{self._root.path}/{self._below(path)}"
        if name not in self._known:
            head = (self._root / self._below(path)).head()
            self._known[name] = head.size, head.mtime_ns
        return {"name": name, "size": self._known[name][0], "type": "file"}

    def modified(self, path: str) -> datetime:
        """Return an object's time of change."""
        name = str(self.info(path)["name"])
        return datetime.fromtimestamp(self._known[name][1] / 1e9, UTC)

    def ls(self, path: str, detail: bool = True, **_: Any) -> list[Any]:
        """Return what is directly below a folder."""
        below = self._below(path).rstrip("/")
        names = [name for name, *_ in self._root.objects(f"{below}/") if "/" not in name[len(below) + 1 :]]
        rows = [self.info(f"{self._root.path}/{name}") for name in names]
        return rows if detail else [row["name"] for row in rows]

    def _open(self, path: str, mode: str = "rb", **_: Any) -> Any:
        if mode != "rb":
            raise PermissionError(f"{path} cannot be written: a lake is only read here")
        info = self.info(path)
        name = info["name"]
        if name.endswith(f"/{SEED_NAME}") and name not in self._content:
            # Each view is made over it once more.
            self._keep(name, (self._root / self._below(path)).read_bytes())
        if name in self._content:
            return io.BytesIO(self._content[name])
        return _Pieces(self, name, mode, size=info["size"], cache_type="none")

    def _keep(self, name: str, content: bytes) -> None:
        self._content[name] = content
        self._known[name] = len(content), 0

    def piece(self, name: str, start: int, end: int) -> bytes:
        """Return some bytes of an object."""
        content: bytes = self._store.cat_file(name, start=start, end=end)
        return content

    def _below(self, path: str) -> str:
        """Return a path or pattern relative to the lake."""
        name = str(self._strip_protocol(path))
        inside, _, below = name.partition(f"{self._root.path}/")
        if inside or not below or {".", ".."} & set(below.split("/")):
            raise PermissionError(f"{path} is outside the lake {self._root}")
        return below


class _Pieces(AbstractBufferedFile):  # type: ignore[misc]
    """An object of which the bytes are fetched that are asked for; DuckDB keeps them itself."""

    def _fetch_range(self, start: int, end: int) -> bytes:
        content: bytes = self.fs.piece(self.path, start, end)
        return content


def confine(connection: duckdb.DuckDBPyConnection, root: S3Object) -> LakeFiles:
    """Let a connection read one lake of an object store, and nothing else of it."""
    files = LakeFiles(root)
    if connection.filesystem_is_registered(PROTOCOL):
        connection.unregister_filesystem(PROTOCOL)
    connection.register_filesystem(files)
    return files
