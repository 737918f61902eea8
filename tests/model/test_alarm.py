"""The alarm: a newest epoch that departs from its past is noticed, one that does not is left alone."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from cte_lake.model.alarm import against, alarms, apart, departure
from cte_lake.model.doubts import Doubts, Rival
from cte_lake.model.family import fit_family
from cte_lake.model.laws import LAWS
from cte_lake.model.slope_lake import SlopeLake


def history(jump=0.0, seed=3, epochs=20):
    points, _ = SlopeLake(LAWS["saturating"], epochs=epochs).draw(seed)
    new = points.mjd > points.mjd.max() - 20.0
    return replace(points, loss=points.loss * np.where(new, 1.0 + jump, 1.0))


def table(points, **mode):
    columns = {name: getattr(points, name) for name in ("mjd", "background", "bin_lo", "bin_hi", "n")}
    columns |= {"cte_loss": points.loss, "cte_loss_err": points.loss_err, "mean_flux": 10.0**points.log_flux}
    columns |= {"mean_log_flux": points.log_flux, "mean_log_flux_sq": points.log_flux_sq}
    proposal, visit = zip(*(name.split("/") for name in points.visit), strict=True)
    columns |= {"proposal": proposal, "visit": visit, "flash": np.rint(points.background / 20.0).astype(int)}
    fixed = {"target": "ngc104", "filter": "F502N", "length": "l", "filetype": "flt"} | mode
    return pa.table(columns | {name: [value] * len(points) for name, value in fixed.items()})


@pytest.mark.slow
@pytest.mark.parametrize("jump", [0.15, -0.15])
def test_a_jump_is_measured_and_alarms(jump):
    found = departure(history(jump))
    assert found.alarming
    assert found.visits == 3
    assert found.factor == pytest.approx(jump, abs=3 * found.error)


@pytest.mark.slow
def test_a_history_that_goes_on_raises_none():
    found = departure(history())
    assert not found.alarming
    assert found.error < 0.03


@pytest.mark.slow
def test_what_epochs_share_and_what_the_past_leaves_open_is_in_the_error_of_a_departure():
    past, new = apart(history())
    family = fit_family(past, "relative")
    family = replace(family, doubts=Doubts(family.chosen, [], []))
    alone = against(family, new)
    shared = against(replace(family, misfit=replace(family.misfit, epochs=0.05)), new)
    assert shared.factor == pytest.approx(alone.factor)
    assert shared.error == pytest.approx(np.hypot(alone.error, 0.05))
    # A form of equal odds whose losses are higher by 10% at all fluxes and dates.
    fit = family.chosen
    higher = replace(fit, mixed=replace(fit.mixed, values=1.1 * fit.mixed.values))
    rival = against(replace(family, doubts=Doubts(fit, [Rival(0.5, higher, fit)], [])), new)
    assert rival.error == pytest.approx(np.hypot(alone.error, 0.1 * 0.5**0.5), rel=0.05)


@pytest.mark.slow
def test_each_mode_has_its_own_alarm():
    both = pa.concat_tables([table(history(0.2)), table(history(), target="ngc6791")])
    rows = alarms(both)
    assert [(row["target"], row["visits"]) for row in rows] == [("ngc104", 3)]
    assert rows[0]["errors"] > 4
    assert alarms(table(history()).slice(0, 0)) == []


def test_a_short_history_says_nothing():
    assert departure(history(0.5, epochs=5)) is None
