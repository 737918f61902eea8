from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

from cte_lake.errors import UsageError
from cte_lake.model.loss_unit import LN10
from cte_lake.model.readout import lose

quadratics = st.tuples(st.floats(-0.6, 0.8), st.floats(-0.3, 0.3), st.floats(-0.05, 0.05))
ranges = st.sampled_from([(2.4, 4.5), (-np.inf, np.inf), (2.9, 3.1)])
fluxes = st.floats(50.0, 1e5)
distances = st.floats(0.0, 2050.0)
restore = partial(lose, sign=-1.0)


@given(quadratics, ranges, fluxes, distances)
@settings(max_examples=150)
def test_loss_and_correction_undo_each_other(a, limits, flux, distance):
    left = lose(flux, distance, a, limits)
    # Without edges a parabola may carry a flux to infinity; then there is nothing to come back from.
    if np.isfinite(left) and left > 0 and abs(np.log10(left / flux)) < 3:
        assert restore(left, distance, a, limits) == pytest.approx(flux, rel=1e-10)


@given(quadratics, ranges, fluxes)
def test_no_transfer_no_correction(a, limits, flux):
    assert restore(flux, 0.0, a, limits) == flux
    assert lose(flux, 0.0, a, limits) == flux


@given(quadratics, fluxes, st.lists(distances, min_size=2, max_size=20))
def test_correction_grows_with_distance_and_keeps_its_sign(a, flux, rows):
    rows = np.sort(np.array([0.0, *rows]))
    change = np.log(restore(flux, rows, a, (2.4, 4.5)) / flux)
    steps = np.diff(change)
    assert np.all(steps >= -1e-13) or np.all(steps <= 1e-13)


@given(quadratics, st.lists(fluxes, min_size=2, max_size=20, unique=True), distances)
def test_stars_keep_their_order(a, stars, distance):
    stars = np.sort(stars)
    assert np.all(np.diff(restore(stars, distance, a, (2.4, 4.5))) > -1e-9)


@pytest.mark.parametrize("limits", [(2.4, 4.5), (2.7, 3.2), (-np.inf, np.inf)])
@pytest.mark.parametrize(
    "a", [(0.9, -0.3, 0.03), (-0.2, 0.05, 0.0), (0.4, 0.0, 0.0), (1.0, -0.6, 0.09), (0.1, -0.2, 0.04)]
)
def test_equals_the_integrated_equation(a, limits):
    for flux in (120.0, 400.0, 3000.0, 60000.0):
        for distance in (300.0, 2050.0):

            def slope(t, u):
                f = np.clip(u, *limits)
                return -(a[0] + a[1] * f + a[2] * f * f) / LN10

            solved = solve_ivp(
                slope, (0, distance / 2048), [np.log10(flux)], rtol=1e-10, atol=1e-12, max_step=0.005
            )
            assert np.log10(lose(flux, distance, a, limits)) == pytest.approx(solved.y[0, -1], abs=2e-7)


def test_constant_loss_is_exponential():
    assert lose(1000.0, 2048.0, (0.2, 0.0, 0.0)) == pytest.approx(1000.0 * np.exp(-0.2), rel=1e-14)


def test_refused_fluxes_are_missing_and_shapes_checked():
    out = restore([-5.0, 0.0, np.nan, 100.0], [10.0, 10.0, 10.0, -1.0], (0.1, 0.0, 0.0))
    assert np.isnan(out).all()
    with pytest.raises(UsageError, match="shape"):
        lose(100.0, 10.0, (0.1, 0.2))
