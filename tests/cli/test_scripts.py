"""sql: scripts, dot commands, tables of one's own, every format for every type, no silent overwriting."""

import json

import numpy as np
import pyarrow.parquet as pq
import pytest
from astropy.table import Table
from typer.testing import CliRunner

from cte_lake.cli.main import app
from cte_lake.cli.scripts import statements_of
from cte_lake.errors import CteLakeError
from cte_lake.lake.create import create_lake
from cte_lake.lake.stored import stored
from tests.sql.writing import add_pair

EVERY_TYPE = """
SELECT [1, 2.5] AS list, {'a': 1, 'b': [1.5]} AS struct, INTERVAL 3 MONTH AS span, DATE '2016-08-01' AS day,
    TIME '07:12' AS clock, TIMESTAMPTZ '2016-08-01 07:12+02' AS zoned, '\\xAA'::BLOB AS blob,
    1.25::DECIMAL(10, 2) AS price, 170141183460469231731687303715884105727::HUGEINT AS huge,
    MAP {'a': 1} AS map,
    'x'::ENUM ('x') AS enum, NULL AS nothing, true AS yes, 'é' AS text, 18446744073709551615::UBIGINT AS big,
    'nan'::DOUBLE AS no_number, '5b5b2b9e-2c4b-4e7e-8a8e-0c8f7f1f1f11'::UUID AS id
"""


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scripts") / "lake"
    create_lake(stored(folder))
    stars = {
        "master_id": np.arange(5),
        "y": np.arange(5) * 100.0,
        "flux_r03": np.full(5, 900.0),
        "sky": np.ones(5),
    }
    add_pair(folder, first=stars, second=stars)
    return folder


def sql(lake, *arguments, stdin=None):
    result = CliRunner().invoke(app, ["sql", "--lake", str(lake), *map(str, arguments)], input=stdin)
    if isinstance(result.exception, CteLakeError):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.mark.parametrize("ending", ["csv", "json", "parquet", "ecsv", "fits", "vot", "txt"])
def test_every_format_takes_every_type(lake, tmp_path, ending):
    path = tmp_path / f"rows.{ending}"
    sql(lake, EVERY_TYPE, "-o", path)
    huge = "170141183460469231731687303715884105727"
    if ending == "json":
        row = json.loads(path.read_text())[0]
        assert (row["list"], row["struct"], row["blob"]) == ([1, 2.5], {"a": 1, "b": [1.5]}, "aa")
        assert (row["huge"], row["no_number"]) == (int(huge), None)
    elif ending == "parquet":
        assert pq.read_table(path)["span"].to_pylist() == ["P3M0DT0S"]
    elif ending in {"ecsv", "fits", "vot"}:
        row = Table.read(path, format="votable" if ending == "vot" else None)[0]
        assert str(row["huge"]) == huge
        assert json.loads(str(row["struct"])) == {"a": 1, "b": [1.5]}
        assert row["price"] == 1.25
    else:
        assert huge in path.read_text()


def test_a_file_is_replaced_only_when_told(lake, tmp_path):
    path = tmp_path / "rows.csv"
    sql(lake, "SELECT 1 AS n", "-o", path)
    with pytest.raises(CteLakeError, match="exists; use --overwrite"):
        sql(lake, "SELECT 2 AS n", "-o", path)
    assert path.read_text() == "n\n1\n"
    sql(lake, "SELECT 2 AS n", "-o", path, "--overwrite")
    assert path.read_text() == "n\n2\n"


def test_a_script_runs_its_queries_in_turn(lake, tmp_path):
    script = tmp_path / "script.sql"
    script.write_text("-- first\nSELECT 1 AS one;\n.schema pairs\nSELECT ';' AS two\n;\n")
    told = sql(lake, "-f", script)
    assert told.index("one") < told.index("pair_id") < told.index("two")
    assert "n" in sql(lake, "-", stdin="SELECT 1 AS n; SELECT 2 AS m;")
    with pytest.raises(CteLakeError, match="-o takes the answer of one query"):
        sql(lake, "-f", script, "-o", tmp_path / "x.csv")
    with pytest.raises(CteLakeError, match="not both"):
        sql(lake, "SELECT 1", "-f", script)


def test_dot_commands_tell_views_and_columns(lake):
    assert "cte_vs_time" in sql(lake, ".tables")
    assert "1 / pix" in sql(lake, ".schema slopes")
    assert ".schema VIEW" in sql(lake, ".help")
    for wrong in (".schema", ".nothing", ".schema nothing"):
        with pytest.raises(CteLakeError):
            sql(lake, wrong)


def test_a_number_that_begins_with_a_dot_is_no_command():
    assert statements_of("SELECT\n.5 AS half") == ["SELECT\n.5 AS half"]


def test_bytes_that_are_no_text_are_refused(lake):
    for text in ("SELECT '\udcff'", "SELECT 1; SELECT '\udcff'"):
        with pytest.raises(CteLakeError, match="are no text"):
            sql(lake, text)


def test_an_error_keeps_duckdbs_place(lake):
    for query, mark in (("SELECT nothing FROM pairs", "SELECT nothing"), ("SELEC 1", "SELEC 1")):
        with pytest.raises(CteLakeError) as caught:
            sql(lake, query)
        line, caret = caught.value.__notes__[0].splitlines()
        assert line.startswith(f"LINE 1: {mark}")
        assert line[len(caret) - 1 :].startswith(mark.split()[-1] if "nothing" in mark else mark)


def test_long_answers_are_cut_and_say_so(lake):
    assert sql(lake, "FROM range(50)", "--limit", 3, "--format", "csv") == "range\n0\n1\n2\n"


def test_a_table_of_ones_own_joins_the_views(lake, tmp_path):
    path = tmp_path / "mine.txt"
    path.write_text("# master_id member\n1 yes\n2 no\n")
    told = sql(
        lake, "SELECT member, count(*) AS n FROM phot JOIN mine USING (master_id) GROUP BY ALL ORDER BY ALL",
        "--table", f"mine={path}", "--format", "csv",
    )  # fmt: skip
    assert told == 'member,n\n"no",2\n"yes",2\n'
    with pytest.raises(CteLakeError, match="must be NAME=FILE"):
        sql(lake, "SELECT 1", "--table", "mine")
    with pytest.raises(CteLakeError, match="--table gives two tables one name: mine, mine"):
        sql(lake, "SELECT 1", "--table", f"mine={path}", "--table", f"MINE = {path}")
