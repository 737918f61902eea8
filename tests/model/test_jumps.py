"""Jumps of all losses between two epochs: found where they are, by their size, and nowhere else."""

import dataclasses
import re

import numpy as np
import pytest

from cte_lake.model.chip_difference import ChipDifference
from cte_lake.model.doubts import odds_of_jump
from cte_lake.model.family import fit_family
from cte_lake.model.jumps import Gap, gaps_of, ramp
from cte_lake.model.laws import LAWS, Law
from cte_lake.model.slope_lake import SlopeLake
from cte_lake.model.with_surface import surface_of

#: A short history of two levels of post-flash: a fit in a fraction of a second.
LAKE = SlopeLake(LAWS["saturating"], epochs=16, flash=(0.0, 12.0, 33.0))


def jumped(by, seed, year=2017.0):
    """Slopes whose losses change by a part from a year on, and the date."""
    points = LAKE.draw(seed)[0]
    date = 51544.0 + (year - 2000.0) * 365.25
    return dataclasses.replace(points, loss=points.loss * np.where(points.mjd > date, 1.0 + by, 1.0)), date


def test_gaps_have_two_epochs_on_either_side():
    dates = [100.0, 101.0, 200.0, 300.0, 310.0, 400.0, 500.0]
    assert gaps_of(dates) == [Gap(200.0, 300.0), Gap(310.0, 400.0)]
    assert gaps_of(dates[:4]) == []
    assert gaps_of([5.0]) == []


def test_a_ramp_rises_within_its_gap_alone():
    at = ramp(Gap(100.0, 300.0), np.array([0.0, 100.0, 150.0, 200.0, 250.0, 300.0, 400.0]))
    assert at.tolist() == [0.0, 0.0, 0.125, 0.5, 0.875, 1.0, 1.0]


@pytest.mark.slow
@pytest.mark.parametrize(("by", "seed"), [(0.2, 4), (0.2, 5)])
def test_a_jump_is_found_where_it_is(by, seed):
    points, date = jumped(by, seed)
    family = fit_family(points, "relative")
    ((gap, size, error),) = family.chosen.jump_sizes
    assert gap.start < date < gap.end
    assert abs(size - by) < 3.5 * error
    assert 0.005 < error < 0.05
    # The table follows it from the epoch before to the epoch after, and is in doubt between them.
    surface = surface_of(family, ChipDifference(0.0, 0.01, 9))
    for mjd in (gap.start, gap.end):
        assert surface.loss(mjd, 2.8, 0.6) == pytest.approx(family.chosen.loss(mjd, 2.8, 0.6), rel=0.01)
    before, within, after = (
        float(surface.error(day, 2.8, 0.6, part="form"))
        for day in (gap.start - 400.0, gap.middle, gap.end + 400.0)
    )
    assert within > 0.3 * abs(by) * family.chosen.loss(gap.middle, 2.8, 0.6)
    assert max(before, after) < 0.2 * within


@pytest.mark.slow
def test_a_jump_that_the_walk_in_time_has_taken_part_of_is_found():
    # The residuals ask for it by 3.4 errors; with it in the fit it is 4.1 of its own.
    family = fit_family(SlopeLake(LAWS["anneal"]).draw(5002)[0], "relative")
    ((gap, size, error),) = family.chosen.jump_sizes
    assert gap.start < 51544.0 + 16.7 * 365.25 < gap.end
    assert abs(size + 0.08) < 2.0 * error


@pytest.mark.slow
def test_no_jump_is_found_where_there_is_none():
    points, _ = jumped(0.0, 3)
    chosen = fit_family(points, "relative").chosen
    assert chosen.jumps == ()
    # What the residuals ask for is that of chance: a score test's errors are 1 on the average.
    asked = chosen.test_jumps(gaps_of(points.mjd))
    assert 0.4 < np.sqrt(np.mean(np.square(asked))) < 1.6


@pytest.mark.slow
def test_a_jump_that_chance_may_be_is_in_the_error():
    """The fall by 8% in 2016 that this lake does not show: 3.4 of its errors."""
    family = fit_family(SlopeLake(LAWS["anneal"], chips=0.05).draw(5300)[0], "relative")
    assert family.chosen.jumps == ()
    fell = 51544.0 + 16.7 * 365.25
    at = np.array([fell, 56000.0, 60500.0])
    there, before, after = np.sqrt(family.doubts.variance(at, np.full(3, 2.8), np.full(3, 0.6)))
    loss = family.chosen.loss(fell, 2.8, 0.6)
    assert 0.005 * loss < there < 0.05 * loss
    assert there > 3.0 * max(before, after)
    written = surface_of(family, ChipDifference(0.0, 0.0, 9)).error(fell, 2.8, 0.6, "form")
    assert written == pytest.approx(there, rel=0.5)


def test_the_chance_of_a_jump_follows_its_errors():
    odds = (odds_of_jump(size, 0.02) for size in (0.0, 0.04, 0.06, 0.08, 0.2))
    chances = [one / (1.0 + one) for one in odds]
    assert chances == sorted(chances)
    assert chances[0] < 0.01
    assert 0.2 < chances[2] < 0.4
    assert chances[-1] > 0.999


@pytest.mark.slow
def test_a_fall_of_faint_stars_alone_is_in_the_error_and_told():
    def loss(t, f, b):
        fallen = np.where((t > 8.0) & (f < 3.0), 0.7, 1.0)
        return 0.02 * t * fallen * 10.0 ** (-0.45 * (f - 3.0)) / (1.0 + b / 15.0)

    lake = dataclasses.replace(LAKE, law=Law("faint", "falls", loss))
    family = fit_family(lake.draw(3)[0], "relative")
    likely = max(family.doubts.jumps, key=lambda doubt: doubt.probability)
    assert likely.probability > 0.9
    assert re.match(r"losses under 1000 e- seem to jump by -[23]\d", str(likely))
    fell = np.full(2, likely.gap.end)
    faint, bright = np.sqrt(family.doubts.variance(fell, np.log10([700.0, 2800.0]), np.full(2, 0.6)))
    assert faint > 2.0 * bright
