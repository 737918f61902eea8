"""The Python face: results with units, filters, and no way out of the lake."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import typer
from astropy import units as u
from astropy.table import QTable

from cte_lake import Lake, open_lake
from cte_lake.cli.main import app
from cte_lake.errors import LakeError, UnknownName, UsageError
from cte_lake.lake.create import create_lake
from cte_lake.lake.selection import Selection
from cte_lake.lake.stored import stored
from cte_lake.views import published_views, view_columns
from tests.sql.writing import add_pair


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("api") / "lake"
    create_lake(stored(folder))
    rng = np.random.default_rng(5)
    n = 300
    flux, y = rng.uniform(600, 1900, n), rng.uniform(0, 2050, n)
    first = {
        "master_id": np.arange(n),
        "y": y,
        "flux_r03": flux * (1 + 2e-5 * (y - 1025)),
        "sky": np.full(n, 9.0),
    }
    second = first | {"flux_r03": flux * (1 - 2e-5 * (y - 1025)) * rng.normal(1, 0.01, n)}
    add_pair(folder, first=first, second=second)
    return folder


@pytest.fixture(scope="module")
def lake(root: Path) -> Iterator[Lake]:
    with open_lake(root) as opened:
        yield opened


@pytest.mark.slow
def test_every_published_view_has_a_method(lake):
    for name in published_views():
        method = getattr(lake, name)
        assert method.__name__ == name
        assert list(method().arrow().column_names) == [column.name for column in view_columns(name)]


def test_an_astropy_table_has_units_descriptions_and_masks(lake):
    table = lake.cte(estimator="mean_flux").astropy()
    assert isinstance(table, QTable)
    assert table["mean_flux"].unit == u.electron
    assert table["slope"].unit == 1 / u.pix
    assert table["mjd"].unit == u.day
    assert table["cte_loss"].info.description.startswith("Fraction of the flux lost")
    measured = table[table["bin_lo"] == 500 * u.electron]
    assert not measured["slope"].mask.any()
    assert (measured["slope"] > 0).all()
    empty = table[table["bin_lo"] == 8000 * u.electron]
    assert empty["slope"].mask.all()
    assert list(empty["n"]) == [0]


def test_units_go_through_files(lake, tmp_path):
    table = lake.slopes(estimator="mean_flux", bin_lo=500).astropy()
    table.write(tmp_path / "t.ecsv")
    again = QTable.read(tmp_path / "t.ecsv")
    assert again["slope"].unit == table["slope"].unit
    np.testing.assert_array_equal(again["slope"].value, table["slope"].value)


def test_pandas_keeps_the_units_beside_the_frame(lake):
    frame = lake.pairs().pandas()
    assert len(frame) == 1
    assert frame.attrs["units"]["exptime"] == "s"


def test_a_free_query_has_the_units_of_the_columns_it_names(lake):
    table = lake.sql(
        "SELECT master_id, flux_r03, 2 * flux_r03 AS twice FROM phot WHERE y > $y", y=1750.0
    ).astropy()
    assert table["flux_r03"].unit == u.electron
    assert table["twice"].unit is None
    assert 0 < len(table) < 600


def test_a_filter_on_no_column_names_those_there_are(lake):
    with pytest.raises(UsageError, match=r"no column 'filtre'; did you mean 'filter'\? it has pair_id"):
        lake.pairs(filtre="F502N")
    with pytest.raises(LakeError, match="no view is called 'nothing'"):
        lake.view("nothing")


def test_one_thread_repeats_every_digit(root):
    found = []
    for _ in range(2):
        with open_lake(root, threads=1) as opened:
            found.append(opened.slopes().arrow())
    assert found[0].equals(found[1])


def test_a_lake_is_found_from_below(root, monkeypatch):
    monkeypatch.chdir(root / "phot")
    with open_lake() as opened:
        assert str(opened.stored) == str(root)


def test_what_is_not_understood_of_the_options_is_said(root):
    with pytest.raises(UsageError, match="memory_limit"):
        open_lake(root, memory_limit="much")


OUTSIDE = [
    "SELECT * FROM read_csv('/etc/passwd')",
    "SELECT * FROM read_text('{root}/../outside.txt')",
    "SELECT * FROM read_blob('/etc/hostname')",
    "SELECT * FROM glob('/etc/*')",
    "SELECT * FROM '/etc/passwd'",
    "SELECT * FROM 'https://example.org/data.parquet'",
    "SELECT * FROM parquet_metadata('/etc/passwd')",
    "SELECT getenv('HOME')",
    "SELECT * FROM variable_of_python",
    "SELECT * FROM query('COPY (SELECT 1) TO ''{root}/stolen.csv''')",
]
NOT_READING = [
    "COPY (SELECT 1) TO '{root}/stolen.csv'",
    "COPY (SELECT 1) TO '/tmp/stolen.csv'",
    "EXPLAIN ANALYZE COPY (SELECT 1) TO '{root}/stolen.csv'",
    "/* */ EXPLAIN -- no\n (ANALYZE, FORMAT json) COPY (SELECT 1) TO '{root}/stolen.csv'",
    "EXPORT DATABASE '{root}/stolen'",
    "ATTACH '{root}/stolen.db'",
    "ATTACH '/tmp/stolen.db'",
    "INSTALL httpfs",
    "LOAD httpfs",
    "PRAGMA memory_limit = '1GB'",
    "SET enable_external_access = true",
    "RESET enable_external_access",
    "CALL pragma_version()",
    "CREATE TABLE t AS SELECT 1",
    "DROP VIEW pairs",
    "DELETE FROM flux_bins",
    "UPDATE settings SET clip_sigma = 1",
    "INSERT INTO flux_bins VALUES (1, 2)",
    "BEGIN",
]


def content(folder: Path) -> dict[Path, int]:
    return {
        path: path.stat().st_mtime_ns
        for path in folder.rglob("*")
        if path.is_file() and ".cache" not in path.parts
    }


@pytest.mark.parametrize("query", OUTSIDE + NOT_READING)
def test_there_is_no_way_out_of_the_lake(root, lake, query):
    variable_of_python = QTable()  # noqa: F841 - a name that a replacement scan would find
    (root.parent / "outside.txt").write_text("secret")
    before = content(root.parent)
    with pytest.raises(UsageError) as refused:
        lake.sql(query.format(root=root))
    message = str(refused.value)
    assert "\n" not in message
    assert len(message) < 400
    assert content(root.parent) == before


def test_reading_statements_of_all_kinds_are_answered(lake):
    for query in (
        "FROM pairs", "WITH p AS (FROM pairs) SELECT * FROM p", "DESCRIBE pairs", "SUMMARIZE pairs",
        "SHOW TABLES", "EXPLAIN FROM pairs", "EXPLAIN (ANALYZE) SELECT 1", "VALUES (1)", "SELECT 1;",
        "-- a word\nSELECT 1", "PIVOT (SELECT target, flash FROM pairs) ON flash IN (0, 12)", "TABLE pairs",
    ):  # fmt: skip
        assert len(lake.sql(query)) > 0, query


def test_the_sealed_connection_does_not_open_again(lake):
    with pytest.raises(UsageError):
        lake.sql("SELECT set_config('enable_external_access', 'true')")
    assert lake.sql("SELECT current_setting('enable_external_access') AS s").rows() == [{"s": False}]


def test_columns_of_every_type_reach_astropy(lake):
    query = """SELECT 1 AS i, 1.5::DOUBLE AS d, NULL::DOUBLE AS nothing, 'x' AS s, true AS b, [1, 2] AS l,
        TIMESTAMPTZ '2026-01-02 03:04:05+00' AS t, {'a': 1} AS struct, 1.25::DECIMAL(9, 2) AS fixed"""
    row = lake.sql(query).astropy()[0]
    assert (row["i"], row["d"], row["s"], row["b"], row["fixed"]) == (1, 1.5, "x", True, 1.25)
    assert row["t"].isot == "2026-01-02T03:04:05.000"
    assert row["l"] == [1, 2]
    assert np.ma.is_masked(row["nothing"])


DAYS = """SELECT d AS date, d::TIMESTAMP AS moment, TIMESTAMP_NS '2016-08-01 00:00:00.123456789' AS nano
    FROM (VALUES ('infinity'::DATE), ('-infinity'::DATE), (DATE '2016-08-01'), (NULL)) AS days(d)"""


def test_dates_that_python_does_not_have_are_texts(lake):
    result = lake.sql(DAYS)
    wanted = ["infinity", "-infinity", "2016-08-01", None]
    assert [row["date"] for row in result.rows()] == [row["date"] for row in result] == wanted
    assert result[1]["moment"] == "-infinity"
    assert result.pandas()["date"].tolist()[0] == "infinity"
    table = result.astropy()
    assert table["moment"][0] == "infinity"
    assert table["nano"][0].isot == "2016-08-01T00:00:00.123"
    assert "infinity" in result._repr_html_()
    assert pa.types.is_date32(result.arrow().schema.field("date").type)
    for nested in ("['infinity'::TIMESTAMP]", "{'a': 'infinity'::DATE}"):
        with pytest.raises(UsageError, match="a list or struct holds dates outside the years 1 to 9999"):
            lake.sql(f"SELECT {nested} AS t").rows()
    with pytest.raises(UsageError, match=r"pandas has no type for a column: .*; cast it"):
        lake.sql("SELECT TIME_NS '12:00:00.123456789' AS t").pandas()


def test_a_lake_is_asked_by_text_and_stays_in_its_process(lake):
    with pytest.raises(UsageError, match="a query is a text, and this is a bytes"):
        lake.sql(b"SELECT 1")
    with pytest.raises(TypeError, match=r"neither copied nor pickled; open .* in each process"):
        pickle.dumps(lake)


def keys(result):
    return sorted((row["pair_id"], row["estimator"], row["bin_lo"], row["bin_hi"]) for row in result.rows())


@pytest.mark.parametrize("target", ["ngc104", "NGC104", "NGC 104", "47Tuc", ["47 Tuc", "NGC 6791"]])
def test_a_target_is_found_as_astronomers_write_it(lake, target):
    assert keys(lake.cte(target=target, filter="f502n")) == keys(lake.cte()) != []


def test_sql_keywords_and_the_command_line_find_the_same_rows(lake, root, tmp_path):
    by_sql = lake.sql("FROM cte WHERE target = target_name('47 Tuc') AND estimator = 'mean_flux'")
    by_keyword = lake.cte(target="NGC104", estimator="mean_flux")
    assert keys(by_sql) == keys(by_keyword) != []
    for written in ("NGC 104", "47Tuc"):
        out = tmp_path / "losses.csv"
        arguments = ["measure", "--target", written, "--lake", str(root), "-o", str(out), "--overwrite"]
        typer.main.get_command(app).main(arguments, standalone_mode=False)
        assert len(out.read_text().splitlines()) - 1 == len(by_keyword)


def test_a_name_that_the_lake_lacks_is_refused_with_the_nearest(lake):
    with pytest.raises(UnknownName, match="no target is called 'ngc105'; did you mean 'ngc104'"):
        lake.cte(target="ngc105")
    with pytest.raises(UnknownName, match=r"no filter is called 'F814W'.* known filters: F502N"):
        lake.cte(filter=["F502N", "F814W"])


@pytest.mark.parametrize(
    ("view", "asked", "sentence"),
    [
        ("displacement", {"against": "brigt"}, "did you mean 'bright'?"),
        ("cte", {"aperture": "three"}, "aperture radius 'three' px was not measured"),
        ("cte", {"aperture": (3, 5)}, "aperture radius (3, 5) px was not measured"),
        ("growth_loss", {"aperture": float("nan")}, "it is one of 2 3 5 7"),
        ("growth", {"aperture": 4}, "aperture radius 4 px was not measured"),
        ("chips", {"aperture": [3, 6]}, "aperture radius 6 px was not measured"),
    ],
)
def test_what_a_column_cannot_hold_is_refused(lake, view, asked, sentence):
    with pytest.raises(UsageError) as refused:
        lake.view(view, **asked)
    assert sentence in str(refused.value)


@pytest.mark.parametrize("asked", [{"min_stars": 0}, {"aperture": 4}])
def test_chips_of_no_stars_or_at_no_radius_are_refused(lake, asked):
    with pytest.raises(UsageError, match=r"at least 1 star|was not measured"):
        lake.solve_chips(target="ngc104", **asked)


def test_a_selection_and_keywords_are_combined(lake):
    pair = lake.pairs().rows()[0]
    assert len(lake.view("pairs", Selection(target=("47 Tuc",)), flash=pair["flash"])) == 1
    assert len(lake.view("pairs", Selection(until=pair["mjd"] - 1.0))) == 0
