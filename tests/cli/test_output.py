"""The one printer of rows: every format, at 80 columns, with units and without losing a NULL."""

import io
import json
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from astropy.table import Table

from cte_lake.cli.output import Format, print_table, render
from cte_lake.errors import UsageError


@pytest.fixture
def table():
    fields = [
        pa.field("imagename", pa.string(), metadata={"unit": "", "description": "Image"}),
        pa.field("mjd", pa.float64(), metadata={"unit": "d", "description": "Date"}),
        pa.field("cte_loss", pa.float64(), metadata={"unit": "", "description": "Loss"}),
        pa.field("n", pa.int64()),
        pa.field("good", pa.bool_()),
        pa.field("at", pa.timestamp("us", tz="UTC")),
    ]
    at = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    rows = [
        {
            "imagename": "a_flt.fits",
            "mjd": 57601.3125,
            "cte_loss": 0.123456789,
            "n": 3,
            "good": True,
            "at": at,
        },
        {"imagename": "b_flt.fits", "mjd": 57602.0, "cte_loss": None, "n": 0, "good": False, "at": at},
    ]
    return pa.Table.from_pylist(rows, schema=pa.schema(fields))


def test_a_table_is_readable(table):
    lines = render(table, Format.TABLE, None).decode().splitlines()
    assert lines[0].split() == ["imagename", "mjd", "cte_loss", "n", "good", "at"]
    assert lines[1].split() == ["d"]
    assert lines[3].split() == [
        "a_flt.fits",
        "57601.312",
        "0.123457",
        "3",
        "true",
        "2026-01-02",
        "03:04:05+00:00",
    ]
    assert lines[4].split()[2] == "NULL"
    assert lines[-1] == "(2 rows)"


@pytest.mark.parametrize("width", [40, 60, 80])
def test_no_line_is_wider_than_asked(table, width):
    text = render(table, Format.TABLE, width).decode()
    assert max(map(len, text.splitlines())) <= width
    for name in table.column_names:
        assert name in text


def test_prose_is_wrapped_in_place():
    table = pa.table({"name": ["x"], "meaning": ["many words " * 20]})
    lines = render(table, Format.TABLE, 60).decode().splitlines()
    assert max(map(len, lines)) <= 60
    assert lines[0].split() == ["name", "meaning"]
    assert "".join(lines[2:-1]).count("words") == 20


def test_a_terminal_is_not_steered_by_a_header():
    text = render(pa.table({"targname": ["\x1b[2J\nNGC104\u202e"]}), Format.TABLE, 80).decode()
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "\\x1b[2J\\nNGC104" in text


def test_json_is_strict():
    content = render(pa.table({"x": [1.5, float("nan"), float("inf"), None]}), Format.JSON, None)
    assert json.loads(content, parse_constant=pytest.fail) == [
        {"x": 1.5},
        {"x": None},
        {"x": None},
        {"x": None},
    ]


def test_csv_and_parquet_keep_every_digit(table):
    header, first, second = render(table, Format.CSV, None).decode().splitlines()
    assert header == "imagename,mjd,cte_loss,n,good,at"
    assert "0.123456789" in first
    assert ",,0,false," in second
    back = pq.read_table(io.BytesIO(render(table, Format.PARQUET, None)))
    assert back.equals(table)
    assert back.schema.field("mjd").metadata[b"unit"] == b"d"


def test_ecsv_keeps_units_and_missing_values(table):
    read = Table.read(render(table, Format.ECSV, None).decode().splitlines(), format="ascii.ecsv")
    assert read["mjd"].unit == "d"
    assert read["cte_loss"].mask.tolist() == [False, True]
    assert read["mjd"].description == "Date"


def test_the_files_ending_tells_the_format(table, tmp_path):
    for name in ("x.csv", "x.json", "x.parquet", "x.ecsv"):
        print_table(table, None, tmp_path / name)
        assert (tmp_path / name).stat().st_size > 0
    with pytest.raises(UsageError, match=r"'x\.odd' does not imply a format"):
        print_table(table, None, tmp_path / "x.odd")
    print_table(table, Format.TABLE, tmp_path / "x.odd")
    assert (tmp_path / "x.odd").read_text().endswith("(2 rows)\n")


def test_a_table_without_columns_says_that_it_has_no_row():
    assert render(pa.table({}), Format.TABLE, 80) == b"(0 rows)\n"


def test_rounded_numbers_of_a_column_have_the_same_decimals():
    table = pa.table({"loss": [6.9, 22.5, None, 0.33], "mjd": [57601.3, 57601.0, 57402.0, 57403.0]})
    lines = render(table, Format.TABLE, None).decode().splitlines()
    assert [line.split()[0] for line in lines[2:6]] == ["6.90", "22.50", "NULL", "0.33"]
    assert [line.split()[1] for line in lines[2:6]] == ["57601.3", "57601.0", "57402.0", "57403.0"]


def test_measured_quantities_keep_their_digits():
    table = pa.table({"slope": [-1.234567e-5, 0.5], "x": [0.123456, 12.5]})
    lines = render(table, Format.TABLE, None).decode().splitlines()
    assert [line.split() for line in lines[2:4]] == [["-1.23457e-05", "0.123456"], ["0.5", "12.5"]]
