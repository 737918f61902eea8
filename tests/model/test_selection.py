import numpy as np
import pytest

from cte_lake.errors import FitRefused
from cte_lake.model.fit import fit_surface
from cte_lake.model.points import FitPoints
from cte_lake.model.selection import bootstrap, try_time_degrees
from tests.model.test_fit import points_of

MJD = tuple(55106.0 + 280.0 * k for k in range(10))


def with_time(points, curved):
    d = (points.mjd - 55400.0) / 1000.0
    shape = 0.05 + 0.1 * d + (0.05 * d * d if curved else 0.0)
    noise = np.random.default_rng(5).normal(size=len(points)) * 0.003
    return FitPoints(**{**vars(points), "loss": shape * (4.8 - points.log_flux) + noise})


@pytest.mark.parametrize(("curved", "degree"), [(False, 1), (True, 2)])
def test_cross_validation_finds_the_time_dependence(curved, degree):
    trials = try_time_degrees(with_time(points_of(mjd=MJD), curved))
    chosen = [trial.time_degree for trial in trials if trial.chosen]
    assert chosen == [degree]
    assert all(np.isfinite([trial.fit.aic, trial.fit.bic, trial.score]).all() for trial in trials)
    if curved:
        assert trials[1].fit.aic < trials[0].fit.aic


def test_a_degree_that_is_refused_leaves_the_other():
    trials = try_time_degrees(points_of(mjd=(55106.0, 56300.0)))
    assert [trial.chosen for trial in trials] == [True, False]
    assert "which needs 3" in trials[1].refusal
    with pytest.raises(FitRefused, match="1 epoch"):
        try_time_degrees(points_of(mjd=(55106.0,)))


def test_bootstrap_agrees_with_the_covariance():
    fit = fit_surface(points_of(mjd=MJD, noise=1.0, seed=8), 2)
    drawn = bootstrap(fit, 100)
    assert drawn.samples.shape == (100 - drawn.refused, 9)
    assert 0.4 < np.median(drawn.ratio) < 1.6
    np.testing.assert_array_equal(bootstrap(fit, 20, seed=1).samples, bootstrap(fit, 20, seed=1).samples)


def test_bootstrap_unmasks_a_model_that_does_not_fit():
    # A straight line through a curved growth: the visits pull it about more than its covariance says.
    fit = fit_surface(points_of(mjd=MJD, noise=1.0, seed=8), 1)
    assert bootstrap(fit, 100).ratio.max() > 1.8


def test_bootstrap_needs_visits():
    fit = fit_surface(points_of(mjd=(55106.0, 56300.0)), 1)
    with pytest.raises(FitRefused, match="2 visits"):
        bootstrap(fit)
