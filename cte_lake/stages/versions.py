"""Products of a stage, kept side by side under names that their content decides.

A product lies at ``DATASET/ipppss/<rootname>.<key>.<status>-<hash>.r<revision>.<suffix>``: ``key`` tells
what it was made from (inputs and settings), ``hash`` what came out. The listing of a folder therefore
answers both questions that are asked for every exposure of every run (is it up to date, and has it changed)
without opening a file. Nothing is edited or replaced: a newer product has a higher revision, and a reader
who holds the older one goes on reading it.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from cte_lake.lake.schemas import dataset as dataset_named

_NAME = re.compile(
    r"(?P<rootname>[a-z0-9]+)\.(?P<key>[0-9a-f]+)\.(?P<status>[a-z]+)-(?P<hash>[0-9a-f]+)"
    r"\.r(?P<revision>\d{4})\.(?P<suffix>[a-z0-9.]+)"
)
_HASH_LENGTH = 16
_ROOTNAME = re.compile(r"[a-z0-9]{6,20}")


@dataclass(frozen=True, order=True)
class Version:
    """One product of an exposure; the greatest of an exposure is the current one."""

    revision: int
    key: str
    hash: str
    status: str
    rootname: str
    suffix: str
    path: Path

    def sibling(self, suffix: str) -> Path:
        """Return the path of a file that belongs to this product, under another suffix."""
        return self.path.with_name(self.path.name.removesuffix(self.suffix) + suffix)


def digest(content: Any) -> str:
    """Return the short SHA-256 of a JSON-able value or of bytes.

    Floats enter with their shortest exact representation, keys sorted: equal values, equal hashes everywhere.
    """
    raw = content if isinstance(content, bytes) else json.dumps(content, sort_keys=True).encode()
    return hashlib.sha256(raw).hexdigest()[:_HASH_LENGTH]


def folder_of(dataset: Path, rootname: str) -> Path:
    """Return the folder of an exposure's products: one a visit, so that no folder grows with the monitor.

    Raises
    ------
    ValueError
        If `rootname` is not lower-case letters and digits (it becomes part of a path).
    """
    if not _ROOTNAME.fullmatch(rootname):
        raise ValueError(f"root name {rootname!r} is not 6 to 20 lower-case letters and digits")
    return dataset / rootname[:6]


def _parse(path: Path) -> Version | None:
    found = _NAME.fullmatch(path.name)
    if found is None:
        return None
    part = found.groupdict()
    return Version(
        int(part["revision"]),
        part["key"],
        part["hash"],
        part["status"],
        part["rootname"],
        part["suffix"],
        path,
    )


def _listing(folder: Path, suffix: str) -> Iterator[Version]:
    if not folder.is_dir():
        return
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.endswith("." + suffix):
                version = _parse(Path(entry.path))
                if version is not None and version.suffix == suffix:
                    yield version


def current(dataset: Path, rootname: str, suffix: str) -> Version | None:
    """Return the current product of one exposure, or None where there is none."""
    folder = folder_of(dataset, rootname)
    return max((v for v in _listing(folder, suffix) if v.rootname == rootname), default=None)


def current_of_all(dataset: Path, suffix: str) -> dict[str, Version]:
    """Return the current product of every exposure by root name: one listing, no file is opened."""
    newest: dict[str, Version] = {}
    if not dataset.is_dir():
        return newest
    for folder in sorted(dataset.iterdir()):
        for version in _listing(folder, suffix):
            if version.rootname not in newest or newest[version.rootname] < version:
                newest[version.rootname] = version
    return newest


def next_version(
    dataset: Path, rootname: str, key: str, status: str, content_hash: str, suffix: str
) -> Version:
    """Return the name that a product with this key and content has to take.

    The current product's own name comes back when it is the same, so that work done twice ends in one file.
    """
    newest = current(dataset, rootname, suffix)
    if newest is not None and (newest.key, newest.hash, newest.status) == (key, content_hash, status):
        return newest
    revision = 1 if newest is None else newest.revision + 1
    name = f"{rootname}.{key}.{status}-{content_hash}.r{revision:04d}.{suffix}"
    path = folder_of(dataset, rootname) / name
    return Version(revision, key, content_hash, status, rootname, suffix, path)


def write_atomically(path: Path, content: bytes) -> None:
    """Write `content` beside `path` and rename it into place; readers see all of it or nothing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".tmp-")
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def write_row(version: Version, name: str, row: Mapping[str, Any]) -> None:
    """Write the one-row Parquet file of a product of the dataset `name`; this makes the product count."""
    table = pa.Table.from_pylist([dict(row)], schema=dataset_named(name).schema())
    stream = io.BytesIO()
    pq.write_table(table, stream, compression="zstd")
    write_atomically(version.path, stream.getvalue())
