"""Python functions in queries: `target_name` and `cte_corrected`."""

from __future__ import annotations

import re
import struct

import duckdb
import pytest

from cte_lake import open_lake
from cte_lake.errors import UsageError
from cte_lake.lake.stored import stored
from cte_lake.views import sql_objects
from cte_lake.views.database import write_database
from tests.sql.writing import add_exposure


def test_a_target_is_found_however_it_is_spelled(lake):
    add_exposure(lake, "ic7802aaq")
    add_exposure(lake, "ic7802abq", target="ngc6791")
    query = "SELECT count(*) AS n FROM exposures WHERE target = target_name($name)"
    with open_lake(lake) as opened:
        for name in ("ngc104", "NGC 104", "ngc-104", "47 Tuc", "47tuc"):
            assert opened.sql(query, name=name).rows() == [{"n": 1}], name
        assert opened.sql("SELECT target_name(NULL) AS name").rows() == [{"name": None}]
        with pytest.raises(UsageError, match=r"^the query failed: no target is called .46 Tuc."):
            opened.sql("SELECT target_name('46 Tuc')")


def test_a_correction_without_coefficients_says_what_to_do(lake):
    with open_lake(lake) as opened, pytest.raises(UsageError, match="choose a set"):
        opened.sql("SELECT cte_corrected(900, 5, 1, 57000)")


def test_no_macro_reduces_a_list_from_a_start_of_another_type():
    # DuckDB 1.5 and earlier refuse it; a reduction here has its start in the list.
    for each in sql_objects():
        for call in re.findall(r"list_reduce\(\s*(.*)", re.sub(r"--[^\n]*", "", each.text)):
            assert call.startswith("list_resize("), each.name


@pytest.mark.slow
def test_an_exported_database_is_of_released_versions_and_leaves_out_what_calls_python(lake, tmp_path):
    write_database(stored(lake), tmp_path / "views.duckdb")
    # Storage version of the main header: 65 is that of DuckDB 1.2.
    (version,) = struct.unpack("<Q", (tmp_path / "views.duckdb").read_bytes()[12:20])
    assert version <= 65
    with duckdb.connect(str(tmp_path / "views.duckdb"), read_only=True) as connection:
        made = "SELECT function_name FROM duckdb_functions() WHERE database_name = 'views'"
        names = {row[0] for row in connection.execute(made).fetchall()}
        assert {"readout_distance", "cte"} <= names
        assert not {"cte_corrected", "correct_stars", "target_name"} & names
        for (view,) in connection.execute(
            "SELECT view_name FROM duckdb_views() WHERE NOT internal"
        ).fetchall():
            connection.execute(f"FROM {view} LIMIT 1").fetchall()
