import numpy as np
import pytest

from cte_lake.errors import FitRefused, UsageError
from cte_lake.model.closure import ClosureOptions, before_and_after, run_closure
from cte_lake.model.closure_report import summarise
from cte_lake.model.injection import Injection


def test_a_small_closure_is_within_the_limits():
    result = run_closure(24, seed=11)
    report = summarise(result)
    assert report.failures == []
    assert report.realisations == 24
    faint = next(row for row in report.fluxes if row["bin_lo"] == 250.0 and row["dates"] == "late")
    assert faint["measured_bias"] < -0.09
    assert abs(faint["corrected_bias"]) < 0.003


def test_the_2017_estimator_does_not_close():
    options = next(iter(before_and_after().values()))
    report = summarise(run_closure(12, seed=11, options=options))
    assert any("250-500" in failure for failure in report.failures)
    assert report.slopes[0]["bias"] < -5 * report.slopes[0]["bias_err"]


@pytest.mark.parametrize("form", ["initial", "linear"])
def test_physics_that_the_correction_does_not_assume(form):
    result = run_closure(6, Injection(form=form), seed=2)
    assert np.abs(result.flux_bias.mean(axis=0)).max() < 0.006


def test_realisations_repeat():
    setup = Injection(stars=1500)
    one, two = run_closure(3, setup, seed=5), run_closure(2, setup, seed=5)
    np.testing.assert_array_equal(one.pulls[:2], two.pulls)


def test_what_cannot_be_run_is_refused():
    with pytest.raises(UsageError, match="2 or more"):
        run_closure(1)
    with pytest.raises(FitRefused, match="could not be fitted"):
        run_closure(2, Injection(mjd=(55106.0, 55107.0), stars=500))


@pytest.mark.slow
def test_closure_of_a_hundred_with_flash_background():
    report = summarise(run_closure(100, Injection(background=12.0), ClosureOptions(), seed=3))
    assert report.failures == []
