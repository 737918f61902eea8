"""Views are made when a query names them, and a query finds whatever it names."""

from __future__ import annotations

import subprocess
import sys

import duckdb
import pyarrow as pa
import pytest

from cte_lake import open_lake
from cte_lake.errors import UsageError
from cte_lake.lake.create import create_lake
from cte_lake.lake.stored import stored
from cte_lake.views.audits import audits
from cte_lake.views.bind import Binding
from cte_lake.views.columns import view_columns
from cte_lake.views.database import exported_objects, write_database
from cte_lake.views.kept_sql import DERIVED
from cte_lake.views.source import built_from, named_in, published_views, sql_objects, stored_in
from tests.sql.writing import add_exposure, add_pair


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp("binding") / "lake"
    create_lake(stored(folder))
    return folder


def views(connection) -> set[str]:
    query = "SELECT view_name FROM duckdb_views() WHERE NOT internal"
    return {name for (name,) in connection.execute(query).fetchall()}


def test_only_what_a_query_names_is_made(root):
    with duckdb.connect() as connection:
        binding = Binding(connection, stored(root))
        assert views(connection) == set()
        binding.make(named_in("SELECT count(*) FROM Epochs -- and no other"))
        names = {each.name for each in built_from(["epochs"]) if each.kind == "view"}
        assert {"epochs", "stored_exposures"} <= views(connection) >= names
        assert "crmasks" not in views(connection)


def macros(connection) -> set[str]:
    query = (
        "SELECT function_name FROM duckdb_functions() WHERE function_type = 'table_macro' AND NOT internal"
    )
    return {name for (name,) in connection.execute(query).fetchall()}


def test_a_column_with_the_name_of_a_view_does_not_make_it(root):
    objects = {each.name: each for each in sql_objects()}
    assert ".growth_loss" in objects["cte"].text
    assert "growth_loss" not in objects["cte"].needs
    with duckdb.connect() as connection:
        Binding(connection, stored(root)).make(named_in("FROM cte"))
        assert "log_slopes" in macros(connection)
        assert not {"growth_loss", "recovery"} & macros(connection)


def test_what_a_connection_holds_of_the_exposures_follows_them(tmp_path):
    """Pairs, visits and epochs are found once, and again when exposures came."""
    create_lake(stored(tmp_path / "lake"))
    asked = (*DERIVED, "unpaired")
    with open_lake(tmp_path / "lake") as opened:
        for visit in ("02", "03"):
            add_pair(tmp_path / "lake", visit=visit, mjd=57000.0 + 40 * int(visit))
            add_exposure(tmp_path / "lake", f"ic78{visit}adq", chip=1, mjd=57001.0 + 40 * int(visit))
            with duckdb.connect() as connection:
                Binding(connection, stored(tmp_path / "lake")).make(asked)
                defined = {name: connection.sql(f"FROM {name} ORDER BY ALL").fetchall() for name in asked}
            assert len(defined["epochs"]) == int(visit) - 1
            for name in asked:
                held = opened.sql(f"FROM {name} ORDER BY ALL").rows()
                assert [tuple(row.values()) for row in held] == defined[name]


def test_a_table_macro_has_its_view_when_a_query_names_it(root):
    with duckdb.connect() as connection:
        binding = Binding(connection, stored(root))
        binding.make(named_in("FROM cte"))
        assert "cte" in views(connection)
        assert not {"log_slopes", "ratios"} & views(connection)
        binding.make(named_in("FROM log_slopes"))
        assert "log_slopes" in views(connection)


@pytest.mark.slow
def test_what_no_other_is_built_on_can_be_the_first_that_is_named(root):
    objects = sql_objects()
    for each in (each for each in objects if not any(each.name in other.needs for other in objects)):
        with duckdb.connect() as connection:
            Binding(connection, stored(root)).make([each.name])
            if each.kind != "macro":
                columns = (
                    "SELECT column_name FROM duckdb_columns() WHERE table_name = ? ORDER BY column_index"
                )
                made = [name for (name,) in connection.execute(columns, [each.name]).fetchall()]
                assert made == [column.name for column in view_columns(each.name)]


def test_what_lists_the_views_lists_all(root):
    queries = ["SHOW TABLES", "DESCRIBE", "FROM duckdb_views()", "FROM information_schema.tables"]
    assert [named_in(query) for query in queries] == [None] * 4
    with open_lake(root) as lake:
        for query in queries:
            text = str(lake.sql(query).rows())
            assert all(name in text for name in published_views()), query


@pytest.mark.parametrize(
    "query",
    [
        "DESC", "  desc cte", "-- which columns?\nDESC cte", "/* all */ DESC", "SELECT 1; DESC",
        "SELECT column_name FROM (DESC cte)", "WITH c AS ( desc cte) FROM c", "EXPLAIN DESC cte",
    ],
)  # fmt: skip
def test_the_short_form_of_describe_may_mean_any_view(query):
    assert named_in(query) is None


@pytest.mark.parametrize(
    "query", ["SELECT mjd FROM pairs ORDER BY mjd DESC", "FROM pairs ORDER BY (mjd) DESC, chip"]
)
def test_an_order_that_falls_names_what_the_query_names(query):
    assert "pairs" in named_in(query)
    assert {each.name for each in built_from(named_in(query))} < {each.name for each in sql_objects()}


def test_a_comment_that_speaks_of_showing_lists_nothing():
    for query in (
        "-- would show no loss\nFROM pairs",
        "/* SHOW, '\ndesc */ FROM pairs",
        "FROM pairs -- it's DESC",
    ):
        assert "pairs" in named_in(query)
    # What looks like a comment within quotes hides nothing.
    for query in (
        "SELECT '--', * FROM duckdb_views()",
        'SELECT 1 AS "/*" FROM information_schema.tables -- */',
    ):
        assert named_in(query) is None


def test_no_audit_makes_every_view():
    assert [each.name for each in audits() if named_in(each.query) is None] == []


def test_a_misspelt_view_gets_a_hint_from_all_names(root):
    with open_lake(root) as lake, pytest.raises(UsageError, match='Did you mean "crmasks"'):
        lake.sql("FROM crmaskz")


#: Calls of every macro that reads tables or views.
CALLS = {
    each.name: f"SELECT {each.name}()" if each.kind == "macro" else f"FROM {each.name}(aperture := 5)"
    for each in sql_objects()
    if each.kind == "table macro" or each.name in {"bright_limit", "faint_flux"}
}
NAMES = "SELECT DISTINCT table_name AS name FROM information_schema.tables WHERE table_schema = 'main'"


def covered(names: set[str], call: str) -> str:
    """A query whose own tables are called as those that a macro reads, and lack their columns."""
    return f"WITH {', '.join(f'{name} AS (SELECT 1 AS nothing)' for name in sorted(names))} {call}"


@pytest.mark.slow
def test_tables_of_a_query_never_take_the_place_of_what_a_macro_reads(root):
    with open_lake(root) as lake:
        names = {row["name"] for row in lake.sql(NAMES).rows()}
        assert {"settings", "flux_bins", "exposures", "stored_phot"} <= names
        for name, call in CALLS.items():
            assert lake.sql(covered(names - {name}, call)).rows() == lake.sql(call).rows()


@pytest.mark.parametrize(
    "name", ["settings", "Flux_Bins", "targets", "stored_phot", "kept", "main", "duckdb_views", "pairs"]
)
def test_a_table_of_ones_own_has_a_name_of_its_own(root, name):
    with open_lake(root) as lake:
        bright = lake.sql("SELECT bright_limit() AS flux").rows()
        with pytest.raises(UsageError, match="uses itself"):
            lake.register(name, pa.table({"bin_lo": [1.0]}))
        lake.register("mine", pa.table({"bin_lo": [1.0]}))
        assert lake.sql("SELECT bright_limit() AS flux FROM mine").rows() == bright


@pytest.mark.slow
def test_nor_do_they_in_an_exported_database(root, tmp_path):
    write_database(stored(root), tmp_path / "views.duckdb")
    with duckdb.connect(str(tmp_path / "views.duckdb"), read_only=True) as connection:
        names = {name for (name,) in connection.execute(NAMES).fetchall()}
        for name in CALLS.keys() & set(exported_objects()):
            found = connection.execute(covered(names - {name}, CALLS[name])).fetchall()
            assert found == connection.execute(CALLS[name]).fetchall()


def test_stored_datasets_are_named_by_their_prefix():
    assert stored_in(named_in('SELECT * FROM "stored_phot", cte') or ()) == {"phot"}


def test_opening_and_a_plain_query_import_neither_pandas_nor_compiled_kernels(lake):
    add_pair(lake)
    with open_lake(lake) as opened:
        opened.keep_slopes(3)
    code = (
        "import sys, cte_lake\n"
        f"with cte_lake.open_lake({str(lake)!r}) as opened:\n"
        "    opened.sql('SELECT count(*) FROM exposures')\n"
        "    opened.sql('FROM cte')\n"
        "print(sorted({'pandas', 'numba', 'scipy', 'astropy', 'pyarrow.compute'} & sys.modules.keys()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=400
    )
    assert done.stdout == "[]\n"
