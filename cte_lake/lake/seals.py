"""Checksums of what is no Parquet file: of files beside a row in its footer, of a text in its last line."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

import pyarrow as pa
import pyarrow.parquet as pq

from cte_lake.digests import digest
from cte_lake.errors import LakeError
from cte_lake.lake.store import Place

#: Key of the footer: suffix of each file beside the row, and its checksum.
_FILES = b"files"
_SEAL = re.compile(rb"^# checksum of the lines above: (?P<checksum>[0-9a-f]{32}); .*$", re.MULTILINE)
_EDITED = "delete this line if you edit them"


def checksum(content: bytes) -> str:
    """Return the checksum that is recorded of a file's bytes, 32 hex digits."""
    return digest(content, 16)


def files_record(files: Mapping[str, bytes]) -> dict[bytes, str]:
    """Return the footer metadata of a row that records the files beside it, by suffix."""
    return {_FILES: json.dumps({suffix: checksum(content) for suffix, content in sorted(files.items())})}


def recorded_files(row: Place) -> dict[str, str] | None:
    """Return suffix and checksum of the files beside a row; None where none were recorded."""
    with pq.ParquetFile(row.source(whole=False)) as file:
        record = (file.metadata.metadata or {}).get(_FILES)
    return None if record is None else dict(json.loads(record))


def changed_files(row: Place) -> list[str] | None:
    """Return the suffixes of files beside a row that are not there or not those recorded; None if none were.

    A row that cannot be read says nothing of them.
    """
    try:
        recorded = recorded_files(row)
    except (OSError, ValueError, pa.ArrowException):
        return []
    return (
        None
        if recorded is None
        else [suffix for suffix, stated in recorded.items() if _found(row, suffix) != stated]
    )


def read_beside(row: Place, suffix: str) -> bytes:
    """Return a file beside a row, checked against the checksum that the row records; an older row has none.

    Raises
    ------
    LakeError
        If it is not what was written.
    FileNotFoundError
        If there is none.
    """
    place = row.with_name(row.name.removesuffix(".parquet") + suffix)
    content = place.read_bytes()
    try:
        stated = (recorded_files(row) or {}).get(suffix)
    except (ValueError, pa.ArrowException) as error:
        raise LakeError(f"{row} cannot be read ({error}); run `cte-lake verify`") from error
    if stated not in (None, checksum(content)):
        raise LakeError(f"{place} was changed since it was written")
    return content


def _found(row: Place, suffix: str) -> str | None:
    try:
        return checksum(row.with_name(row.name.removesuffix(".parquet") + suffix).read_bytes())
    except FileNotFoundError:
        return None


def sealed(text: bytes) -> bytes:
    """Return a text of comments with '#' with its checksum in a last line."""
    return text + f"# checksum of the lines above: {checksum(text)}; {_EDITED}\n".encode()


def is_sealed(text: bytes) -> bool:
    """Whether a text bears its checksum."""
    return _SEAL.search(text) is not None


def seal_broken(text: bytes) -> bool:
    """Whether a text bears a checksum that is not its own; what follows the seal is not of the text."""
    seal = _SEAL.search(text)
    return seal is not None and (
        checksum(text[: seal.start()]) != seal["checksum"].decode() or bool(text[seal.end() :].strip())
    )
