"""What a photometry file says it holds: images, keys, numbers and hashes of rows, from its footer.

A file's place and name are checked against this and never believed alone. Files of before 2026 lack it;
their images and keys are read from the statistics that Parquet keeps of every column.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from cte_lake.digests import digest, growing_digest
from cte_lake.errors import LakeError, StoreUnavailable
from cte_lake.lake.place import Named, place_of

#: Metadata of a photometry file: what it holds.
RECORD = b"content"
#: Metadata of every other file of the lake: the hash of its rows.
ROWS_HASH = b"rows_hash"
#: Errors of a footer that does not say what the file holds.
UNSAID = (pa.ArrowInvalid, KeyError, ValueError, TypeError)
#: How compacted files recorded their images before.
_FORMER = b"members"


@dataclass(frozen=True)
class Content:
    """The photometry of one image in a file.

    Attributes
    ----------
    imagename, phot_key : str
        Whose it is, and what it was measured with.
    rows : int
        Stars.
    hash : str or None
        Hash of the rows (`phot_hash`); None in files of before the record.
    folder : str or None
        The partition that it belongs to; None in files of before the record.
    bounds : str or None
        Hash of the least and greatest value of each numeric column (`bounds_hash`), as the record states it.
    found : str or None
        The same of what the footer's statistics say of the rows; None where the record states none.
    """

    imagename: str
    phot_key: str
    rows: int
    hash: str | None = None
    folder: str | None = None
    bounds: str | None = None
    found: str | None = None

    @property
    def replaced(self) -> bool:
        """Whether other rows than those of the record lie in the file, as far as its footer shows."""
        return self.bounds != self.found


def rows_hash(table: pa.Table, without: Collection[str] = ()) -> str:
    """Return the hash of a table's rows, column by column in name order, some left out."""
    hashed = growing_digest(12)
    for name in sorted(set(table.column_names) - set(without)):
        column = table.column(name).combine_chunks()
        hashed.update(f"{name}\0{column.type}\0{len(column)}\0".encode())
        # Most columns have no null: then nothing need be asked of each value.
        nulls = column.is_null() if column.null_count else np.zeros(len(column), bool)
        hashed.update(np.packbits(nulls).tobytes())
        hashed.update(_bytes(column))
    return hashed.hexdigest()


def phot_hash(table: pa.Table) -> str:
    """Return the hash of an exposure's photometry: of all but the key, which `compact` gives anew."""
    return rows_hash(table, ("phot_key",))


def bounds_hash(table: pa.Table) -> str:
    """Return the hash of the least and greatest value of each numeric column, which a footer states too."""
    # Imported where it is used: opening a lake goes without it.
    import pyarrow.compute as pc

    bounds = {}
    for name in table.column_names:
        kind = table.schema.field(name).type
        if pa.types.is_integer(kind) or pa.types.is_floating(kind):
            found = pc.min_max(table.column(name)).as_py()
            if found["min"] is not None:
                bounds[name] = (found["min"], found["max"])
    return _hash_of(bounds)


def _bounds_in(group: Any) -> str:
    """Return `bounds_hash` of a row group by the statistics in the footer."""
    bounds = {}
    for column in map(group.column, range(group.num_columns)):
        stated = column.statistics
        numeric = stated is not None and stated.logical_type.type in {"NONE", "INT"}
        if numeric and stated.has_min_max and column.physical_type != "BOOLEAN":
            bounds[column.path_in_schema] = (stated.min, stated.max)
    return _hash_of(bounds)


def _hash_of(bounds: Mapping[str, tuple[float, float]]) -> str:
    # Parquet states a zero as -0.0 below and +0.0 above, whatever its sign.
    return digest([[name, low + 0, high + 0] for name, (low, high) in sorted(bounds.items())], 12)


def _bytes(column: pa.Array) -> bytes:
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.int64())
    if (
        pa.types.is_boolean(column.type)
        or pa.types.is_integer(column.type)
        or pa.types.is_floating(column.type)
    ):
        if column.null_count:
            column = column.fill_null(False if pa.types.is_boolean(column.type) else 0)
        return np.ascontiguousarray(column.to_numpy(zero_copy_only=False)).tobytes()
    return b"\0".join(str(value).encode("utf-8", "surrogateescape") for value in column.to_pylist())


def record_of(folder: str, contents: Iterable[Content]) -> dict[bytes, bytes]:
    """Return the metadata by which a photometry file says what it holds, a row group an image."""
    members = [[each.imagename, each.phot_key, each.rows, each.hash, each.bounds] for each in contents]
    return {RECORD: json.dumps({"folder": folder, "members": members}).encode()}


def contents_of(place: Named) -> list[Content]:
    """Return what a photometry file holds, from its footer alone.

    Raises
    ------
    LakeError
        If it cannot be read, or does not say.
    """
    try:
        return contents_in(pq.read_metadata(place_of(place).source(whole=False)))
    except StoreUnavailable:
        raise
    except (OSError, *UNSAID) as error:
        raise LakeError(f"{place} cannot be read ({error}); run `cte-lake verify --quarantine`") from error


def contents_in(metadata: Any) -> list[Content]:
    """Return what the footer of a photometry file says; one that does not raises one of `UNSAID`."""
    said: Mapping[bytes, bytes] = metadata.metadata or {}
    if RECORD in said:
        return _recorded(json.loads(said[RECORD]), metadata)
    groups = [metadata.row_group(i) for i in range(metadata.num_row_groups)]
    if _FORMER in said:
        members = json.loads(said[_FORMER])
        return [Content(image, key, g.num_rows) for (image, key), g in zip(members, groups, strict=True)]
    found: dict[tuple[str, str], int] = {}
    for group in groups:
        columns = {group.column(i).path_in_schema: group.column(i) for i in range(group.num_columns)}
        bounds = [columns[name].statistics for name in ("imagename", "phot_key")]
        if any(stated is None or stated.min != stated.max for stated in bounds):
            raise ValueError("a row group holds several images")
        identity = (str(bounds[0].min), str(bounds[1].min))
        found[identity] = found.get(identity, 0) + group.num_rows
    return [Content(*identity, rows) for identity, rows in found.items()]


def _recorded(record: Mapping[str, Any], metadata: Any) -> list[Content]:
    contents = []
    # A row group an image. Files of the first months record no bounds.
    for number, (imagename, key, rows, content, *bounds) in enumerate(record["members"]):
        stated = bounds[0] if bounds else None
        found = None
        if stated is not None and number < metadata.num_row_groups:
            found = _bounds_in(metadata.row_group(number))
        contents.append(Content(imagename, key, rows, content, record["folder"], stated, found))
    return contents
