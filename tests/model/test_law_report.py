"""Trials of laws, summed up; and the halves of a history."""

from dataclasses import replace

import numpy as np
import pytest

from cte_lake.model.law_trial import stability, try_laws
from cte_lake.model.laws import LAWS
from cte_lake.model.slope_lake import SlopeLake


@pytest.mark.slow
def test_a_law_has_a_row_per_flux():
    told = []
    report = try_laws(["saturating"], 1, 4, lambda done, total: told.append((done, total)))
    assert told == [(1, 1)]
    assert [row["flux"] for row in report.rows] == [350.0, 700.0, 1400.0, 2800.0, 5600.0, 15000.0]
    assert all(0.3 < row["pull"] < 2.0 and row["worst"] < 0.03 for row in report.rows)


@pytest.mark.slow
def test_halves_agree_unless_losses_jump_between_them():
    points, _ = SlopeLake(LAWS["polynomial"], epochs=20).draw(2)
    steady = stability(points)
    assert steady.pull < 2.0
    later = points.mjd > steady.mjd
    jumped = replace(points, loss=points.loss * np.where(later, 1.25, 1.0))
    assert stability(jumped).pull > steady.pull + 1.0
