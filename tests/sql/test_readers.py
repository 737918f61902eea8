"""Readers while exposures arrive and are measured again: whole exposures or none, and no error."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import numpy as np
import pytest

from cte_lake import open_lake
from cte_lake.lake.stored import stored
from cte_lake.views import bind
from tests.sql.writing import add_pair

STARS = 500
QUERY = """
    SELECT e.imagename, e.n_stars, count(p.master_id) AS n_rows, count(DISTINCT p.phot_key) AS n_keys
    FROM exposures AS e LEFT JOIN phot AS p USING (imagename) GROUP BY ALL
"""


@contextmanager
def ingesting(lake: Path, seen: list[int]) -> Iterator[threading.Event]:
    """Write pairs, each twice with other numbers; the reader sees the first few come, however slow it is."""
    done, failures, left = threading.Event(), [], threading.Event()

    def write() -> None:
        try:
            stars = {"master_id": np.arange(STARS), "flux_r03": np.full(STARS, 700.0)}
            for revision in (1, 2):
                for number in range(10):
                    add_pair(
                        lake, f"i{number:03d}", stars, stars, proposal=14378 + number % 3, revision=revision
                    )
                    while revision == 1 and number < 3 and len(seen) <= number and not left.wait(0.01):
                        pass
        except Exception as error:
            failures.append(error)
        finally:
            done.set()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        yield done
    finally:
        left.set()
        writer.join(300)
    assert not failures


@pytest.mark.slow
@pytest.mark.parametrize("kept", [True, False], ids=["Lake", "views over files"])
def test_no_reader_sees_part_of_an_exposure(lake, kept):
    seen = []
    with open_lake(lake) as opened, duckdb.connect() as connection:
        bind(connection, stored(lake))
        with ingesting(lake, seen) as done:
            last = False
            while not last:
                last = done.is_set()
                rows = (
                    [tuple(row.values()) for row in opened.sql(QUERY).rows()]
                    if kept
                    else connection.execute(QUERY).fetchall()
                )
                assert all(n_rows == n_stars == STARS and keys == 1 for _, n_stars, n_rows, keys in rows)
                seen.append(len(rows))
    assert seen == sorted(seen)
    assert seen[-1] == 20
    assert len(set(seen)) > 2
