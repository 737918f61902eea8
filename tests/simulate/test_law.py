"""The injected law: what a monitor's straight line makes of it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cte_lake.simulate.law import NO_LOSS, CTELaw, readout_distance, slope_loss


def test_default_law_is_near_the_measured_losses():
    law = CTELaw()
    loss = law.loss(57601.3, np.array([350.0, 1400.0, 15000.0]), 1.7)
    np.testing.assert_allclose(loss, [0.315, 0.181, 0.061], atol=0.02)


@given(
    flux=st.floats(120.0, 4.0e4), mjd=st.floats(55200.0, 58500.0), background=st.floats(0.0, 120.0),
    step=st.floats(1.0, 50.0),
)  # fmt: skip
def test_loss_grows_with_time_and_shrinks_with_flux_and_background(flux, mjd, background, step):
    law = CTELaw()
    here = float(law.loss(mjd, flux, background))
    assert here > 0.0
    assert law.loss(mjd + step, flux, background) > here
    assert law.loss(mjd, flux * 1.1, background) < here
    assert law.loss(mjd, flux, background + step) < here


def test_a_background_of_the_scale_halves_the_loss():
    law = CTELaw(background_scale=20.0)
    assert law.loss(57000.0, 1000.0, 20.0) == pytest.approx(law.loss(57000.0, 1000.0) / 2.0)


def test_without_a_law_nothing_is_lost():
    assert NO_LOSS.loss(58000.0, 500.0) == 0.0
    assert NO_LOSS.survival(0.0, 2000.0) == 1.0


def test_chips_are_read_in_opposite_directions():
    np.testing.assert_array_equal(readout_distance(2, [0, 10, 2050]), [0, 10, 2050])
    np.testing.assert_array_equal(readout_distance(1, [0, 10, 2050]), [2050, 2040, 0])


@pytest.mark.parametrize("form", ["exponential", "linear"])
@pytest.mark.parametrize("loss", [0.01, 0.05, 0.1])
def test_ratio_of_the_chips_has_the_slope_of_the_law(form, loss):
    law = CTELaw(form=form)
    y = np.linspace(0.0, 2048.0, 500)
    ratio = law.survival(loss, readout_distance(1, y)) / law.survival(loss, readout_distance(2, y))
    tolerance = 1.1 * loss**2 / 10 if form == "exponential" else 1.5 * loss
    assert slope_loss(ratio, y) == pytest.approx(loss, rel=tolerance)


def test_a_line_needs_three_stars():
    assert np.isnan(slope_loss([1.0, 1.1], [0.0, 100.0]))


def test_every_coefficient_counts():
    base = np.zeros((3, 3))
    base[0, 0] = 0.5
    for i in range(3):
        for j in range(3):
            changed = base.copy()
            changed[i, j] += 0.01
            law = CTELaw(coefficients=tuple(map(tuple, changed)))
            expected = 0.5 + 0.01 * (57400.0 - 55400.0) ** i * 3.0**j
            assert law.loss(57400.0, 1000.0) == pytest.approx(expected)
