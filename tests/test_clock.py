from datetime import UTC, datetime

import pytest

from cte_lake.clock import RELEASE_YEAR, last_year_believed


@pytest.mark.parametrize(
    ("year", "last"), [(1970, RELEASE_YEAR + 1), (RELEASE_YEAR, RELEASE_YEAR + 1), (2040, 2041)]
)
def test_a_clock_behind_the_release_counts_as_the_release(year, last):
    assert last_year_believed(datetime(year, 6, 1, tzinfo=UTC)) == last
