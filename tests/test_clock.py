from datetime import UTC, datetime

import duckdb
import pytest

from cte_lake.clock import NOW_ENV, RELEASE_YEAR, last_year_believed, now
from cte_lake.views.functions import bind_today


@pytest.mark.parametrize(
    ("year", "last"), [(1970, RELEASE_YEAR + 1), (RELEASE_YEAR, RELEASE_YEAR + 1), (2040, 2041)]
)
def test_a_clock_behind_the_release_counts_as_the_release(year, last):
    assert last_year_believed(datetime(year, 6, 1, tzinfo=UTC)) == last


def test_a_rehearsal_sets_the_time_of_python_and_of_sql(monkeypatch):
    assert abs((now() - datetime.now(UTC)).total_seconds()) < 60
    for text in ("2026-03-01T02:17:00", "2026-03-01T03:17:00+01:00"):
        monkeypatch.setenv(NOW_ENV, text)
        assert now() == datetime(2026, 3, 1, 2, 17, tzinfo=UTC)
        with duckdb.connect() as connection:
            bind_today(connection)
            ((mjd,),) = connection.execute("SELECT today_mjd()").fetchall()
        assert mjd == pytest.approx(61100 + (2 * 60 + 17) / 1440)
    monkeypatch.delenv(NOW_ENV)
    with duckdb.connect() as connection:
        bind_today(connection)
        ((mjd,),) = connection.execute("SELECT today_mjd()").fetchall()
    assert mjd == pytest.approx(datetime.now(UTC).timestamp() / 86400 + 40587, abs=0.01)
