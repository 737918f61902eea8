"""Visits less than the configured width after the first of an epoch belong to it."""

import numpy as np
import pytest

from cte_lake.api import open_lake
from cte_lake.config import load_settings
from cte_lake.lake.create import create_lake
from cte_lake.lake.stored import stored
from tests.sql.writing import add_pair

FIRST = 57000.0


@pytest.mark.parametrize(
    ("width", "expected"),
    [("30", [1, 1, 2, 3]), ("10", [1, 2, 2, 3]), ("31", [1, 1, 1, 2]), ("200", [1, 1, 1, 1])],
)
def test_an_epoch_starts_where_the_width_of_the_one_before_ends(tmp_path, width, expected):
    lake = tmp_path / "lake"
    create_lake(stored(lake))
    stars = {"master_id": np.arange(3), "y": np.full(3, 100.0)}
    for number, days in enumerate((0.0, 29.9, 30.0, 61.0)):
        add_pair(lake, first=stars, second=stars, visit=f"{number + 1:02d}", mjd=FIRST + days)
    settings = load_settings(stored(lake), {"measure.epoch_width": width}, {})
    with open_lake(lake, settings=settings) as opened:
        rows = opened.sql("SELECT mjd, epoch FROM visits ORDER BY mjd").rows()
    assert [row["epoch"] for row in rows] == expected
