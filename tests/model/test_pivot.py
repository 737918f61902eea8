import numpy as np
import pytest

from cte_lake.errors import FitRefused
from cte_lake.model.pivot import fit_pivot


def stars(pivot=1024.0, loss=0.15, noise=0.05, count=600, seed=0, sign=1.0):
    rng = np.random.default_rng(seed)
    y = rng.uniform(0, 2050, count)
    ratio = np.exp(sign * 2 * loss / 2048 * (y - pivot) + noise * rng.normal(size=count))
    return y, 1000.0 * np.sqrt(ratio), 1000.0 / np.sqrt(ratio)


def test_interval_of_the_pivot_covers_the_truth_two_times_in_three():
    covered = 0
    for seed in range(300):
        fit = fit_pivot(*stars(pivot=1100.0, seed=seed))
        covered += fit.pivot_low < 1100.0 < fit.pivot_high
    assert 0.60 < covered / 300 < 0.76


def test_sign_of_chip_1_is_turned():
    fit = fit_pivot(*stars(sign=-1.0), chip=1)
    assert fit.loss == pytest.approx(0.15, abs=4 * fit.loss_err)


def test_forced_fit_is_refused_by_data_with_another_pivot():
    right = fit_pivot(*stars(pivot=1024.0), forced=1024.0)
    wrong = fit_pivot(*stars(pivot=1300.0), forced=1024.0)
    assert right.forced_p_value > 0.01
    assert wrong.forced_p_value < 1e-4
    assert right.forced_loss == pytest.approx(right.loss, abs=3 * right.loss_err)
    assert right.forced_loss_err <= 1.05 * right.loss_err


def test_forced_values_are_missing_where_none_was_asked_for():
    assert np.isnan(fit_pivot(*stars()).forced_loss)


def test_without_a_slope_the_interval_is_open():
    fit = fit_pivot(*stars(loss=0.0, count=50))
    assert (fit.pivot_low, fit.pivot_high) == (-np.inf, np.inf) or fit.pivot_high - fit.pivot_low > 500


def test_too_few_stars_are_refused():
    with pytest.raises(FitRefused, match="carry no line"):
        fit_pivot([1.0, 2.0, 3.0], [1.0] * 3, [1.0] * 3)
    with pytest.raises(FitRefused, match="on 1 rows"):
        fit_pivot([5.0] * 9, [1.0] * 9, [1.0] * 9)
