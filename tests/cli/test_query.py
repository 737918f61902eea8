"""sql, views, audit and measure through the installed command, on a lake of real frames."""

import json
import os
import pty
import subprocess

import duckdb
import pytest

from cte_lake.errors import ExitCode
from tests.cli.in_process import in_process
from tests.e2e.conftest import command, environment


@pytest.fixture(scope="module")
def lake(tmp_path_factory, small_visit):
    """A lake with the small visit, ingested."""
    root = tmp_path_factory.mktemp("query") / "lake"
    for arguments in (
        ("init", root),
        ("master", "import", small_visit.master, "--target", "ngc104", "--lake", root),
        ("ingest", small_visit.frames[0].parent, "--lake", root, "--workers", "0"),
    ):
        assert in_process(*arguments).returncode == 0
    return root


def call(*arguments):
    """Run the installed command, once for each command of the file."""
    return subprocess.run(
        [*command(), *map(str, arguments)],
        capture_output=True,
        text=True,
        env=environment() | {"COLUMNS": "80"},
        stdin=subprocess.DEVNULL,
        check=False,
        timeout=400,
    )


def test_a_query_is_answered_on_standard_output(lake):
    done = call("sql", "SELECT count(*) AS n FROM pairs", "--format", "json", "--lake", lake)
    assert (done.returncode, json.loads(done.stdout), done.stderr) == (0, [{"n": 2}], "")


def test_a_query_comes_from_standard_input_and_the_lake_from_the_folder(lake):
    for name in ("-", None):
        done = in_process(
            "sql", *([name] if name else []), "--format", "csv", stdin="SELECT 1 AS x;", cwd=lake / "phot"
        )
        assert done.stdout.split() == ["x", "1"], done.stderr


def test_rows_go_to_a_file(lake, tmp_path):
    done = in_process("sql", "FROM exposures", "-o", tmp_path / "e.ecsv", "--lake", lake)
    assert (done.returncode, done.stdout) == (0, "")
    assert "unit: d" in (tmp_path / "e.ecsv").read_text()


@pytest.mark.parametrize(
    "query",
    [
        "COPY (SELECT 1) TO 'x.csv'",
        "CREATE TABLE t (x INTEGER)",
        "ATTACH 'other.db'",
        "INSTALL httpfs",
        "SELECT * FROM read_text('/etc/passwd')",
        "SELECT * FROM '/etc/passwd'",
        "SELECT * FROM read_csv('../../../etc/passwd')",
        "SET enable_external_access = true",
        "SELECT 1; DROP TABLE settings",
        "",
    ],
)
def test_what_is_more_than_reading_the_lake_is_refused_in_one_line(lake, query):
    done = in_process("sql", query, "--lake", lake, cwd=lake)
    assert done.returncode == ExitCode.WRONG_USE
    assert done.stdout == ""
    assert done.stderr.startswith("cte-lake: ")
    assert done.stderr.count("\n") == 1


def test_a_misspelt_query_shows_where(lake):
    done = in_process("sql", "SELEC 1", "--lake", lake)
    assert (done.returncode, done.stdout) == (ExitCode.WRONG_USE, "")
    first, line, mark = done.stderr.splitlines()
    assert first.startswith("cte-lake: the query failed: syntax error")
    assert line.index("SELEC") == mark.index("^")


def test_the_prompt_answers_and_survives_an_error(lake, tmp_path):
    primary, secondary = pty.openpty()
    process = subprocess.Popen(
        [*command(), "sql", "--lake", str(lake)],
        stdin=secondary,
        stdout=secondary,
        stderr=secondary,
        env=environment() | {"XDG_STATE_HOME": str(tmp_path), "TERM": "dumb"},
    )
    os.write(primary, b"SELECT nothing;\nSELECT count(*) AS n\nFROM pairs;\n\\d pairs\n\\q\n")
    os.close(secondary)
    told = _all_from(primary)
    assert process.wait(timeout=400) == 0
    assert "(1 row)" in told
    assert "pair_id" in told
    assert 'the query failed: Referenced column "nothing" was not found' in told
    assert "FROM pairs;" in (tmp_path / "cte-lake" / "sql_history").read_text()


def _all_from(primary):
    """Read a pseudo-terminal until the last program that has it open ends."""
    told = b""
    while True:
        try:
            part = os.read(primary, 65536)
        except OSError:
            part = b""
        if not part:
            os.close(primary)
            return told.decode()
        told += part


def test_views_are_listed_with_their_grain_and_columns(lake):
    listed = json.loads(call("views", "--format", "json").stdout)
    assert {"exposures", "phot", "pairs", "slopes", "cte", "epochs"} <= {row["view"] for row in listed}
    assert all(row["one row is"] for row in listed)
    columns = json.loads(in_process("views", "--columns", "cte", "--format", "json").stdout)
    assert all(row["description"] for row in columns)


@pytest.mark.slow
def test_a_database_of_views_works_from_any_folder(lake, tmp_path, monkeypatch):
    path = tmp_path / "views.duckdb"
    for more in ((), ("--overwrite",)):
        done = in_process("views", "--to", path, "--lake", lake, *more)
        assert done.returncode == 0
        assert "cte_corrected" in done.stderr
    done = in_process("views", "--to", path, "--lake", lake)
    assert (done.returncode, "use --overwrite" in done.stderr) == (ExitCode.WRONG_USE, True)
    monkeypatch.chdir("/")
    with duckdb.connect(str(path), read_only=True) as connection:
        (n,) = connection.execute("SELECT count(*) FROM cte(aperture := 5)").fetchall()[0]
        assert n == 2 * 8 * 3
        assert connection.execute("SELECT count(*) FROM pairs").fetchall() == [(2,)]
        kept = "SELECT count(*) FROM duckdb_functions() WHERE function_name = 'cte_corrected'"
        assert connection.execute(kept).fetchall() == [(0,)]


@pytest.mark.slow
def test_a_sound_lake_passes_its_audits(lake):
    done = call("audit", "--lake", lake)
    assert done.returncode == 0
    assert "FAILED" not in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80


def test_measure_prints_losses_and_writes_them_with_units(lake, tmp_path):
    done = call("measure", "--lake", lake, "--filetype", "flt")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].split() == ["image_1", "image_2", "file", "flash", "bin", "stars", "loss", "error"]
    assert lines[-1] == "(8 rows)"
    assert max(map(len, lines)) <= 80
    assert in_process("measure", "--lake", lake, "-o", tmp_path / "losses.ecsv").returncode == 0
    text = (tmp_path / "losses.ecsv").read_text()
    assert "unit: 1 / pix" in text
    assert "cte_loss_err" in text


@pytest.mark.slow
def test_measure_says_what_is_not_there(lake):
    done = in_process("measure", "--lake", lake, "--proposal", "1")
    assert done.returncode == ExitCode.NOTHING_TO_DO
    assert "no pair has proposal 1" in done.stderr
    other = in_process("measure", "--lake", lake, "--mode", "iraf")
    assert other.returncode == ExitCode.NOTHING_TO_DO
    assert "there are exposures of mode standard" in other.stderr
