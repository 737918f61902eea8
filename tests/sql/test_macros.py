"""Small macros by themselves, each against the sentence above it."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest

from cte_lake.resources import data_dir

OLD, NEW = "cte2_54l1347ei", "cte3_54l1347ei_serial"


@pytest.fixture(scope="module")
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        for name in ("usable_star", "shown_generation"):
            connection.execute((data_dir("sql") / f"{name}.sql").read_text(encoding="utf-8"))
        yield connection


@pytest.mark.parametrize(
    ("flags", "area", "flux", "usable"),
    [
        (0, 28.0, 500.0, True),
        (4, 28.0, 500.0, True),
        (5, 28.0, 500.0, False),
        (0, 20.0, 500.0, True),
        (0, 19.99, 500.0, False),
        (0, None, 500.0, True),
        (0, 28.0, 0.0, False),
        (0, 28.0, -3.0, False),
        (0, 28.0, float("inf"), False),
        (0, 28.0, float("nan"), False),
    ],
)
def test_a_usable_star_has_no_dropped_flag_enough_area_and_light(con, flags, area, flux, usable):
    query = "SELECT usable_star(?::INTEGER, ?::DOUBLE, ?::DOUBLE, 1, 20.0)"
    assert con.execute(query, [flags, area, flux]).fetchone() == (usable,)


@pytest.mark.parametrize(
    ("asked", "shown"),
    [
        ("newest", {("flt", "flt"), ("flc", NEW)}),
        ("all", {("flt", "flt"), ("flc", NEW), ("flc", OLD)}),
        (OLD, {("flt", "flt"), ("flc", OLD)}),
        (NEW, {("flt", "flt"), ("flc", NEW)}),
        # A name of the FLT's shows the newest of the FLC.
        ("flt", {("flt", "flt"), ("flc", NEW)}),
    ],
)
def test_file_types_without_the_named_generation_show_their_newest(con, asked, shown):
    rows = [("flt", "flt", True), ("flc", OLD, False), ("flc", NEW, True)]
    query = "SELECT shown_generation(?, ?, ?::BOOLEAN, ?)"
    found = {
        (filetype, generation)
        for filetype, generation, newest in rows
        if con.execute(query, [asked, generation, newest, filetype]).fetchone() == (True,)
    }
    assert found == shown
