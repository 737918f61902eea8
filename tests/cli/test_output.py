"""The one printer of rows: every format, at 80 columns, with units and without losing a NULL."""

import csv
import io
import json
import warnings
from datetime import UTC, datetime

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from astropy.table import QTable, Table
from astropy.time import Time

from cte_lake.cli.output import Format, print_table, render
from cte_lake.errors import UsageError
from cte_lake.views.running import readable


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


#: A value of each SQL type, and what JSON holds of it (CSV: the same text); None: not looked at.
TYPES = {
    "bool": ("true", True),
    "tinyint": ("-1::TINYINT", -1),
    "bigint": ("9007199254740993::BIGINT", 9007199254740993),
    "ubigint": ("18446744073709551615::UBIGINT", 18446744073709551615),
    "hugeint": (f"{2**127 - 1}::HUGEINT", 2**127 - 1),
    "uhugeint": (f"{2**128 - 1}::UHUGEINT", str(2**128 - 1)),
    "bignum": (f"'{10**45 + 7}'::BIGNUM", str(10**45 + 7)),
    "decimal": ("1.50::DECIMAL(9, 2)", 1.5),
    "digits": ("12345678901234567890123456789.51::DECIMAL(38, 2)", "12345678901234567890123456789.51"),
    "double": ("1.5e300", 1.5e300),
    "infinite": ("'-inf'::DOUBLE", None),
    "text": ("'a,\"é\"'", 'a,"é"'),
    "blob": ("'\\xAA\\x00'::BLOB", "aa00"),
    "bits": ("'0101'::BIT", "0101"),
    "date": ("DATE '2016-08-01'", "2016-08-01"),
    "endless": ("'infinity'::DATE", "infinity"),
    "ides": ("DATE '0044-03-15 (BC)'", "-0043-03-15"),
    "time": ("TIME '07:12:00.5'", "07:12:00.500000"),
    "timetz": ("'07:12:00+02'::TIMETZ", "07:12:00+02"),
    "timestamp": ("TIMESTAMP '2016-08-01 07:12:00.5'", "2016-08-01T07:12:00.500000"),
    "timestamp_ns": ("'2016-08-01 07:12:00.123456789'::TIMESTAMP_NS", None),
    "timestamptz": ("TIMESTAMPTZ '2016-08-01 07:12:00+00'", None),
    "forever": ("'-infinity'::TIMESTAMP", "-infinity"),
    "interval": ("INTERVAL '1 month 3 days'", "P1M3DT0S"),
    "uuid": ("'12345678-1234-1234-1234-123456789abc'::UUID", "12345678-1234-1234-1234-123456789abc"),
    "enum": ("'a'::ENUM('a', 'b')", "a"),
    "list": ("[1, NULL]", [1, None]),
    "lists": ("[[INTERVAL 3 DAY], []]", [["P0M3DT0S"], []]),
    "array": ("[1.5, 2.5]::DOUBLE[2]", [1.5, 2.5]),
    "struct": ("{'a': 1, 'b': DATE '2016-08-01'}", {"a": 1, "b": "2016-08-01"}),
    "map": ("MAP {'k': [1]}", [["k", [1]]]),
    "union": ("union_value(num := 2)", 2),
    "json": ("'{\"a\":1}'::JSON", '{"a":1}'),
    "nothing": ("NULL", None),
}  # fmt: skip


@pytest.fixture(scope="module")
def every_type():
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'America/New_York'")
        values = ", ".join(f'{value} AS "{name}"' for name, (value, _) in TYPES.items())
        nulls = ", ".join("NULL" for _ in TYPES)
        return readable(connection.sql(f"SELECT {values} UNION ALL SELECT {nulls}")).to_arrow_table()


def test_every_type_goes_to_json_and_csv(every_type):
    first, second = json.loads(render(every_type, Format.JSON, None))
    assert set(second.values()) == {None}
    for name, (_, expected) in TYPES.items():
        if expected is not None:
            assert first[name] == expected, name
    lines = list(csv.reader(io.StringIO(render(every_type, Format.CSV, None).decode())))
    written = dict(zip(*lines[:2], strict=True))
    assert set(lines[2]) == {""}
    for name in ("bigint", "ubigint", "hugeint", "uhugeint", "bignum", "digits", "uuid", "bits", "timetz"):
        assert written[name] == str(TYPES[name][1])
    assert written["timestamptz"].startswith("2016-08-01 07:12:00")


@pytest.mark.parametrize(
    ("format_", "kind"), [(Format.FITS, "fits"), (Format.VOTABLE, "votable"), (Format.ECSV, "ascii.ecsv")]
)
def test_every_type_goes_to_astropys_formats(every_type, format_, kind):
    content = render(every_type, format_, None)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        back = QTable.read(content.decode() if kind == "ascii.ecsv" else io.BytesIO(content), format=kind)
    assert back.colnames == list(TYPES)
    assert len(back) == 2
    for name in ("bigint", "tinyint"):
        assert back[name][0] == TYPES[name][1]
        assert np.ma.is_masked(back[name][1])
    assert str(back["uhugeint"][0]) == TYPES["uhugeint"][1]
    assert mjd_of_cell(back["timestamp"][0]) == pytest.approx(57601.30000579, abs=1e-6)


def mjd_of_cell(value):
    """A time as a reader gives it: of astropy, its text, or the two numbers that FITS has of it."""
    if hasattr(value, "mjd"):
        return float(value.unmasked.mjd)
    if isinstance(value, str):
        return Time(value).mjd
    return float(np.sum(value.unmasked.value)) - 2400000.5


def test_every_type_goes_to_parquet_and_to_a_terminal(every_type):
    back = pq.read_table(io.BytesIO(render(every_type, Format.PARQUET, None)))
    assert back.column_names == list(TYPES)
    assert back["endless"].null_count == 1
    assert back["hugeint"][0].as_py() == TYPES["hugeint"][1]
    endless = pa.table({"t": pa.array([[2**31 - 1]], pa.list_(pa.int32())).cast(pa.list_(pa.date32()))})
    for kind in (Format.TABLE, Format.JSON, Format.CSV, Format.FITS):
        with pytest.raises(UsageError, match="a list or struct holds dates outside the years 1 to 9999"):
            render(endless, kind, None)
    text = render(every_type, Format.TABLE, 80).decode()
    for word in ("infinity", str(2**128 - 1), "07:12:00+02"):
        assert word in text
