"""The background that traps saw: sky, post-flash and the dark that calibration took off."""

import pytest

from cte_lake.api import open_lake
from cte_lake.correction.fit_lake import FitRequest, slopes_of
from cte_lake.lake.create import create_lake
from cte_lake.lake.selection import Selection
from cte_lake.lake.stored import stored
from cte_lake.model.points import from_table
from tests.correction.test_generations import stars
from tests.sql.writing import add_pair


@pytest.mark.slow
@pytest.mark.parametrize(("dark", "added"), [(0.8, 0.8), (None, 0.0)])
def test_flash_and_dark_are_added_to_the_sky_and_taken_by_the_fit(tmp_path, dark, added):
    lake = tmp_path / "lake"
    create_lake(stored(lake))
    one, two = stars(0.2, 1)
    add_pair(lake, first=one, second=two, flash=12, meandark=dark)
    with open_lake(lake) as opened:
        rows = [row for row in opened.cte(estimator="log_ratio").rows() if row["background"] is not None]
        fitted = slopes_of(opened, FitRequest(Selection(), 3))
    assert rows
    for row in rows:
        assert row["readout_background"] == pytest.approx(row["background"] + 12 + added)
    shown = {row["readout_background"] for row in rows if row["cte_loss"]}
    assert set(from_table(fitted, min_stars=2).background.tolist()) == shown
