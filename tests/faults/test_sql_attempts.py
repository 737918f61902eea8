"""Attempts to write, or to read outside of the lake, in SQL: nothing is changed, nothing is read.

``pytest -s tests/faults/test_sql_attempts.py -k nothing_is_written`` prints the row of docs/faults.md.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import resource
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pytest
from typer.testing import CliRunner

from cte_lake import Lake, open_lake
from cte_lake.cli.main import app
from cte_lake.errors import CteLakeError, UsageError
from cte_lake.lake.stored import stored
from cte_lake.views.audits import audits
from cte_lake.views.database import write_database
from cte_lake.views.page_queries import PAGE_QUERIES
from cte_lake.views.readonly import check_plan
from cte_lake.views.statements import FUNCTIONS_REFUSED, check_statement
from tests.faults.attempts import AROUND, ATTEMPTS, CONDITIONS, READS, SECRET, WRITES, Ground


def session(lake: Lake) -> list[list[dict[str, object]]]:
    return [lake.sql(f"FROM {name}").rows() for name in ("settings", "flux_bins", "exposures", "phot")]


@contextmanager
def environment() -> Iterator[None]:
    os.environ["SECRET"] = SECRET
    try:
        yield
    finally:
        del os.environ["SECRET"]


#: Functions that give another value each time and change nothing, or only tell of the session.
HARMLESS = {
    "current_connection_id", "current_query", "current_query_id", "current_transaction_id", "error",
    "gen_random_uuid", "random", "stats", "uuid", "uuidv4", "uuidv7", "vector_type",
}  # fmt: skip
#: A way in which a text reaches the lake.
Way = Callable[[Lake, str], list[dict[str, object]]]


def outcome(way: Way, lake: Lake, text: str) -> str:
    """What a user sees of an attempt: the refusal, or the answer."""
    try:
        return str(way(lake, text))
    except UsageError as error:
        return f"refused: {error}"


def campaign(folder: Path, attempts: list[str], way: Way) -> tuple[int, int, int]:
    """Try everything: those that were answered, bytes changed (0 or 1), secrets read."""
    ground = Ground(folder)
    answered = read = 0
    with environment(), open_lake(ground.lake) as lake:
        held, before = session(lake), ground.state()
        for attempt in attempts:
            said = outcome(way, lake, ground.fill(attempt))
            answered += not said.startswith("refused: ")
            read += SECRET in said
        changed = (session(lake), ground.state()) != (held, before)
    return answered, int(changed), read


#: Each option with each of the ends (`EVERY=1`), or with one.
EVERY = "EVERY" in os.environ
#: Of the attempts beside queries every one (`EVERY=1`), or one of so many.
STRIDE = 1 if EVERY else 5


def by_query(lake: Lake, query: str) -> list[dict[str, object]]:
    return lake.sql(query).rows()


def by_condition(lake: Lake, condition: str) -> list[dict[str, object]]:
    return lake.view("exposures", None, condition).rows()


@pytest.mark.parametrize(
    ("what", "attempts", "way"),
    [
        ("SQL that writes or reads outside the lake", ATTEMPTS, by_query),
        ("conditions of `export --where` that do", CONDITIONS[::STRIDE], by_condition),
    ],
    ids=["query", "where"],
)
def test_nothing_is_written_and_nothing_read_outside(tmp_path, what, attempts, way):
    assert len(attempts) >= 150 / STRIDE
    answered, changed, read = campaign(tmp_path, attempts, way)
    wrong = answered + changed + read
    print(f"| {what} | {len(attempts)} | each refused in a sentence | {wrong} |")
    assert (answered, changed, read) == (0, 0, 0)


#: Options whose text comes near a query; {sql} is an attempt.
OPTIONS = [
    ("export", "exposures", "--where", "{sql}"),
    ("export", "{sql}"),
    ("export", "exposures", "--target", "{sql}"),
    ("export", "exposures", "--filter", "{sql}"),
    ("export", "exposures", "--generation", "{sql}"),
    ("export", "exposures", "--mode", "{sql}"),
    ("export", "exposures", "--set", "photometry.mode={sql}"),
    ("export", "exposures", "--set", "measure.shape_correction={sql}"),
    ("export", "exposures", "--set", "measure.estimator={sql}"),
    ("views", "--columns", "{sql}"),
    ("sql", ".schema {sql}"),
    ("sql", "FROM mine", "--table", "{sql}={out}/secret.txt"),
    ("sql", "SELECT cte_corrected(1)", "--coefficients", "{sql}"),
    ("measure", "--target", "{sql}"),
    ("measure", "--proposal", "{sql}"),
]
#: What ends the text around it before its time.
ENDS = [
    "x'; COPY (SELECT 1) TO '{lake}/stolen.csv'; SELECT '",
    "x' UNION ALL FROM read_text('{out}/secret.txt') --",
    "x\" FROM read_text('{out}/secret.txt') --",
    "{out}/secret.parquet",
    "{lake}/link/secret.parquet",
    "x') FROM read_text('{out}/secret.txt') --",
]


@pytest.mark.slow
def test_no_option_carries_a_statement(tmp_path):
    ground = Ground(tmp_path)
    before = ground.state()
    every = itertools.product(OPTIONS, ENDS)
    for words, end in every if EVERY else zip(OPTIONS, itertools.cycle(ENDS), strict=False):
        line = [word.replace("{sql}", end) for word in words]
        done = CliRunner().invoke(app, [ground.fill(word) for word in [*line, "--lake", "{lake}"]])
        assert isinstance(done.exception, CteLakeError | SystemExit), (line, done.exception)
        assert done.exit_code != 0, line
        assert SECRET not in f"{done.output} {done.exception}", line
    assert ground.state() == before


@pytest.fixture(scope="module")
def locked(tmp_path_factory) -> Iterator[tuple[Ground, Lake]]:
    ground = Ground(tmp_path_factory.mktemp("locked"))
    with open_lake(ground.lake) as lake:
        lake.sql("FROM phot, settings, flux_bins, stored_exposures")
        yield ground, lake


@pytest.mark.parametrize("write", WRITES)
def test_the_second_lock_holds_where_the_first_is_open(locked, write):
    ground, lake = locked
    query, before = f"WITH x AS ({ground.fill(write)}) FROM x", ground.state()
    with pytest.raises((UsageError, duckdb.Error)) as refused:
        check_plan(lake._connection, query, {})
    if isinstance(refused.value, UsageError):
        assert "the plan of this query holds" in str(refused.value)
    assert ground.state() == before


@pytest.mark.parametrize("around", AROUND)
def test_the_first_lock_holds_by_itself(around):
    with duckdb.connect() as connection:
        for write in WRITES:
            with pytest.raises((UsageError, duckdb.ParserException)):
                check_statement(connection, around.format(write.format(lake="/x", out="/y")))


def test_every_function_with_side_effects_is_known():
    """A new DuckDB may bring more: this says which, and whoever takes it up decides."""
    query = "SELECT DISTINCT function_name FROM duckdb_functions() WHERE has_side_effects"
    with duckdb.connect() as connection:
        found = {name for (name,) in connection.execute(query).fetchall()}
    assert found <= FUNCTIONS_REFUSED | HARMLESS


# Statements of every kind that only reads.
READING = [
    "FROM pairs",
    "TABLE exposures",
    "VALUES (1), (2)",
    "-- words\nSELECT 1;",
    "DESCRIBE phot",
    "DESCRIBE SELECT 1",
    "SUMMARIZE exposures",
    "SHOW TABLES",
    "SHOW ALL TABLES",
    "SHOW DATABASES",
    "EXPLAIN FROM pairs",
    "EXPLAIN ANALYZE FROM exposures",
    "EXPLAIN (ANALYZE, FORMAT json) SELECT 1",
    "EXPLAIN (FORMAT json) FROM pairs",
    "EXPLAIN (FROM pairs)",
    "-- a\nEXPLAIN /* b */ ANALYZE -- c\n FROM pairs -- d",
    "SHOW exposures",
    "SHOW threads",
    "FROM histogram(exposures, mjd, bin_count := 2)",
    "FROM histogram_values(exposures, mjd)",
    "EXPLAIN PIVOT exposures ON filetype",
    "PIVOT (SELECT target, flash FROM exposures) ON flash IN (0, 12)",
    "PIVOT exposures ON filetype USING count(*)",
    "FROM (PIVOT exposures ON filetype, chip USING count(*) GROUP BY target)",
    "WITH p AS (PIVOT exposures ON filetype || filter) FROM p -- as it is",
    "PIVOT (FROM exposures AS a JOIN (SELECT 1 AS one) AS b ON one = chip - 1) ON filetype, chip + 1",
    "SELECT * FROM exposures PIVOT (count(*) FOR filetype IN ('flt', 'flc'))",
    "UNPIVOT (SELECT flash, chip FROM exposures) ON flash, chip",
    "WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r WHERE n < 4) FROM r",
    "WITH RECURSIVE r USING KEY (n) AS (SELECT 1 AS n, 2 AS m UNION SELECT n, m FROM r) FROM r",
    "WITH RECURSIVE r(n, m) USING KEY (n) AS (SELECT 1, 2 UNION SELECT r.n, q.m + 1 FROM r "
    "JOIN recurring.r AS q ON q.n = r.n WHERE q.m < 5) FROM r",
    "SELECT [x + 1 FOR x IN [1, 2] IF x > 1], {'a': 1}.a, list_transform([1], lambda x: x + 1)",
    "SELECT count(*) OVER (PARTITION BY chip) FROM exposures QUALIFY row_number() OVER (ORDER BY mjd) = 1",
    "SELECT chip, grouping(chip) FROM exposures GROUP BY ROLLUP (chip)",
    "SELECT * FROM range(3), unnest([1, 2])",
    "FROM cte(aperture := 5) LIMIT 1",
    "FROM duckdb_columns() LIMIT 1",
    "FROM information_schema.tables LIMIT 1",
    "SELECT current_setting('threads')",
    "SELECT 'COPY (SELECT 1) TO ''x''' AS words",
    "SELECT getenv FROM (SELECT 1 AS getenv)",
    "FROM exposures ORDER BY ALL LIMIT 10% OFFSET 0",
    "SELECT DISTINCT ON (chip) * FROM exposures",
    "SELECT DISTINCT chip FROM exposures LIMIT 1",
    "FROM exposures TABLESAMPLE 50%",
    "SELECT COLUMNS('flux.*'), * EXCLUDE (sky) REPLACE (1 AS x) FROM phot",
    "FROM exposures SELECT 1 UNION BY NAME SELECT 2 AS b",
    "SELECT 1 EXCEPT SELECT 2 INTERSECT SELECT 3",
    "SELECT (SELECT max(mjd) FROM exposures), 1 = ANY (SELECT 1)",
    "FROM exposures ASOF JOIN (SELECT 1.0 AS mjd) AS t USING (mjd)",
    "SELECT random() < 2, now() IS NOT NULL, uuid() IS NOT NULL",
]


@pytest.fixture(scope="module")
def opened(tmp_path_factory) -> Iterator[Lake]:
    with open_lake(Ground(tmp_path_factory.mktemp("reading")).lake) as lake:
        yield lake


@pytest.mark.parametrize("query", READING)
def test_what_only_reads_is_answered(opened, query):
    assert opened.sql(query).arrow().num_columns > 0


def test_the_way_of_pages_past_the_plan_takes_no_text(opened):
    for text in ("FROM read_text('/etc/passwd')", "FROM exposures", *PAGE_QUERIES.values()):
        with pytest.raises(KeyError):
            opened.own(text)
    with pytest.raises(TypeError):
        PAGE_QUERIES["mine"] = "FROM exposures"


@pytest.mark.parametrize(
    "query", ["SELECT '\ud800'", f"SELECT {'+'.join(['1'] * 900)}", f"SELECT {'[' * 900}{']' * 900}"]
)
def test_what_cannot_be_looked_through_is_refused_in_a_sentence(opened, query):
    with pytest.raises(UsageError, match=r"no text|nested too deeply"):
        opened.sql(query)


def test_a_view_without_parameters_is_not_called_a_function(opened):
    with pytest.raises(UsageError, match="displacement is a view without parameters: leave the brackets out"):
        opened.sql("FROM displacement(aperture := 5)")


@pytest.mark.slow
@pytest.mark.parametrize("name", PAGE_QUERIES)
def test_a_query_of_pages_would_pass_both_locks(opened, name):
    assert opened.own(name).rows() == opened.sql(PAGE_QUERIES[name]).rows()


@pytest.mark.slow
def test_audits_would_pass_both_locks_too(opened):
    for audit in audits():
        assert len(opened.sql(f"EXPLAIN {audit.query}")) > 0


def test_the_command_refuses_with_exit_code_2_and_one_line(tmp_path):
    ground = Ground(tmp_path)
    before = ground.state()
    for attempt in (*ATTEMPTS[12:48:7], *READS[:40:9]):
        done = CliRunner().invoke(app, ["sql", "--lake", str(ground.lake), ground.fill(attempt)])
        assert isinstance(done.exception, UsageError)
        assert done.exception.exit_code == 2
        assert SECRET not in f"{done.output} {done.exception}"
    assert ground.state() == before


def test_one_huge_value_takes_no_more_memory_than_queries_may(tmp_path):
    ground = Ground(tmp_path)
    before = resource.getrlimit(resource.RLIMIT_DATA)
    query = "SELECT length(range(4000000000))"
    done = CliRunner().invoke(app, ["sql", "--memory", "200MB", query, "--lake", str(ground.lake)])
    assert isinstance(done.exception, UsageError)
    assert "needs more memory than it may use" in str(done.exception)
    with (
        open_lake(ground.lake, memory_limit="200MB") as notebook,
        pytest.raises(UsageError, match="needs more memory than it may use"),
    ):
        notebook.sql(query)
    assert resource.getrlimit(resource.RLIMIT_DATA) == before


#: Queries while links are exchanged; raise it for a campaign.
RACES = int(os.environ.get("RACES", "60"))
#: Ways to name a file by a link that leads inside or outside, turn about.
RACED = (
    "SELECT content FROM read_text('{lake}/file')",
    "SELECT content FROM read_blob('{lake}/folder/secret.txt')",
    "FROM '{lake}/folder/secret.parquet'",
    'FROM "{lake}/folder/../out/secret.parquet"',
    "FROM read_parquet('{lake}/*/secret.parquet')",
    "SELECT * FROM histogram('{lake}/folder/secret.parquet', secret)",
)


@pytest.mark.slow
def test_a_link_that_is_exchanged_meanwhile_leads_no_query_outside(tmp_path):
    ground, stop = Ground(tmp_path), threading.Event()
    (ground.lake / "inside").mkdir()
    for name in ("secret.txt", "secret.parquet"):
        (ground.lake / "inside" / name).write_text("nothing")

    def exchange() -> None:
        for folder in itertools.cycle((ground.lake / "inside", ground.out)):
            for name, to in (("file", folder / "secret.txt"), ("folder", folder)):
                (ground.lake / f".{name}").symlink_to(to)
                (ground.lake / f".{name}").rename(ground.lake / name)
            if stop.is_set():
                break

    thread = threading.Thread(target=exchange)
    thread.start()
    try:
        with open_lake(ground.lake) as lake:
            said = [outcome(by_query, lake, ground.fill(RACED[n % len(RACED)])) for n in range(RACES)]
    finally:
        stop.set()
        thread.join(timeout=300)
    assert {text.partition(":")[0] for text in said} == {"refused"}
    print(f"| links exchanged while queries name them | {RACES} | each refused in a sentence | 0 |")


PAST_A_LINK = re.compile(r"link/[^']*\.\./")
#: What the documentation says of opening an exported database where others ask it.
LOCKED = (
    "SET allowed_directories = ['{lake}/']",
    "SET enable_external_access = false",
    "SET lock_configuration = true",
)


def by_connection(connection: duckdb.DuckDBPyConnection, query: str) -> str:
    said = ""
    with contextlib.suppress(duckdb.Error):
        answer = connection.sql(query)
        said = "" if answer is None else str(answer.to_arrow_table().to_pydict())
    with contextlib.suppress(duckdb.Error):
        # In a transaction that another attempt began or broke, the next one would fail for nothing.
        connection.execute("ROLLBACK")
    return said


@pytest.mark.slow
def test_an_exported_database_opened_for_reading_changes_nothing_and_reads_nothing_outside(tmp_path):
    """DuckDB itself may write below the lake's folder there: only the account's permissions forbid it."""
    ground = Ground(tmp_path)
    write_database(stored(ground.lake), tmp_path / "views.duckdb")
    before = ground.state()
    # What plain DuckDB takes and what does no harm: it tells the session of the session.
    attempts = [
        text
        for text in ATTEMPTS
        # DuckDB looks for a link before it takes `..` away, and the system after.
        if ("{lake}" not in text.partition("link")[0] or "link" in text) and not PAST_A_LINK.search(text)
    ]
    with environment(), duckdb.connect(str(tmp_path / "views.duckdb"), read_only=True) as connection:
        held = [connection.sql(f"FROM {name}").fetchall() for name in ("settings", "flux_bins")]
        for line in LOCKED:
            connection.execute(ground.fill(line))
        for attempt in attempts[::STRIDE]:
            assert SECRET not in by_connection(connection, ground.fill(attempt)), attempt
        assert [connection.sql(f"FROM {name}").fetchall() for name in ("settings", "flux_bins")] == held
    assert ground.state() == before
    print(f"| the same, in an exported database | {len(attempts[::STRIDE])} | | 0 |")


#: The settings by which a database that holds its rows opens nothing else.
CLOSED = ("SET enable_external_access = false", "SET lock_configuration = true")


@pytest.mark.slow
def test_an_exported_database_with_rows_changes_nothing_and_reads_nothing_else(tmp_path):
    """Every attempt, the lake's own folder and its links among them."""
    ground = Ground(tmp_path)
    write_database(stored(ground.lake), tmp_path / "views.duckdb", copy_rows=True)
    with open_lake(ground.lake) as lake:
        names = ("settings", "flux_bins", "phot", "exposures", "pairs")
        wanted = {name: lake.sql(f"SELECT count(*) AS n FROM {name}").rows()[0]["n"] for name in names}
    before = ground.state()
    with environment(), duckdb.connect(str(tmp_path / "views.duckdb"), read_only=True) as connection:
        for line in CLOSED:
            connection.execute(line)
        for attempt in ATTEMPTS[::STRIDE]:
            assert SECRET not in by_connection(connection, ground.fill(attempt)), attempt
    # A session may lie to itself, by a temporary view; the next one knows nothing of it.
    with duckdb.connect(str(tmp_path / "views.duckdb"), read_only=True) as connection:
        assert wanted == {name: len(connection.sql(f"FROM {name}").fetchall()) for name in names}
    assert ground.state() == before
    print(f"| the same, in one that holds the rows | {len(ATTEMPTS[::STRIDE])} | | 0 |")
