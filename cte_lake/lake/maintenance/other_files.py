"""Findings, and those of places and of files that are no Parquet: headerlets, masks, sets, the settings."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

import pyarrow.parquet as pq

from cte_lake.config import load_settings
from cte_lake.errors import CteLakeError, NotAFile
from cte_lake.lake.added_columns import DATASET as ADDED
from cte_lake.lake.append import OWN
from cte_lake.lake.maintenance.inventory import ExposureRow, is_seed
from cte_lake.lake.maintenance.nightly import last_verification, settings_record
from cte_lake.lake.paths import FOLDERS, is_partition, master_name
from cte_lake.lake.schemas import dataset_names
from cte_lake.lake.seals import changed_files, is_sealed, seal_broken
from cte_lake.lake.stored import StoredLake
from cte_lake.lake.versions import Version, listed_versions
from cte_lake.resources import LAKE_FILE
from cte_lake.toml_text import read_toml


@dataclass(frozen=True)
class Finding:
    """Something that is not as it must be; `harm` is False for what is merely left over."""

    check: str
    path: str
    detail: str
    harm: bool = True


_COMPANION = {"alignment": ".hlet.fits", "crmasks": ".fits"}
_STATUS_WITH_COMPANION = frozenset({"aligned", "masked"})
_COMMAND = {"alignment": "cte-lake align", "crmasks": "cte-lake crmask"}
_COEFFICIENTS = "coefficients"


def products(root: StoredLake, in_full: Collection[str]) -> Iterator[Finding]:
    """Yield headerlets, masks and what else lies beside the row of a product, lost or changed.

    Files of the rows `in_full` are read; of the others it is seen whether they are there.
    """
    for name, suffix in _COMPANION.items():
        versions = list(listed_versions(root / name))
        # Listed after the rows: a row's files are written before it.
        there = {path.name for path in (root / name).files()}
        unrecorded = 0
        for version in versions:
            if version.status not in _STATUS_WITH_COMPANION:
                continue
            beside = version.path.name.removesuffix(".parquet") + suffix
            if beside not in there:
                yield Finding(
                    "product", f"{name}/{beside}", f"is not there; run `{_COMMAND[name]} --overwrite`"
                )
            elif f"{name}/{version.path.name}" in in_full:
                changed = changed_files(version.path)
                unrecorded += changed is None
                yield from _changed(name, version, changed or ())
        if unrecorded:
            why = f"of {unrecorded} products no checksum was recorded when they were made"
            yield Finding("unverified", name, why, harm=False)


def _changed(name: str, version: Version, suffixes: Iterable[str]) -> Iterator[Finding]:
    for suffix in suffixes:
        path = f"{name}/{version.beside(suffix).name}"
        why = f"was changed since it was written; run `{_COMMAND[name]} --overwrite` on its frames"
        yield Finding("product", path, why)


def texts(root: StoredLake) -> Iterator[Finding]:
    """Yield coefficient sets that are not what was written, and settings that nobody can have meant."""
    unsealed = 0
    for place in (root / _COEFFICIENTS).files():
        if not place.name.endswith(".toml") or place.name.startswith("."):
            continue
        path = f"{_COEFFICIENTS}/{place.name}"
        try:
            content = place.read_bytes()
        except FileNotFoundError:
            continue
        except NotAFile as error:
            yield Finding("readable", path, str(error).removeprefix(f"{place} "))
            continue
        if seal_broken(content):
            why = "was changed since it was written; fit it again, or delete its last line if you edited it"
            yield Finding("text", path, why)
        elif not _is_toml(content):
            yield Finding("text", path, "is not TOML; fit the set again")
        else:
            unsealed += not is_sealed(content)
    if unsealed:
        why = f"{unsealed} sets bear no checksum: they were edited, or made by an older version"
        yield Finding("unverified", _COEFFICIENTS, why, harm=False)
    yield from _settings(root)


def _is_toml(content: bytes) -> bool:
    try:
        read_toml(content.decode())
    except ValueError:
        return False
    return True


def _settings(root: StoredLake) -> Iterator[Finding]:
    try:
        load_settings(root, environment={})
    except CteLakeError as error:
        yield Finding("settings", LAKE_FILE, str(error))
        return
    last = last_verification(root) or {}
    known, now = last.get("settings"), settings_record(root)
    if not isinstance(known, dict) or known.get("checksum") == now.get("checksum"):
        return
    if known.get("mtime_ns") == now.get("mtime_ns"):
        why = f"was changed since {last['at'][:16]} UTC and not written: compare it with a snapshot's"
        yield Finding("settings", LAKE_FILE, why)
    else:
        yield Finding("settings", LAKE_FILE, f"was edited after {last['at'][:16]} UTC", harm=False)


def folders(lake: StoredLake, paths: Collection[str]) -> Iterator[Finding]:
    """Yield folders that nobody reads, or from whose names DuckDB reads other keys, or at which it fails."""
    for name in sorted(lake.place.names() - set(FOLDERS)):
        own = re.sub(r"[^a-z_]", "", unicodedata.normalize("NFKC", name).casefold())
        if own in FOLDERS and "." not in name:
            yield Finding("name", name, f"is no folder of a lake, and nobody reads it; call it {own}")
    found = {path.rpartition("/")[0] for path in paths}
    for name in sorted((OWN & set(dataset_names())) - {ADDED} - {each.partition("/")[0] for each in found}):
        why = f"has no file, not even the empty one of its schema; `cte-lake init {lake}` makes that again"
        yield Finding("rows", name, why)
    for folder in sorted(found):
        name, _, below = folder.partition("/")
        files = lake.dataset(name)
        seed = files.seed_place.below(lake.place).rpartition("/")[0]
        if folder != seed and not is_partition(below, files.stated.partitions):
            why = "no folder of its dataset is called so; give it its name back, or remove what is not yours"
            yield Finding("name", folder, why)


def catalogs(lake: StoredLake, broken: Collection[str], rows: Iterable[ExposureRow]) -> Iterator[Finding]:
    """Yield copies of master catalogs, which no reader counts, and catalogs in another target's folder."""
    measured: dict[str, set[str]] = {}
    for row in rows:
        measured.setdefault(row.master_hash, set()).add(row.target)
    for listed in lake.dataset("master").listing():
        if listed.path in broken or is_seed(listed.path):
            continue
        path = PurePosixPath(listed.path)
        try:
            # ``read_table`` and ``group_by`` would import pandas.
            table = pq.ParquetFile((lake / listed.path).source()).read(["master_hash", "revision"])
        except FileNotFoundError:
            continue
        names = set(zip(*(column.to_pylist() for column in table.columns), strict=True))
        own = {master_name(*name) for name in names}
        if own != {path.name}:
            why = f"its content is called {' and '.join(sorted(own)) or 'nothing'}; remove it, or name it so"
            yield Finding("name", listed.path, why)
        stated = (table.schema.metadata or {}).get(b"target")
        targets = {stated.decode()} if stated else measured.get(path.name.partition(".")[0], set())
        if targets and path.parent.name not in {f"target={target}" for target in targets}:
            why = f"is the catalog of {' and '.join(sorted(targets))}; put it into that target's folder"
            yield Finding("name", listed.path, why)
