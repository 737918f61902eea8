"""Products of a stage, kept side by side under names that their content decides.

A product is a row in ``DATASET/<rootname>.<key>.<status>-<hash>.r<revision>.parquet`` and, under the same
stem, the files that the row speaks of. ``key`` identifies the inputs and settings it was made from,
``hash`` what came out. The listing of the folder therefore answers both questions that are asked for every
exposure of every run (is it up to date, and has it changed) without opening a file. Nothing is edited or
replaced: a newer product has a higher revision, and a reader who holds the older one goes on reading it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from cte_lake.lake.paths import checked
from cte_lake.lake.place import Named, place_of
from cte_lake.lake.schemas import dataset
from cte_lake.lake.seals import files_record
from cte_lake.lake.store import Place
from cte_lake.lake.stored import StoredLake
from cte_lake.lake.write import conform, write_table

_NAME = re.compile(
    r"(?P<rootname>[a-z0-9]+)\.(?P<key>[0-9a-f]+)\.(?P<status>[a-z]+)-(?P<hash>[0-9a-f]+)"
    r"\.r(?P<revision>\d{4,})\.parquet"
)


@dataclass(frozen=True, order=True)
class Version:
    """One product of an exposure; the greatest of an exposure is the current one.

    Attributes
    ----------
    revision : int
        Counts the products of the exposure.
    key, hash, status : str
        What it was made from, what came out, how it went.
    path : Place
        The row's file.
    """

    revision: int
    key: str
    hash: str
    status: str
    rootname: str
    path: Place

    def beside(self, suffix: str) -> Place:
        """Return the path of a file that belongs to this product, such as ``.hlet.fits``."""
        return self.path.with_name(self.path.name.removesuffix(".parquet") + suffix)


def listed_versions(folder: Named, prefix: str = "") -> Iterator[Version]:
    """Yield all products in a folder, superseded ones too; no file is opened."""
    for path in place_of(folder).files(prefix):
        found = _NAME.fullmatch(path.name)
        if found is not None:
            part = found.groupdict()
            revision = int(part.pop("revision"))
            yield Version(revision=revision, path=path, **part)


def current(folder: Named, rootname: str) -> Version | None:
    """Return the current product of one exposure, or None where there is none."""
    return max(listed_versions(folder, checked("rootname", rootname) + "."), default=None)


def current_of_all(folder: Named) -> dict[str, Version]:
    """Return the current product of every exposure by root name: one listing, no file is opened."""
    newest: dict[str, Version] = {}
    for version in listed_versions(folder):
        if version.rootname not in newest or newest[version.rootname] < version:
            newest[version.rootname] = version
    return newest


def next_version(folder: Named, rootname: str, key: str, status: str, content_hash: str) -> Version:
    """Return the name that a product with this key and content has to take.

    The current product's own name comes back when it is the same, so that work done twice ends in one file.
    """
    newest = current(folder, rootname)
    if newest is not None and (newest.key, newest.hash, newest.status) == (key, content_hash, status):
        return newest
    revision = 1 if newest is None else newest.revision + 1
    path = place_of(folder) / f"{rootname}.{key}.{status}-{content_hash}.r{revision:04d}.parquet"
    return Version(revision, key, content_hash, status, rootname, path)


def write_row(version: Version, name: str, row: Mapping[str, Any]) -> None:
    """Write the row of a product of the dataset `name`; this makes the product count.

    Its footer records the checksums of the files that lie beside it by then.
    """
    stem = version.path.name.removesuffix(".parquet")
    beside = {
        path.name.removeprefix(stem): path.read_bytes()
        for path in version.path.parent.files(f"{stem}.")
        if path.name != version.path.name
    }
    filled = dict(row) | {"rootname": version.rootname, "key": version.key, "revision": version.revision}
    table = pa.Table.from_pylist([filled], schema=dataset(name).schema())
    write_table(version.path, conform(table, name), files_record(beside))


def read_row(version: Version) -> dict[str, Any]:
    """Return the row of a product, by column of its dataset."""
    with pq.ParquetFile(version.path.source(), page_checksum_verification=True) as file:
        row: dict[str, Any] = file.read().to_pylist()[0]
    return row


def without_file(folder: Named, versions: Iterable[Version], suffix: str) -> set[str]:
    """Return the names of those rows beside which a file is lost: one listing."""
    there = {path.name for path in place_of(folder).files()}
    return {version.path.name for version in versions if version.beside(suffix).name not in there}


def newest_rows(lake: StoredLake, name: str) -> list[dict[str, Any]]:
    """Return the current row of every exposure in a dataset of such products, by root name."""
    rows: list[dict[str, Any]] = lake.dataset(name).current().to_pylist()
    return rows
