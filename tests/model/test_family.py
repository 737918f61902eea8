"""Surfaces chosen by the visits left out: they follow laws that no form is, and their errors say how well."""

import dataclasses
import tomllib

import numpy as np
import pytest

from cte_lake.errors import FitRefused, UsageError
from cte_lake.model.chip_difference import UNKNOWN, ChipDifference, chip_difference
from cte_lake.model.family import fit_family
from cte_lake.model.laws import LAWS, Law
from cte_lake.model.margins import margins_of
from cte_lake.model.points import FitPoints
from cte_lake.model.scale import constant_scale, fit_scale
from cte_lake.model.slope_lake import SlopeLake
from cte_lake.model.smooth import fit_smooth
from cte_lake.model.surface_text import read_surface, surface_lines
from cte_lake.model.terms import background_variable
from cte_lake.model.with_surface import surface_of

FLUXES = np.log10([350.0, 700.0, 1400.0, 2800.0, 5600.0, 15000.0])


def off(law, lake, family):
    """Fitted less true loss at the dates and backgrounds of the pairs, and its error, by pairs and fluxes."""
    points = family.chosen.points
    first = points.bin_lo == points.bin_lo.min()
    mjd, sky = points.mjd[first, None], points.background[first, None]
    b = background_variable(sky)
    found = family.chosen.loss(mjd, FLUXES, b)
    return found - law.loss(mjd, FLUXES, sky), np.sqrt(family.chosen.variance(mjd, FLUXES, b))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["power", "over-corrected", "shelf"])
def test_losses_come_back_within_errors_that_hold(name):
    law = LAWS[name]
    squares = []
    for seed in range(2):
        lake = SlopeLake(law)
        family = fit_family(lake.draw(seed)[0])
        error, expected = off(law, lake, family)
        assert np.abs(error[:, 0]).max() * 1900 / 2048 < 0.015
        assert np.abs(error[:, 1:]).max() * 1900 / 2048 < 0.010
        squares.append(np.mean((error / expected) ** 2))
    assert 0.6 < np.sqrt(np.mean(squares)) < 1.5
    # What a set writes of the errors is what they are where they were asked for: at the levels of flash.
    points = family.chosen.points.take(family.chosen.points.bin_lo == family.chosen.points.bin_lo.min())
    surface = surface_of(family, ChipDifference(0.0, 0.0, 9))
    places = points.mjd[:, None], FLUXES, background_variable(points.background[:, None])
    written = np.hypot(*(surface.error(*places, part=part) for part in ("slopes", "visits")))
    assert 0.95 < np.sqrt(np.mean((expected / written) ** 2)) < 1.01


@pytest.mark.slow
def test_the_published_coefficients_lose_where_the_law_is_another():
    family = fit_family(SlopeLake(LAWS["power"]).draw(1)[0])
    assert family.name == "relative"
    assert family.polynomial_loss > 0.1
    assert fit_family(SlopeLake(LAWS["over-corrected"]).draw(1)[0]).name == "shifted"


@pytest.mark.slow
def test_a_form_that_does_not_follow_says_where_and_widens_its_error():
    points = SlopeLake(LAWS["power"]).draw(1)[0]
    family = fit_family(points, "polynomial")
    worst = family.misfit.cells[0]
    assert worst.significance > 3
    assert "off the fit" in str(worst)
    error, expected = off(LAWS["power"], None, family)
    surface = surface_of(family, chip_difference(points, points.loss))
    first = points.bin_lo == 250.0
    b = background_variable(points.background[first, None])
    full = surface.error(points.mjd[first, None], FLUXES, b)
    alone, widened = (np.sqrt(np.mean((error / e) ** 2)) for e in (expected, full))
    assert alone > 3
    assert widened < 0.5 * alone


def two_targets(apart):
    """Slopes of two targets, the losses of the second off those of the first by a part."""
    one, two = (SlopeLake(LAWS["saturating"], epochs=n, visits_per_epoch=2).draw(n)[0] for n in (12, 9))
    two = dataclasses.replace(two, loss=two.loss * (1.0 + apart), visit=np.char.add(two.visit, "b"))
    joined = {
        field.name: np.concatenate([getattr(one, field.name), getattr(two, field.name)])
        for field in dataclasses.fields(one)
        if field.name != "kind"
    }
    return FitPoints(**joined, kind=np.repeat(["ngc104", "ngc6791"], [len(one), len(two)]))


@pytest.mark.slow
def test_targets_have_terms_of_their_own_where_the_visits_ask_for_them():
    points = two_targets(0.12)
    family = fit_family(points)
    (first, error), (second, _) = family.chosen.kinds.values()
    assert second - first == pytest.approx(0.12, abs=4 * error + 0.01)
    assert 0.001 < error < 0.015
    # By the number of their visits they average out.
    assert 24 * first + 18 * second == pytest.approx(0.0, abs=1e-9)
    surface = surface_of(family, chip_difference(points, points.loss))
    ratio = surface.of_kind("ngc6791").loss(57000.0, 3.0, 0.6) / surface.of_kind("ngc104").loss(
        57000.0, 3.0, 0.6
    )
    assert ratio == pytest.approx((1 + second) / (1 + first), rel=1e-4)
    assert surface.kinds_error > surface.of_kind("ngc104").kinds_error > 0
    assert read_surface(tomllib.loads("\n".join(surface_lines(surface)))["surface"]) == surface
    with pytest.raises(UsageError, match="no losses of 'm31' of their own; it has ngc104, ngc6791"):
        surface.of_kind("m31")


@pytest.mark.slow
def test_targets_that_agree_have_none():
    assert fit_family(two_targets(0.0), "relative").chosen.kinds == {}


def test_beyond_a_limit_a_fit_is_refused():
    points = SlopeLake(LAWS["power"], stars=400_000, visit_scatter=0.001).draw(1)[0]
    with pytest.raises(FitRefused, match=r"does not follow the slopes.*worst at MJD"):
        fit_family(points, "polynomial")


@pytest.mark.slow
def test_visits_and_outliers_are_told_from_the_law():
    lake = SlopeLake(LAWS["saturating"], outliers=0.03)
    family = fit_family(lake.draw(2)[0])
    assert family.chosen.visit_scatter == pytest.approx(0.02, abs=0.006)
    error, _ = off(LAWS["saturating"], lake, family)
    assert np.abs(error[:, 1:]).max() < 0.012
    assert family.chosen.weights.min() < 0.3
    quiet = fit_family(SlopeLake(LAWS["saturating"], visit_scatter=0.0).draw(2)[0])
    assert quiet.chosen.visit_scatter < 0.008


@pytest.mark.slow
def test_what_all_visits_of_an_epoch_share_is_in_the_error():
    def wave(t, f, b):
        return (
            0.03 * t * (1.0 + 0.06 * np.sin(2.0 * np.pi * t)) * 10.0 ** (-0.45 * (f - 3.0)) / (1.0 + b / 15.0)
        )

    law = Law("wave", "of a year, which no form of two a year follows", wave)
    family = fit_family(SlopeLake(law).draw(2)[0], "relative")
    assert 0.02 < family.misfit.epochs < 0.06
    error, expected = off(law, None, family)
    assert np.sqrt(np.mean((error / expected) ** 2)) > 1.7
    written = surface_of(family, ChipDifference(0.0, 0.0, 9))
    points = family.chosen.points.take(family.chosen.points.bin_lo == family.chosen.points.bin_lo.min())
    told = written.error(points.mjd[:, None], FLUXES, background_variable(points.background[:, None]))
    assert 0.7 < np.sqrt(np.mean((error / told) ** 2)) < 1.3
    # Visits that scatter by themselves are none of it; one visit an epoch goes with the time of the year.
    assert fit_family(SlopeLake(LAWS["power"]).draw(2)[0], "relative").misfit.epochs == 0.0
    assert 0.02 < fit_family(SlopeLake(law, visits_per_epoch=1).draw(2)[0], "relative").misfit.epochs < 0.06
    quiet = SlopeLake(LAWS["power"], visits_per_epoch=1)
    assert fit_family(quiet.draw(2)[0], "relative").misfit.epochs == 0.0


@pytest.mark.slow
def test_a_loss_that_ends_is_not_a_scatter_of_visits():
    law = Law(
        "ends", "in 2018", lambda t, f, b: np.where(t > 8.64, 0.0, 0.03 * t) * 10.0 ** (-0.45 * (f - 3.0))
    )
    family = fit_family(SlopeLake(law).draw(3)[0], "relative")
    assert family.chosen.visit_scatter < 0.15
    error, _ = off(law, None, family)
    assert np.abs(error).max() < 0.05
    # Visits that do scatter as much are believed.
    wide = fit_family(SlopeLake(LAWS["anneal"], visit_scatter=0.3).draw(3)[0], "relative")
    assert 0.2 < wide.chosen.visit_scatter < 0.4


def test_a_bin_whose_errors_are_too_small_has_larger_ones():
    lake = SlopeLake(LAWS["saturating"], epochs=12)
    points = lake.draw(1)[0]
    faint = points.bin_lo == 250.0
    claimed = dataclasses.replace(points, loss_err=np.where(faint, points.loss_err / 3.0, points.loss_err))
    margins, scale = margins_of(points), constant_scale(points)
    honest, mended = (fit_smooth(one, margins, scale) for one in (points, claimed))
    assert mended.noise == pytest.approx(honest.noise, rel=0.2)
    assert np.median(mended.weights[faint]) ** -0.5 == pytest.approx(3.0, rel=0.25)
    assert np.median(mended.weights[~faint]) > 0.9
    sizes = [np.sqrt(fit.variance(57000.0, FLUXES, 0.6)) for fit in (honest, mended)]
    np.testing.assert_allclose(sizes[1], sizes[0], rtol=0.25)


@pytest.mark.slow
def test_outliers_cost_what_they_take_and_too_many_are_refused():
    lake = SlopeLake(LAWS["saturating"], epochs=12, outliers=0.3)
    with pytest.raises(FitRefused, match="does not follow the slopes, which scatter by"):
        fit_family(lake.draw(1)[0], "relative")


def test_gains_of_some_stars_have_no_positive_scale():
    law = Law("crossing", "", lambda t, f, b: t / 15 * (0.05 - 0.14 * np.exp(-(10**f) / 900)) / (1 + b / 9))
    for lake, positive in ((SlopeLake(law), False), (SlopeLake(LAWS["power"], outliers=0.1), True)):
        points = lake.draw(1)[0]
        margins = margins_of(points)
        assert (fit_scale(points, margins) is not None) is positive
        assert fit_scale(points, margins, shift=True) is not None


@pytest.mark.slow
def test_left_out_residuals_are_those_of_a_fit_without_the_visit():
    points = SlopeLake(LAWS["power"], epochs=10).draw(0)[0]
    margins, scale = margins_of(points), constant_scale(points)
    whole = fit_smooth(points, margins, scale, "none")
    out = points.visit == points.visits[12]
    without = fit_smooth(points.take(~out), margins, scale, "none")
    rest = points.take(out)
    sky = background_variable(rest.background)
    expected = rest.loss - without.loss(rest.mjd, rest.log_flux, sky)
    # The variances of the walks move a little with a visit; the equations are exact for those of the whole.
    np.testing.assert_allclose(whole.mixed.left_out[out], expected, atol=0.3 * float(rest.loss_err.mean()))


@pytest.mark.slow
def test_errors_grow_beyond_the_last_epoch():
    points = SlopeLake(LAWS["solar-cycle"]).draw(0)[0]
    fit = fit_family(points).chosen
    ahead = np.sqrt(fit.variance(points.mjd.max() + 365.25 * np.arange(6), 3.0, 0.6))
    assert np.all(np.diff(ahead) > 0)
    assert ahead[5] > 3 * ahead[0]
    assert fit.parts(points.mjd.mean(), 3.0, 0.6)["future"] == 0


@pytest.mark.parametrize("half", [0.05, 0.0, -0.03])
def test_chips_are_told_apart_by_their_levels(half):
    points = SlopeLake(LAWS["power"], chips=half, zero_point=0.05).draw(3)[0]
    found = chip_difference(points, points.loss)
    assert found.known
    assert abs(found.value - half) < 3 * found.error < 0.03


@pytest.mark.parametrize(
    ("law", "distance"),
    [
        ("power", lambda later, f: 0.05 + 0.06 * later),
        ("saturating", lambda later, f: 0.01 + 0.08 / (1.0 + np.exp(-5.0 * (f - 3.2)))),
        ("power", lambda later, f: 0.05 + 0.04 * later - 0.03 * (f - 3.2)),
    ],
)
def test_chips_that_go_apart_are_followed(law, distance):
    pulls = []
    for seed in range(3):
        lake = SlopeLake(LAWS[law], chips=0.0)
        points, visits = lake.draw(seed)
        loss = lake.law.loss(points.mjd, points.log_flux, points.background)
        mjd = np.linspace(55300.0, 60400.0, 9)[:, None]
        c = distance((points.mjd - 57900.0) / 2600.0, points.log_flux)
        found = chip_difference(dataclasses.replace(points, level=points.level - c * loss * visits), loss)
        value, error = found.at(mjd, FLUXES)
        assert error.max() < 0.05
        pulls.append((value - distance((mjd - 57900.0) / 2600.0, FLUXES)) / error)
    assert 0.4 < np.sqrt(np.mean(np.square(pulls))) < 1.5


def test_zero_points_that_go_with_date_pair_or_background_are_no_loss():
    points = SlopeLake(LAWS["power"]).draw(3)[0]
    pair = np.unique(points.mjd, return_inverse=True)[1]
    sky, years = np.log10(1.0 + points.background), (points.mjd - 57900.0) / 365.25
    for zero in (
        0.01 * sky,
        0.002 * years,
        0.01 * np.random.default_rng(5).normal(size=pair.max() + 1)[pair],
    ):
        found = chip_difference(dataclasses.replace(points, level=points.level + zero), points.loss)
        assert abs(found.value - 0.05) < 3 * found.error < 0.03


def test_chips_that_nothing_tells_apart_are_in_the_error():
    points = SlopeLake(LAWS["power"]).draw(3)[0]
    for silent in (
        dataclasses.replace(points, level=None, level_err=None),
        points.take(points.bin_lo == 250.0),
        SlopeLake(LAWS["zero"]).draw(3)[0],
    ):
        found = chip_difference(silent, silent.loss if silent is not points else points.loss)
        assert (found.value, found.error, found.known) == (0.0, UNKNOWN, False) or found.error > 0.015


def test_few_visits_are_refused():
    points = SlopeLake(LAWS["power"]).draw(0)[0]
    with pytest.raises(FitRefused, match="2 visits cannot say"):
        fit_family(points.take(np.isin(points.visit, (points.visits[0], points.visits[-1]))))
    # Two days of one epoch are no course of time, and dates that are all the same are no range.
    one = points.take(points.mjd < points.mjd.min() + 10.0)
    for epoch in (one, dataclasses.replace(one, mjd=np.full(len(one), 57000.0))):
        with pytest.raises(FitRefused, match="one epoch does not say"):
            fit_family(epoch)


def test_laws_outside_the_family_are_what_they_say():
    for law in LAWS.values():
        loss = law.loss(np.array([55200.0, 60500.0]), 2.8, 3.0)
        assert np.all(np.isfinite(loss))
        assert law.left(1000.0, 0.0, 58000.0, 10.0) == pytest.approx(1000.0)
    power = LAWS["power"]
    # A loss that does not depend on flux would be exp(-S t); this one is between those of its two ends.
    left = float(power.left(1000.0, 2048.0, 60000.0, 3.0))
    rate = [float(power.loss(60000.0, np.log10(f), 3.0)) for f in (1000.0, left)]
    assert np.exp(-rate[1]) < left / 1000.0 < np.exp(-rate[0])


def test_a_sky_that_scatters_about_one_level_is_a_line_in_the_surface():
    law = Law(
        "sky", "linear, exp(-b/18)", lambda t, f, b: 0.4 * t / 15 * 10 ** (-0.45 * (f - 3)) * np.exp(-b / 18)
    )
    points = SlopeLake(law, flash=(0.0,), stars=40_000, visit_scatter=0.005).draw(3)[0]
    family = fit_family(points, "relative", background=False)
    surface = surface_of(family, ChipDifference(0.0, 0.0, 9))
    flux, (mean, scatter) = np.log10(700.0), surface.usual
    assert (mean, scatter) == pytest.approx((np.log10(4.0), 0.05), rel=0.2)
    low, high = (surface.loss(59000.0, flux, mean + sign * scatter) for sign in (-1, 1))
    truth = law.loss(59000.0, flux, 10 ** (mean + np.array([-scatter, scatter])) - 1.0)
    assert low - high == pytest.approx(truth[0] - truth[1], rel=0.35)
    # Without a background the mean sky holds, and what the sky may change is in the error.
    assert surface.loss(59000.0, flux, np.nan) == surface.loss(59000.0, flux, mean)
    known, unknown = (surface.error(59000.0, flux, b) for b in (mean, np.nan))
    assert unknown**2 - known**2 == pytest.approx((0.5 * (low - high)) ** 2)
    written = surface_lines(surface)
    assert read_surface(tomllib.loads("\n".join(written))["surface"]) == surface
    # One sky says nothing of others.
    flat = SlopeLake(law, flash=(0.0,), sky_scatter=0.0).draw(3)[0]
    assert not margins_of(flat, background=False)[2].varies
