"""The hash of rows: it stands in files of years, so it must come out as it did when they were written."""

from __future__ import annotations

from datetime import UTC, datetime

import pyarrow as pa
import pytest

from cte_lake.lake.contents import rows_hash

_VALUES = {
    "b": (pa.bool_(), True),
    "i": (pa.int32(), -5),
    "l": (pa.int64(), 2**40),
    "f": (pa.float32(), 1.5),
    "d": (pa.float64(), -0.1),
    "t": (pa.timestamp("us", tz="UTC"), datetime(2026, 11, 30, 18, tzinfo=UTC)),
    "s": (pa.string(), "é"),
    "y": (pa.binary(), b"\x01"),
}


@pytest.mark.parametrize(
    ("there", "hashed"),
    [
        ((True, True, True), "39377d3c0b5785d87aa16013"),
        ((True, False, True), "150dadba9b19d505d41cb030"),
        ((False, False), "1be3d20836edfb8b6f455c14"),
        ((), "99f1c4885e31e400769f8419"),
    ],
)
def test_rows_have_the_hash_that_files_of_2026_record(there: tuple[bool, ...], hashed: str) -> None:
    columns = {
        name: pa.array([value if one else None for one in there], kind)
        for name, (kind, value) in _VALUES.items()
    }
    assert rows_hash(pa.table(columns)) == hashed
    # The first half, sliced off a longer column, is its own table.
    doubled = pa.concat_tables([pa.table(columns)] * 2)
    assert rows_hash(doubled.slice(len(there))) == hashed
