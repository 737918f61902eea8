"""What masked pixels hold of a star's light is put back where ratios are made, and nowhere before."""

import numpy as np
import pytest

from cte_lake import open_lake
from cte_lake.lake.create import create_lake
from cte_lake.lake.stored import stored
from tests.sql.writing import add_pair

FLUX = np.array([1000.0, 1000.0, 1000.0])


@pytest.fixture
def lake(tmp_path):
    create_lake(stored(tmp_path / "lake"))
    stars = {"master_id": np.arange(3), "y": np.array([100.0, 900.0, 1800.0])}
    add_pair(
        tmp_path / "lake",
        first=stars | {"flux_r03": FLUX * [0.9, 1.0, 1.0], "masked_light": np.array([0.1, 0.0, np.nan])},
        second=stars | {"flux_r03": FLUX * [1.0, 0.75, 1.0], "masked_light": np.array([0.0, 0.25, np.nan])},
    )
    with open_lake(tmp_path / "lake") as opened:
        yield opened


def test_ratios_are_of_whole_stars(lake):
    rows = lake.sql("SELECT ratio, flux_1, flux_2 FROM ratios ORDER BY master_id").rows()
    for row in rows:
        assert [row["ratio"], row["flux_1"], row["flux_2"]] == pytest.approx([1.0, 1000.0, 1000.0], rel=1e-6)
    assert rows[2]["ratio"] == 1.0


def test_photometry_and_matched_stars_keep_the_raw_sums(lake):
    rows = lake.sql("SELECT flux_1, flux_2, masked_light_1 FROM matched_stars ORDER BY master_id").rows()
    assert [row["flux_1"] for row in rows] == [900.0, 1000.0, 1000.0]
    assert [row["flux_2"] for row in rows] == [1000.0, 750.0, 1000.0]
    assert [row["masked_light_1"] for row in rows] == [pytest.approx(0.1), 0.0, None]
    assert {row["flux_r03"] for row in lake.sql("SELECT flux_r03 FROM phot").rows()} == {750.0, 900.0, 1000.0}
