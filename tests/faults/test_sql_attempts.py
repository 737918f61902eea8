"""Attempts to write, or to read outside of the lake, in SQL: nothing is changed, nothing is read.

``pytest -s tests/faults/test_sql_attempts.py -k nothing_is_written`` prints the row of docs/faults.md.
"""

from __future__ import annotations

import hashlib
import itertools
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pytest
from typer.testing import CliRunner

from cte_lake import Lake, open_lake
from cte_lake.cli.main import app
from cte_lake.errors import UsageError
from cte_lake.lake.create import create_lake
from cte_lake.views.database import write_database
from cte_lake.views.readonly import check_plan
from cte_lake.views.statements import check_statement
from tests.sql.writing import add_exposure

SECRET = "SECRET-7c1f"
#: What writes; {lake} and {out} are folders.
WRITES = [
    "COPY (SELECT 1 AS a) TO '{lake}/stolen.csv'",
    "COPY (SELECT 1 AS a) TO '{out}/stolen.parquet' (FORMAT parquet)",
    "COPY (SELECT 1 AS a, 2 AS b) TO '{lake}/parts' (FORMAT parquet, PARTITION_BY (a))",
    "COPY (FROM phot) TO '{lake}/cte_lake.toml' (FORMAT csv, HEADER false)",
    "COPY (SELECT 1) TO '/dev/stdout'",
    "INSERT INTO settings SELECT * FROM settings RETURNING *",
    "INSERT OR REPLACE INTO flux_bins VALUES (1, 2) RETURNING *",
    "UPDATE settings SET clip_sigma = 1 RETURNING *",
    "UPDATE flux_bins SET bin_lo = 0 RETURNING *",
    "DELETE FROM settings RETURNING *",
    "DELETE FROM stored_exposures RETURNING *",
    "MERGE INTO flux_bins AS t USING (SELECT 250.0 AS bin_lo) AS s USING (bin_lo) WHEN MATCHED THEN DELETE",
]
#: Where a SELECT takes a statement that writes.
AROUND = [
    "{0}",
    "WITH x AS ({0}) FROM x",
    "WITH x AS MATERIALIZED ({0}) SELECT count(*) FROM x",
    "WITH a AS (SELECT 1), x AS ({0}), b AS (FROM x) SELECT * FROM b",
    "EXPLAIN ANALYZE {0}",
    "EXPLAIN ANALYZE WITH x AS ({0}) FROM x",
    "EXPLAIN (ANALYZE, FORMAT json) WITH x AS ({0}) FROM x",
    "SELECT * FROM (WITH x AS ({0}) FROM x)",
    "WITH x AS ({0}) PIVOT x ON 1",
    "WITH x AS ({0}) SELECT 1 UNION ALL SELECT 2",
    "FROM pairs; {0}",
]
#: Statements that change the session, the database or the machine.
CHANGES = [
    "CREATE TABLE t AS SELECT 1",
    "CREATE OR REPLACE TABLE settings AS SELECT 1",
    "CREATE TEMP TABLE t (a INT)",
    "CREATE VIEW v AS SELECT 1",
    "CREATE OR REPLACE VIEW exposures AS SELECT 1",
    "CREATE MACRO m() AS 1",
    "CREATE OR REPLACE MACRO loss_rows() AS 1",
    "CREATE SECRET (TYPE s3)",
    "CREATE SEQUENCE s",
    "CREATE SCHEMA s",
    "CREATE TYPE e AS ENUM ('a')",
    "CREATE INDEX i ON settings (mode)",
    "DROP TABLE settings",
    "DROP VIEW pairs",
    "DROP MACRO loss_rows",
    "ALTER TABLE settings ADD COLUMN a INT",
    "ALTER TABLE settings RENAME TO s",
    "TRUNCATE settings",
    "SET memory_limit = '1GB'",
    "SET GLOBAL threads = 1",
    "SET SESSION schema = 'x'",
    "RESET threads",
    "SET VARIABLE cte_coefficients = 'x'",
    "RESET VARIABLE cte_coefficients",
    "PRAGMA threads = 1",
    "PRAGMA database_list",
    "PRAGMA enable_profiling",
    "CALL enable_logging()",
    "CALL pragma_version()",
    "CALL force_checkpoint()",
    "ATTACH '{lake}/x.db'",
    "ATTACH '{out}/x.db' AS x (READ_ONLY)",
    "ATTACH ':memory:' AS m",
    "DETACH memory",
    "USE temp",
    "INSTALL httpfs",
    "LOAD httpfs",
    "LOAD '{out}/x.duckdb_extension'",
    "EXPORT DATABASE '{lake}/dump'",
    "IMPORT DATABASE '{lake}'",
    "CHECKPOINT",
    "VACUUM",
    "ANALYZE",
    "BEGIN",
    "COMMIT",
    "PREPARE p AS SELECT 1",
    "EXECUTE p",
    "DEALLOCATE p",
    "COMMENT ON TABLE settings IS 'x'",
    "COPY FROM DATABASE memory TO temp",
    "SELECT write_log('x')",
    "SELECT setseed(0.5)",
    "SELECT nextval('s')",
    "SELECT sleep_ms(10)",
    "FROM truncate_duckdb_logs()",
    "FROM enable_logging('QueryLog')",
    "FROM checkpoint()",
    "FROM copy_database('a', 'b')",
    "SELECT set_config('threads', '1')",
]
#: What reads outside, or of the machine.
READS = [
    "FROM read_text('{out}/secret.txt')",
    "FROM read_blob('{out}/secret.txt')",
    "FROM read_csv('{out}/secret.txt')",
    "FROM read_csv_auto('{out}/*.txt')",
    "FROM read_json('{out}/secret.json')",
    "FROM read_json_objects('{out}/secret.json')",
    "FROM read_ndjson('{out}/secret.json')",
    "FROM read_parquet('{out}/secret.parquet')",
    "FROM parquet_scan('{out}/secret.parquet')",
    "FROM parquet_metadata('{out}/secret.parquet')",
    "FROM parquet_schema('{out}/secret.parquet')",
    "FROM parquet_kv_metadata('{out}/secret.parquet')",
    "FROM parquet_file_metadata('{out}/secret.parquet')",
    "FROM sniff_csv('{out}/secret.txt')",
    "FROM glob('{out}/*')",
    "FROM glob('/*')",
    "FROM read_duckdb('{out}/x.db')",
    "FROM '{out}/secret.txt'",
    "FROM '{out}/secret.parquet'",
    'FROM "{out}/secret.parquet"',
    "TABLE '{out}/secret.parquet'",
    "DESCRIBE '{out}/secret.parquet'",
    "SUMMARIZE '{out}/secret.parquet'",
    "DESCRIBE FROM read_csv('{out}/secret.txt')",
    "PIVOT '{out}/secret.parquet' ON secret",
    "PIVOT (FROM read_text('{out}/secret.txt')) ON content",
    "UNPIVOT '{out}/secret.parquet' ON secret",
    "FROM read_text('{lake}/../out/secret.txt')",
    "FROM read_text('{lake}/phot/../../out/secret.txt')",
    "FROM read_text('{lake}/link/secret.txt')",
    "FROM read_text('{lake}/link/../out/secret.txt')",
    "FROM read_parquet('{lake}/link/*.parquet')",
    "FROM '{lake}/link/secret.parquet'",
    "FROM glob('{lake}/link/*')",
    "FROM read_text('file://{out}/secret.txt')",
    "FROM read_text('/proc/self/environ')",
    "FROM read_text('/etc/passwd')",
    "FROM read_csv('https://127.0.0.1:9/x.csv')",
    "FROM read_parquet('s3://bucket/x.parquet')",
    "SELECT (SELECT content FROM read_text('{out}/secret.txt'))",
    "SELECT * FROM pairs, read_text('{out}/secret.txt')",
    "WITH x AS (FROM read_text('{out}/secret.txt')) FROM x",
    "SELECT 1 UNION ALL SELECT content FROM read_text('{out}/secret.txt')",
    "SELECT list((FROM glob('{out}/*')))",
    "SELECT 1 WHERE EXISTS (FROM read_text('{out}/secret.txt'))",
    "SELECT (SELECT max(content) FROM read_text('{out}/secret.txt') WHERE a.flash >= 0) FROM exposures AS a",
    "FROM query('FROM read_text(''{out}/secret.txt'')')",
    "FROM query_table('exposures')",
    "FROM query_table(['{out}/secret.parquet'])",
    "FROM json_execute_serialized_sql(json_serialize_sql('FROM read_text(''{out}/secret.txt'')'))",
    "SELECT getenv('SECRET')",
    "SELECT getvariable('cte_coefficients')",
    "FROM duckdb_secrets()",
    "FROM duckdb_settings()",
    "FROM duckdb_variables()",
    "FROM duckdb_logs()",
    "FROM duckdb_temporary_files()",
    "FROM which_secret('s3://x', 's3')",
    "FROM duckdb_extensions()",
    "SELECT current_setting('temp_directory')",
    "SELECT current_setting('home_directory')",
    "SELECT current_setting('s3_' || 'secret_access_key')",
    "SELECT current_setting(x) FROM (VALUES ('temp_directory')) AS t(x)",
    "FROM arrow_scan(1, 2, 3)",
    "FROM pandas_scan(1)",
    "FROM python_arrow_scan(1, 2, 3)",
    "FROM seq_scan('settings')",
    "EXPLAIN ANALYZE FROM read_text('{out}/secret.txt')",
    "FROM a_variable_of_python",
    "FROM read_text($path)",
]
ATTEMPTS = [around.format(write) for around, write in itertools.product(AROUND, WRITES)] + CHANGES + READS


class Ground:
    """A lake, a folder outside of it, and a link between them."""

    def __init__(self, folder: Path) -> None:
        self.lake, self.out = folder / "lake", folder / "out"
        create_lake(self.lake)
        add_exposure(self.lake, "ic7802aaq", {"master_id": [1, 2], "flux_r03": [100.0, 200.0]})
        self.out.mkdir()
        for name in ("secret.txt", "secret.json", "secret.parquet"):
            (self.out / name).write_text(f'{{"secret": "{SECRET}"}}\n')
        duckdb.sql(f"SELECT '{SECRET}' AS secret").write_parquet(str(self.out / "secret.parquet"))
        (self.lake / "link").symlink_to(self.out, target_is_directory=True)

    def state(self) -> str:
        """Hash of every file and folder, with content and time of change."""
        found = hashlib.sha256()
        for folder, _, names in sorted(os.walk(self.lake.parent)):
            for path in (Path(folder, name) for name in sorted(names)):
                if ".cache" not in path.parts:
                    found.update(f"{path} {path.stat().st_mtime_ns}".encode() + path.read_bytes())
            found.update(folder.encode())
        return found.hexdigest()

    def fill(self, attempt: str) -> str:
        return attempt.replace("{lake}", str(self.lake)).replace("{out}", str(self.out))


def session(lake: Lake) -> list[list[dict[str, object]]]:
    return [lake.sql(f"FROM {name}").rows() for name in ("settings", "flux_bins", "exposures", "phot")]


@contextmanager
def environment() -> Iterator[None]:
    os.environ["SECRET"] = SECRET
    try:
        yield
    finally:
        del os.environ["SECRET"]


def outcome(lake: Lake, query: str) -> str:
    """What a user sees of an attempt: the refusal, or the answer."""
    try:
        return str(lake.sql(query).rows())
    except UsageError as error:
        return f"refused: {error}"


def campaign(folder: Path) -> tuple[int, int, int, int]:
    """Try everything: attempts, those that were answered, bytes changed (0 or 1), secrets read."""
    ground = Ground(folder)
    answered = read = 0
    with environment(), open_lake(ground.lake) as lake:
        held, before = session(lake), ground.state()
        for attempt in ATTEMPTS:
            said = outcome(lake, ground.fill(attempt))
            answered += not said.startswith("refused: ")
            read += SECRET in said
        changed = (session(lake), ground.state()) != (held, before)
    return len(ATTEMPTS), answered, int(changed), read


def test_nothing_is_written_and_nothing_read_outside(tmp_path):
    assert len(ATTEMPTS) >= 150
    tried, answered, changed, read = campaign(tmp_path)
    wrong = answered + changed + read
    print(f"| SQL that writes or reads outside the lake | {tried} | each refused in a sentence | {wrong} |")
    assert (answered, changed, read) == (0, 0, 0)


@pytest.mark.parametrize("write", WRITES)
def test_the_second_lock_holds_where_the_first_is_open(tmp_path, write):
    ground = Ground(tmp_path)
    query = f"WITH x AS ({ground.fill(write)}) FROM x"
    with open_lake(ground.lake) as lake:
        lake.sql("FROM phot, settings, flux_bins, stored_exposures")
        before = ground.state()
        with pytest.raises((UsageError, duckdb.Error)) as refused:
            check_plan(lake._connection, query, {})
        if isinstance(refused.value, UsageError):
            assert "the plan of this query holds" in str(refused.value)
        assert ground.state() == before


@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize("around", AROUND)
def test_the_first_lock_holds_by_itself(around, write):
    with duckdb.connect() as connection, pytest.raises((UsageError, duckdb.ParserException)):
        check_statement(connection, around.format(write.replace("{lake}", "/x").replace("{out}", "/y")))


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


def test_the_command_refuses_with_exit_code_2_and_one_line(tmp_path):
    ground = Ground(tmp_path)
    before = ground.state()
    for attempt in (*ATTEMPTS[12:48:7], *READS[:40:9]):
        done = CliRunner().invoke(app, ["sql", "--lake", str(ground.lake), ground.fill(attempt)])
        assert isinstance(done.exception, UsageError)
        assert done.exception.exit_code == 2
        assert SECRET not in f"{done.output} {done.exception}"
    assert ground.state() == before


def test_an_exported_database_opened_for_reading_writes_no_table(tmp_path):
    ground = Ground(tmp_path)
    write_database(ground.lake, tmp_path / "views.duckdb")
    before = ground.state()
    with duckdb.connect(str(tmp_path / "views.duckdb"), read_only=True) as connection:
        for write in (write for write in WRITES if not write.startswith("COPY")):
            with pytest.raises(duckdb.Error):
                connection.execute(f"WITH x AS ({ground.fill(write)}) FROM x")
    assert ground.state() == before
