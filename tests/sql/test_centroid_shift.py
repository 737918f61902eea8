"""A star without a centroid has no shift, whatever older files hold in its place."""

import numpy as np
import pytest

from cte_lake import open_lake
from cte_lake.lake.create import create_lake
from cte_lake.lake.stored import stored
from cte_lake.starflags import mask_of
from tests.sql.writing import add_exposure

FAILED, FAR, NEIGHBOUR = (mask_of([name]) for name in ("centring_failed", "centre_far", "neighbour"))


@pytest.fixture
def lake(tmp_path):
    create_lake(stored(tmp_path / "lake"))
    add_exposure(
        tmp_path / "lake",
        "ic7802aaq",
        {
            "master_id": np.arange(7),
            "dx": np.array([0.1, 0.0, 0.0, 1.4, 0.0, np.nan, 0.0]),
            "dy": np.array([0.2, 0.0, 0.0, 0.3, 0.3, np.nan, 0.0]),
            "flags": np.array([0, FAILED, FAR | NEIGHBOUR, FAR, NEIGHBOUR, FAILED, NEIGHBOUR], dtype="i4"),
        },
    )
    with open_lake(tmp_path / "lake") as opened:
        yield opened


def test_zeros_of_older_files_are_no_shifts(lake):
    rows = lake.sql("SELECT dx, dy FROM phot ORDER BY master_id").rows()
    found = [(row["dx"], row["dy"]) for row in rows]
    # The fourth is IRAF's centre, kept though far; a measured shift of exactly 0 stays one.
    shifts = [(0.1, 0.2), (None, None), (None, None), (1.4, 0.3), (0.0, 0.3), (None, None), (0.0, 0.0)]
    assert found == [pytest.approx(pair) if pair != (None, None) else pair for pair in shifts]
    assert lake.sql("SELECT avg(dy) AS mean FROM phot").rows()[0]["mean"] == pytest.approx(0.2)
