"""Whether a Parquet file is whole, and whose fault it is where it cannot be read: its own or the reader's."""

from __future__ import annotations

import errno
import io
import os
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from cte_lake.errors import NotAFile, StoreUnavailable
from cte_lake.lake.contents import RECORD, ROWS_HASH, rows_hash
from cte_lake.lake.seals import checksum
from cte_lake.lake.store import Place

_PHOT_HASH = "phot_hash"
#: What keeps a reader from a file that may be whole.
_OF_THE_READER = {
    errno.EACCES: "make it readable for this user",
    errno.EPERM: "make it readable for this user",
    errno.EMFILE: "raise the limit of open files (ulimit -n)",
    errno.ENFILE: "the machine has too many open files",
    errno.ENOMEM: "free memory and run it again",
    errno.EIO: "the disk or network fails; look at its logs and run it again",
    errno.ESTALE: "the network file system lost it; run it again",
    errno.ETIMEDOUT: "the network file system does not answer; run it again",
    errno.ENOTCONN: "the network file system is not connected; run it again",
}


@dataclass(frozen=True)
class Fault:
    """What keeps a file from being read; `proven` if the file itself is broken, whoever reads it."""

    detail: str
    proven: bool


def fault_of(
    place: Place,
    quick: bool = False,
    seen: Callable[[str, list[pa.Table]], None] | None = None,
    columns: Collection[str] = (),
    said: Callable[[Any], None] | None = None,
) -> Fault | None:
    """Return what is wrong with a Parquet file of the lake, None if it is whole or gone meanwhile.

    In full, every page is checked against its checksum, every column against its statistics, and the rows
    against the hash that the file records. A file is called broken only if it is so twice. `seen` is called
    with the checksum of the bytes of a file that was read in full and is whole, and with its row groups,
    `said` with the metadata of its footer. A file without one of `columns` is no file of its dataset.
    """
    for last in (False, True):
        groups: list[pa.Table] = []
        try:
            source = place.source(whole=not quick)
            detail = _check(source, quick, columns, said, groups)
        except FileNotFoundError:
            # A vacuum took it meanwhile.
            return None
        except StoreUnavailable:
            raise
        except NotAFile as error:
            return Fault(str(error).removeprefix(f"{place} "), proven=True)
        except (MemoryError, pa.ArrowMemoryError) as error:
            return Fault(f"not read for want of memory ({error}); free some and run it again", proven=False)
        except OSError as error:
            if error.errno in _OF_THE_READER:
                why = os.strerror(error.errno).lower()
                return Fault(f"not read: {why}; {_OF_THE_READER[error.errno]}", proven=False)
            detail = str(error).splitlines()[0]
        except (pa.ArrowException, UnicodeDecodeError, OverflowError) as error:
            # A flipped bit can leave text that is not UTF-8, or a date that no calendar has.
            detail = str(error).splitlines()[0]
        if detail is None:
            if seen is not None and not quick:
                seen(checksum(_bytes_of(source)), groups)
            return None
        if last:
            return Fault(detail, proven=True)
    raise AssertionError("the loop returns")


def _bytes_of(source: str | io.BytesIO) -> bytes:
    return Path(source).read_bytes() if isinstance(source, str) else source.getvalue()


def _check(
    source: Any,
    quick: bool,
    columns: Collection[str],
    said: Callable[[Any], None] | None,
    groups: list[pa.Table],
) -> str | None:
    """Return what is wrong with a file that opens, None if nothing; its row groups go into `groups`."""
    with pq.ParquetFile(source, page_checksum_verification=True) as file:
        if said is not None:
            said(file.metadata)
        if missing := sorted(set(columns) - set(file.schema_arrow.names)):
            return f"is not a file of this dataset: it lacks the column {missing[0]}, and queries fail at it"
        if quick:
            return None
        for number in range(file.num_row_groups):
            table = file.read_row_group(number, use_threads=False)
            if (column := _against_statistics(table, file.metadata.row_group(number))) is not None:
                return f"column {column} does not agree with the statistics of the file"
            groups.append(table)
        groups[:] = groups or [file.schema_arrow.empty_table()]
        recorded = (file.metadata.metadata or {}).get(ROWS_HASH)
        if recorded is not None and recorded.decode() != rows_hash(pa.concat_tables(groups)):
            return "the rows are not those that were written: their hash differs"
        # An exposure row that names its photometry by a hash was written with one of its own.
        if recorded is None and any(
            _PHOT_HASH in t.column_names and t[_PHOT_HASH].null_count < len(t) for t in groups
        ):
            return "was written by another program than cte-lake: it records no hash of its rows"
    return None


def is_recorded(place: Place) -> bool:
    """Whether a file bears the hash of its rows, as all do that cte-lake writes since 2026."""
    recorded = pq.read_metadata(place.source()).metadata or {}
    return ROWS_HASH in recorded or RECORD in recorded


def _against_statistics(table: pa.Table, group: pq.RowGroupMetaData) -> str | None:
    """Return the first column whose least and greatest values are not those that readers skip files by."""
    names = frozenset(table.column_names)
    for column in map(group.column, range(group.num_columns)):
        stated, name = column.statistics, column.path_in_schema
        if stated is None or not stated.has_min_max or name not in names:
            continue
        found = pc.min_max(table.column(name)).as_py()
        if isinstance(found["min"], int | float | str) and (found["min"], found["max"]) != (
            stated.min,
            stated.max,
        ):
            return str(name)
    return None
