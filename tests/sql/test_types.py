"""Values of any SQL type in every format: no traceback, and NULL stays NULL."""

from __future__ import annotations

import csv
import io
import json
import warnings

import numpy as np
import pyarrow.parquet as pq
import pytest
from astropy.table import Table

from cte_lake import open_lake
from cte_lake.cli.output import Format, render
from cte_lake.errors import UsageError
from cte_lake.lake.create import create_lake
from cte_lake.lake.stored import stored

VALUES = {
    "list": "[1.5, NULL]", "nested": "[[1], [2]]", "struct": "{'a': 1}", "map": "map {'a': 1}",
    "either": "union_value(num := 2)", "span": "INTERVAL '1 month 2 days'", "day": "DATE '2016-08-01'",
    "infinite": "'infinity'::DATE", "hour": "TIME '07:12:00'", "zoned": "'07:12:00+02'::TIMETZ",
    "moment": "TIMESTAMP '2016-08-01 07:12:00.123456'", "ns": "'2016-08-01 07:12:00.123456789'::TIMESTAMP_NS",
    "utc": "'2016-08-01 07:12:00+02'::TIMESTAMPTZ", "bytes": "'a'::BLOB", "id": "uuid()",
    "huge": "2::HUGEINT << 100", "uhuge": "5::UHUGEINT", "exact": "123456789012345678.1234",
    "small": "65000::USMALLINT", "whole": "4294967295::UINTEGER", "long": "18446744073709551615::UBIGINT",
    "tiny": "(-5)::TINYINT", "word": "'a'::ENUM('a', 'b')", "bits": "'0101'::BIT", "object": "'{}'::JSON",
    "nan": "'nan'::DOUBLE", "inf": "'inf'::DOUBLE", "truth": "true", "text": "'a, b'", "nothing": "NULL",
}  # fmt: skip
QUERY = ", ".join(f"CASE WHEN i = 0 THEN {value} END AS {name}" for name, value in VALUES.items())
NAMES = {Format.ECSV: "ascii.ecsv", Format.VOTABLE: "votable", Format.FITS: "fits"}
EXPECTED = {
    "list": "[1.5, null]", "day": "2016-08-01", "infinite": "infinity", "exact": "123456789012345678.1234",
    "small": 65000, "whole": 4294967295, "tiny": -5, "truth": True, "text": "a, b", "span": "P1M2DT0S",
}  # fmt: skip


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    root = tmp_path_factory.mktemp("types") / "lake"
    create_lake(stored(root))
    with open_lake(root) as opened:
        yield opened


@pytest.fixture(scope="module")
def rows(lake):
    """Two rows: a value of each type, and NULL."""
    return lake.sql(f"SELECT {QUERY} FROM range(2) AS t(i) ORDER BY i").arrow()


def is_missing(value):
    if isinstance(value, str):
        return value == ""
    return bool(np.all(value.mask)) if hasattr(value, "mask") else bool(np.isnan(value))


@pytest.mark.parametrize("format_", list(NAMES))
def test_astropy_reads_every_value_and_null_as_missing(rows, format_):
    content = render(rows, format_, None)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        source = content.decode() if format_ is Format.ECSV else io.BytesIO(content)
        table = Table.read(source, format=NAMES[format_])
    assert table.colnames == list(VALUES)
    for name, expected in EXPECTED.items():
        assert table[name][0] == expected, name
    for name in VALUES:
        assert is_missing(table[name][1]), (name, table[name][1])


def test_text_has_every_digit(rows):
    lines = list(csv.DictReader(io.StringIO(render(rows, Format.CSV, None).decode())))
    assert lines[0]["ns"] == "2016-08-01 07:12:00.123456789"
    assert lines[0]["utc"] == "2016-08-01 05:12:00.000000Z"
    assert set(lines[1].values()) == {""}
    held = json.loads(render(rows, Format.JSON, None))
    assert (held[0]["exact"], held[0]["long"]) == ("123456789012345678.1234", 18446744073709551615)
    assert set(held[1].values()) == {None}
    assert "NULL" in render(rows, Format.TABLE, None).decode()


def test_parquet_keeps_types(rows):
    held = pq.read_table(io.BytesIO(render(rows, Format.PARQUET, None)))
    assert [float(held["list"][0][0].as_py()), held["list"][0][1].as_py()] == [1.5, None]
    assert held["either"].to_pylist() == ["2", None]
    assert held["whole"].to_pylist() == [4294967295, None]


@pytest.mark.parametrize("format_", list(Format))
def test_columns_of_one_name_are_all_kept(lake, format_):
    rows = lake.sql("SELECT 1 AS v, 2 AS v, 3 AS V, 4 AS v_1").arrow()
    assert rows.column_names == ["v", "v_2", "V_3", "v_1_1"] or rows.column_names == [
        "v",
        "v_2",
        "V_3",
        "v_1",
    ]
    assert render(rows, format_, None)


def test_more_columns_than_fits_holds_are_refused(lake):
    rows = lake.sql("SELECT " + ", ".join(f"{number} AS c{number}" for number in range(1000))).arrow()
    with pytest.raises(UsageError, match="FITS holds 999 columns, not 1000"):
        render(rows, Format.FITS, None)
