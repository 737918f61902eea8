import csv

import numpy as np
import pytest
from scipy.special import fdtrc

from cte_lake.config import load_settings
from cte_lake.correction.closure import lake_tables
from cte_lake.correction.fit_lake import slopes_of
from cte_lake.correction.followed import FitRequest
from cte_lake.correction.memory_lake import MemoryLake
from cte_lake.errors import FitRefused, UsageError
from cte_lake.model.bins import non_overlapping
from cte_lake.model.fit import fit_epoch, fit_surface
from cte_lake.model.injection import DEFAULT_LAW, Injection, simulate_pair
from cte_lake.model.misfit import chance_of_ratio
from cte_lake.model.points import FitPoints, epochs, from_table
from cte_lake.model.robust import solve

BINS = [
    (250, 500),
    (500, 1000),
    (500, 2000),
    (1000, 2000),
    (2000, 4000),
    (2000, 8000),
    (4000, 8000),
    (8000, 32000),
]


def points_of(mjd=(55106.0, 55700.0, 56300.0, 57000.0, 57601.0), error=0.003, noise=0.0, seed=0, sky=None):
    """Points on the default law, without stars."""
    rng = np.random.default_rng(seed)
    setup = Injection()
    fluxes = np.array([360.0, 700.0, 1400.0, 2800.0, 5600.0, 14000.0])
    date = np.repeat(mjd, fluxes.size)
    f = np.log10(np.tile(fluxes, len(mjd)))
    a = np.array([setup.quadratic(d) for d in date])
    background = np.full(date.size, 3.0) if sky is None else np.repeat(sky, fluxes.size)
    dim = 1.0 if sky is None else 1.0 - 0.5 * np.log10(1.0 + background)
    loss = (a[:, 0] + a[:, 1] * f + a[:, 2] * f * f) * dim + rng.normal(size=date.size) * error * noise
    bins = non_overlapping(BINS)
    return FitPoints(
        mjd=date,
        loss=loss,
        loss_err=np.full(date.size, error),
        log_flux=f,
        log_flux_sq=f * f,
        background=background,
        bin_lo=np.tile([float(b[0]) for b in bins], len(mjd)),
        bin_hi=np.tile([float(b[1]) for b in bins], len(mjd)),
        visit=np.repeat([f"v{k}" for k in range(len(mjd))], fluxes.size),
        n=np.full(date.size, 100.0),
    )


def read(path):
    with path.open() as stream:
        return list(csv.DictReader(stream))


def test_golden_quadratics_equal_those_of_2017(shared):
    rows = read(shared / "golden" / "fitinputs_expected.csv")
    compared = 0
    for wanted in read(shared / "golden" / "coeffs_expected.csv"):
        key = ("targname", "aperture", "epoch")
        used = [
            r
            for r in rows
            if all(float_or(r[k]) == float_or(wanted[k]) for k in key) and r["used_in_fit"] == "1"
        ]
        fit = fit_epoch([float(r["log10flux"]) for r in used], [float(r["cte"]) for r in used])
        truth = [float(wanted[f"a{j}"]) for j in range(3)]
        np.testing.assert_allclose(fit.coefficients, truth, rtol=1e-9, atol=1e-12)
        compared += 1
    assert compared == 14


def float_or(text):
    try:
        return float(text)
    except ValueError:
        return text


def test_golden_curves(shared):
    curves = read(shared / "golden" / "fitvals_expected.csv")
    inputs = read(shared / "golden" / "fitinputs_expected.csv")
    used = [
        r
        for r in inputs
        if (r["targname"], r["aperture"], float(r["epoch"]), r["used_in_fit"])
        == ("ngc104", "3", 57601.0, "1")
    ]
    fit = fit_epoch([float(r["log10flux"]) for r in used], [float(r["cte"]) for r in used])
    curve = [
        r for r in curves if (r["targname"], r["aperture"], float(r["epoch"])) == ("ngc104", "3", 57601.0)
    ]
    flux = 10.0 ** np.array([float(r["log10flux"]) for r in curve])
    np.testing.assert_allclose(fit.loss(flux), [float(r["cte_model"]) for r in curve], rtol=1e-9, atol=1e-11)
    assert len(curve) == 100


def test_the_law_comes_back_from_exact_points():
    fit = fit_surface(points_of())
    np.testing.assert_allclose(fit.coefficients, np.array(DEFAULT_LAW).ravel(), rtol=1e-7)
    assert fit.linear.condition < 500
    assert fit.chi2 < 1e-10


def test_the_order_of_the_points_is_irrelevant():
    points = points_of(noise=1.0)
    order = np.random.default_rng(1).permutation(len(points))
    one, two = fit_surface(points), fit_surface(points.take(order))
    np.testing.assert_allclose(one.linear.values, two.linear.values, rtol=1e-7, atol=1e-10)


@pytest.mark.parametrize("loss", ["huber", "tukey"])
def test_a_wild_slope_does_not_carry_the_fit_away(loss):
    points = points_of(noise=1.0, seed=3)
    wild = points.loss.copy()
    wild[7] += 0.5
    spoilt = FitPoints(**{**vars(points), "loss": wild})
    clean = fit_surface(points, loss=loss)
    robust, plain = fit_surface(spoilt, loss=loss), fit_surface(spoilt, loss="none")
    moved = np.abs(robust.predict(points) - clean.predict(points)).max()
    assert moved < 0.2 * np.abs(plain.predict(points) - clean.predict(points)).max()
    assert robust.linear.weights[7] < 0.1


def test_errors_are_those_of_the_scatter():
    pulls = []
    truth = np.array(DEFAULT_LAW).ravel()
    for seed in range(150):
        fit = fit_surface(points_of(noise=1.0, seed=seed))
        pulls.append((fit.coefficients - truth) / fit.errors)
    assert 0.75 < np.std(pulls) < 1.2
    assert abs(np.mean(pulls, axis=0)).max() < 0.35


def test_refusals_say_why():
    with pytest.raises(
        FitRefused, match="2 epochs cannot carry a time dependence of degree 2, which needs 3"
    ):
        fit_surface(points_of(mjd=(55106.0, 57601.0)))
    with pytest.raises(FitRefused, match="1 epoch cannot"):
        fit_surface(points_of(mjd=(55106.0, 55110.0, 55120.0)))
    points = points_of()
    with pytest.raises(FitRefused, match="2 flux bins"):
        fit_surface(points.take(points.bin_lo < 900))
    with pytest.raises(FitRefused, match=r"span only 0\.00 e-/px"):
        fit_surface(points, background_degree=1)
    nowhere = FitPoints(**{**vars(points), "background": np.full(len(points), np.nan)})
    with pytest.raises(FitRefused, match="30 slopes have no background"):
        fit_surface(nowhere, background_degree=1)
    with pytest.raises(FitRefused, match="different fluxes"):
        fit_epoch([3.0, 3.0, 3.0], [0.1, 0.2, 0.1])


def test_solver_refuses_rank_and_errors():
    x = np.ones((5, 2))
    with pytest.raises(FitRefused, match="span only 1 of the 2 terms"):
        solve(x, np.arange(5.0), np.ones(5))
    with pytest.raises(FitRefused, match="2 points cannot carry 2"):
        solve(x[:2], np.arange(2.0), np.ones(2))
    with pytest.raises(FitRefused, match="positive error"):
        solve(x, np.arange(5.0), np.zeros(5))
    with pytest.raises(UsageError, match="cauchy"):
        solve(x, np.arange(5.0), np.ones(5), "cauchy")


def test_background_as_third_variable():
    mjd = np.repeat([55106.0, 55900.0, 56700.0, 57601.0], 3)
    mjd = mjd + np.tile([0.0, 0.1, 0.2], 4)
    sky = np.tile([0.5, 7.0, 13.0], 4)
    fit = fit_surface(points_of(mjd=tuple(mjd), sky=sky), background_degree=1)
    assert len(fit.terms) == 18
    law = np.array(DEFAULT_LAW).ravel()
    np.testing.assert_allclose(fit.coefficients[:9], law, rtol=1e-5)
    np.testing.assert_allclose(fit.coefficients[9:], -0.5 * law, rtol=1e-5)


def test_epoch_quadratic_with_errors_has_a_covariance():
    f = np.array([2.55, 2.85, 3.15, 3.45, 3.75, 4.15])
    fit = fit_epoch(f, 0.6 - 0.2 * f + 0.02 * f * f, np.full(6, 0.003), 57601.0)
    np.testing.assert_allclose(fit.coefficients, [0.6, -0.2, 0.02], rtol=1e-6)
    assert np.all(np.diag(fit.covariance) > 0)
    assert fit.log_flux_range == (2.55, 4.15)


def test_bins_that_overlap_are_not_counted_twice():
    assert non_overlapping(BINS) == [
        (250, 500), (500, 1000), (1000, 2000), (2000, 4000), (4000, 8000), (8000, 32000),
    ]  # fmt: skip
    assert non_overlapping([(500, 2000), (2000, 8000)]) == [(500, 2000), (2000, 8000)]


def test_epochs_join_near_dates():
    np.testing.assert_allclose(epochs([55100.0, 55110.0, 55135.0, 55300.0]), [55115.0, 55300.0])
    assert epochs([]).size == 0


def table(**changes):
    base = {
        "mjd": [55106.0] * 4, "cte_loss": [0.1, 0.2, np.nan, 0.3], "cte_loss_err": [0.01, 0.01, 0.01, 0.0],
        "mean_flux": [360.0, 700.0, 1400.0, 2800.0], "bin_lo": [250.0, 500.0, 1000.0, 2000.0],
        "bin_hi": [500.0, 1000.0, 2000.0, 4000.0], "n": [100, 9, 100, 100],
    }  # fmt: skip
    return {**base, **changes}


def test_points_leave_out_what_has_no_slope_no_error_or_few_stars():
    points = from_table(table())
    assert points.bin_lo.tolist() == [250.0]
    assert points.visits == ["55106"]
    assert points.log_flux[0] == pytest.approx(np.log10(360.0))
    with pytest.raises(FitRefused, match="none of the 4 slopes"):
        from_table(table(n=[1, 1, 1, 1]))
    with pytest.raises(FitRefused, match="flux bins"):
        from_table(table(), bins=[(8000, 32000)])
    with pytest.raises(UsageError, match="no column 'mjd'"):
        from_table({key: value for key, value in table().items() if key != "mjd"})


def test_mean_logs_are_used_where_the_table_has_them():
    points = from_table(table(mean_log_flux=[2.5] * 4, mean_log_flux_sq=[6.3] * 4))
    assert (points.log_flux[0], points.log_flux_sq[0]) == (2.5, 6.3)


def test_rows_without_mean_logs_take_the_log_of_the_mean():
    rows = table(mean_log_flux=[2.5, None, 2.5, 2.5], mean_log_flux_sq=[6.3, None, 6.3, 6.3], n=[100] * 4)
    points = from_table(rows)
    mean_flux = table()["mean_flux"][1]
    assert points.log_flux.tolist()[:2] == [2.5, pytest.approx(np.log10(mean_flux))]
    assert points.log_flux_sq[1] == pytest.approx(np.log10(mean_flux) ** 2)


def test_fit_to_simulated_pairs_is_near_the_law():
    setup = Injection(stars=3000)
    rng = np.random.default_rng(2)
    with MemoryLake(load_settings(environment={}).config, views=("cte_vs_flux",)) as lake:
        lake.fill(*lake_tables([simulate_pair(setup, mjd, rng) for mjd in setup.mjd], setup))
        points = from_table(slopes_of(lake, FitRequest()))
    fit = fit_surface(points)
    truth = fit.design(points) @ _centred_truth(fit)
    assert np.abs(fit.predict(points) - truth).max() < 0.03


def _centred_truth(fit):
    from cte_lake.model.terms import recentre

    return recentre(fit.terms, fit.centring, np.array(DEFAULT_LAW).ravel(), np.zeros((9, 9)))[0]


@pytest.mark.parametrize("free", [(1, 1), (2, 5), (16, 3), (150, 900)])
def test_the_chance_of_a_ratio_of_variances_is_scipys(free):
    for ratio in (0.0, 1e-3, 0.9, 1.0, 1.3, 7.0, 1e3, 1e300):
        assert chance_of_ratio(*free, ratio) == pytest.approx(fdtrc(*free, ratio), abs=1e-12)
