"""Each chip's losses from star lists whose losses are known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.chip_trial import Observed, Trial, observe, true_loss
from cte_lake.errors import FitRefused
from cte_lake.model.chips.conditions import NO_LOSS_OF_ALL, NO_LOSS_OF_EACH, ROLLED, UNFIXED
from cte_lake.model.chips.losses import ChipLosses
from cte_lake.model.chips.rows import Exposures, Setting, StarRows
from cte_lake.model.chips.solve import Method, here, solve

BINS = ((250.0, 500.0), (500.0, 1000.0), (1000.0, 2000.0), (2000.0, 4000.0), (4000.0, 8000.0))
#: A monitor that takes a tenth of a second.
SMALL = Trial(stars=900, dates=tuple(55110.0 + 700.0 * k for k in range(8)))


def parts(rows, size):
    return [rows.part(start, start + size) for start in range(0, len(rows), size)]


def losses_of(observed: Observed, method: Method | None = None, size: int = 10_000) -> ChipLosses:
    groups = parts(observed.rows, size)
    levels = [group.mean_log(observed.exposures.zero) for group in groups]
    found = solve(levels, observed.exposures, here(groups, observed.exposures), method)
    return ChipLosses(observed.exposures, found)


def truth_of(trial: Trial, losses: ChipLosses):
    """True losses, a flux bin after the other."""
    fluxes = losses.solution.terms.pivot / np.log(10)
    return true_loss(trial, losses.exposures, fluxes).T.ravel()


def pulls(trial: Trial, losses: ChipLosses):
    error = np.sqrt(np.diag(losses.solution.covariance))
    return ((losses.loss - truth_of(trial, losses)) / error)[losses.is_determined]


@pytest.fixture(scope="module")
def fixed():
    return observe(SMALL, np.random.default_rng(3), BINS)


@pytest.fixture(scope="module")
def fixed_losses(fixed):
    return losses_of(fixed)


def clean(trial, seed=0):
    """A monitor whose fluxes are the model's own, of one loss a chip and epoch."""
    observed = observe(trial, np.random.default_rng(seed), BINS)
    rng = np.random.default_rng(seed + 1)
    exposures = observed.exposures
    flux = np.exp(rng.uniform(np.log(260), np.log(7900), len(observed.rows)))
    loss = np.array([0.02 * one.epoch * (1.1 if one.chip == 2 else 0.9) for one in exposures.settings])
    shift = rng.normal(0, 0.01, len(exposures))
    measured = flux[:, None] * np.exp(shift - loss[exposures.setting_of] * observed.rows.distance)
    seen = np.isfinite(observed.rows.flux)
    rows = replace(observed.rows, flux=np.where(seen, measured, np.nan).astype(np.float32))
    return replace(observed, rows=rows), np.tile(loss, len(BINS))


@pytest.mark.parametrize("rolls", ["fixed", "varied", "opposed", "turned"])
@pytest.mark.parametrize("per_bin", [False, True])
def test_fluxes_without_noise_give_the_losses_back(rolls, per_bin):
    observed, true = clean(replace(SMALL, rolls=rolls, jitter=0.0))
    losses = losses_of(observed, Method(zero_per_bin=per_bin))
    assert losses.is_determined.all()
    assert losses.loss == pytest.approx(true, abs=2e-4)


def test_the_tilt_is_open_where_every_star_keeps_its_row(fixed_losses):
    determined = fixed_losses.solution.determined
    assert [tilt.open for tilt in determined.tilts] == [True]
    assert determined.others.shape[1] == 0
    assert fixed_losses.solution.fixed_by == (NO_LOSS_OF_EACH,)
    assert "every star keeps its row" in fixed_losses.sentences()[0]
    assert "no loss at launch" in fixed_losses.sentences()[0]


def test_half_a_turn_from_epoch_to_epoch_leaves_a_tilt_of_changing_sign_open():
    trial = replace(SMALL, rolls="opposed")
    observed = observe(trial, np.random.default_rng(4), BINS)
    losses = losses_of(observed)
    assert [tilt.open for tilt in losses.solution.determined.tilts] == [True]
    assert losses.solution.fixed_by == (NO_LOSS_OF_EACH,)
    assert np.sqrt(np.mean(pulls(trial, losses) ** 2)) < 1.4


def test_the_mean_of_both_chips_tries_the_condition(fixed_losses):
    values = np.array(fixed_losses.at_launch())
    assert values.shape == (len(BINS), 2)
    assert np.all(np.abs(values[:, 0]) < 4 * values[:, 1] + 0.005)
    assert "continued to launch" in fixed_losses.sentences()[1]


@pytest.mark.parametrize("rolls", ["varied", "turned"])
def test_rolls_determine_the_tilt(rolls):
    trial = replace(SMALL, rolls=rolls)
    observed = observe(trial, np.random.default_rng(4), BINS)
    losses = losses_of(observed)
    assert not losses.solution.determined.open_tilts
    assert losses.solution.fixed_by == ()
    assert "determine each chip alone" in losses.sentences()[0]
    assert abs(pulls(trial, losses).mean()) < 0.6


def test_errors_are_those_of_the_truth(fixed_losses):
    found = pulls(SMALL, fixed_losses)
    assert found.size == 80
    assert 0.75 < np.sqrt(np.mean(found**2)) < 1.3


def test_a_pull_of_the_mean_of_both_chips_is_as_small(fixed_losses):
    rows = fixed_losses.of_both_chips()
    assert {row["bin_lo"] for row in rows} == {low for low, _ in BINS}
    each = {(r["chip"], r["epoch"], r["flash"], r["bin_lo"]): r["loss"] for r in fixed_losses.rows()}
    for row in rows:
        key = row["epoch"], row["flash"], row["bin_lo"]
        assert row["loss"] == pytest.approx((each[(1, *key)] + each[(2, *key)]) / 2)
        assert row["difference"] == pytest.approx(each[(2, *key)] - each[(1, *key)])


def test_covariance_is_in_the_order_of_the_rows(fixed_losses):
    rows = fixed_losses.rows()
    assert [row["chip"] for row in rows] == sorted((row["chip"] for row in rows), reverse=True)
    assert np.sqrt(np.diag(fixed_losses.covariance)) == pytest.approx([row["loss_err"] for row in rows])
    assert np.all(np.linalg.eigvalsh(fixed_losses.covariance) > -1e-12)


def test_groups_of_stars_are_added_to_the_same_numbers(fixed, fixed_losses):
    again = losses_of(fixed, size=100)
    assert again.loss == pytest.approx(fixed_losses.loss, abs=1e-9)
    assert again.covariance == pytest.approx(fixed_losses.covariance, rel=1e-6, abs=1e-15)


def test_a_flux_bin_without_stars_has_no_losses_and_changes_none(fixed, fixed_losses):
    wider = replace(fixed.exposures, bins=(*BINS, (1e7, 2e7)))
    losses = losses_of(replace(fixed, exposures=wider))
    assert {row["bin_lo"] for row in losses.rows()} == {low for low, _ in BINS}
    known = fixed_losses.loss.size
    assert losses.loss[:known] == pytest.approx(fixed_losses.loss, abs=3e-3)


def test_a_launch_condition_wants_several_epochs():
    trial = replace(SMALL, dates=(57000.0,), alone=0.0, repeats=3)
    observed = observe(trial, np.random.default_rng(1), BINS)
    # One zero point for all bins: bright stars, which lose little, stand for no loss.
    assert losses_of(observed).solution.fixed_by == (NO_LOSS_OF_ALL,)
    alone = losses_of(observed, Method(zero_per_bin=True))
    assert set(alone.solution.fixed_by) == {UNFIXED}
    assert not alone.is_determined.any()
    assert all(row["loss"] is None for row in alone.rows())
    assert all(row["difference"] is None for row in alone.of_both_chips())
    true = truth_of(trial, alone).reshape(len(BINS), 2).mean(axis=1)
    means = np.array([row["loss"] for row in alone.of_both_chips()])
    errors = np.array([row["loss_err"] for row in alone.of_both_chips()])
    assert np.all(np.abs(means - true) < 4 * errors)


def test_a_rolled_set_fixes_the_tilt(fixed):
    turned = replace(SMALL, rolls="turned", dates=(57900.0,), repeats=4, stars=2000)
    alone = losses_of(observe(turned, np.random.default_rng(8), BINS))
    losses = losses_of(fixed, Method(rolled=alone.rolled(BINS)))
    assert losses.solution.fixed_by == (ROLLED,)
    found = np.array([row["difference"] for row in losses.of_both_chips()])
    error = np.array([row["difference_err"] for row in losses.of_both_chips()])
    g = len(losses.exposures.settings)
    true = truth_of(SMALL, losses).reshape(-1, g)
    two = [one.chip == 2 for one in losses.exposures.settings]
    wanted = (true[:, two] - true[:, np.logical_not(two)]).ravel()
    order = np.argsort([(row["bin_lo"], row["epoch"]) for row in losses.of_both_chips()], axis=0)[:, 0]
    assert np.all(np.abs(found - wanted)[order] < 5 * error[order])


def test_stars_that_no_exposure_shares_are_solved_apart(fixed):
    # Two sets of stars, each with exposures of its own: each has a tilt, and both chips at all dates.
    size = len(fixed.rows)
    other = np.array([one.epoch % 2 == 0 for one in fixed.exposures.settings])[fixed.exposures.setting_of]
    flux = fixed.rows.flux.copy()
    flux[: size // 2, other] = np.nan
    flux[size // 2 :, ~other] = np.nan
    losses = losses_of(replace(fixed, rows=replace(fixed.rows, flux=flux)))
    assert len(losses.solution.determined.open_tilts) == 2
    assert losses.is_determined.all()
    assert np.sqrt(np.mean(pulls(SMALL, losses) ** 2)) < 1.4


def test_an_epoch_of_stars_of_its_own_is_named_and_left_out():
    # The stars of one epoch's chip 2 are in no other exposure: a slope along the row is theirs or the loss's.
    observed = observe(replace(SMALL, rolls="varied", alone=0.0), np.random.default_rng(5), BINS)
    lonely = next(k for k, one in enumerate(observed.exposures.settings) if one == Setting(2, 8, 0))
    columns = observed.exposures.setting_of == lonely
    flux = observed.rows.flux.copy()
    flux[:300, ~columns] = np.nan
    flux[300:, columns] = np.nan
    losses = losses_of(replace(observed, rows=replace(observed.rows, flux=flux)))
    untold = [row for row in losses.rows() if row["loss"] is None]
    assert {(row["chip"], row["epoch"]) for row in untold} == {(2, 8)}
    assert len([row for row in losses.rows() if row["loss"] is not None]) >= 70


def test_exposures_without_a_partner_count(fixed):
    # Chip 1 of the last epoch is missing: no pair, and chip 2 is told all the same.
    missing = np.array([one == Setting(1, 8, 0) for one in fixed.exposures.settings])
    flux = fixed.rows.flux.copy()
    flux[:, missing[fixed.exposures.setting_of]] = np.nan
    losses = losses_of(replace(fixed, rows=replace(fixed.rows, flux=flux)))
    last = [row for row in losses.rows() if row["epoch"] == 8]
    assert {row["chip"] for row in last} == {2}
    assert all(row["loss"] is not None for row in last)
    assert not any(row["epoch"] == 8 for row in losses.of_both_chips())


def test_what_is_left_out_is_said(fixed_losses):
    said = fixed_losses.sentences()[-1]
    assert said.startswith("Robust weights take ")
    assert fixed_losses.solution.noisy >= 3
    assert f"{fixed_losses.solution.outside} stars lie in no flux bin" in said


def test_variable_stars_and_wrong_fluxes_pull_little(fixed):
    flux = fixed.rows.flux.copy()
    rng = np.random.default_rng(1)
    wrong = rng.uniform(size=flux.shape) < 0.03
    flux[wrong] *= 4.0
    losses = losses_of(replace(fixed, rows=replace(fixed.rows, flux=flux)))
    bright = np.repeat([low >= 1000 for low, _ in BINS], len(fixed.exposures.settings))
    true = truth_of(SMALL, losses)
    assert np.mean((losses.loss - true)[bright]) == pytest.approx(0, abs=0.01)


def test_the_term_of_a_surface_is_the_chips_distance_from_their_mean(fixed_losses):
    from cte_lake.model.with_surface import chip_term

    means = np.array([row["loss"] for row in fixed_losses.of_both_chips()])
    found = chip_term(fixed_losses, lambda mjd, flux, sky: means)
    assert found.known
    assert found.error < 0.01
    assert found.value == pytest.approx(-0.05, abs=4 * found.error)


def test_no_star_in_any_bin_is_refused(fixed):
    exposures = replace(fixed.exposures, bins=((1e6, 2e6),))
    with pytest.raises(FitRefused, match="no star in the flux bins"):
        losses_of(replace(fixed, exposures=exposures))


def test_settings_sort_exposures():
    settings = [Setting(2, 1, 0), Setting(1, 1, 0), Setting(2, 1, 0)]
    exposures, order = Exposures.sorted_by_setting(
        ["c", "b", "a"], settings, np.array([30.0, 60.0, 60.0]), np.array([3.0, 2.0, 3.0]), np.ones(3), BINS
    )
    assert exposures.names == ("b", "a", "c")
    assert order.tolist() == [1, 2, 0]
    assert exposures.first_of_setting.tolist() == [0, 1]
    assert exposures.zero == pytest.approx([0.0, 0.0, np.log(0.5)])


def test_a_mean_flux_is_of_all_light():
    rows = StarRows(
        np.array([[100.0, np.nan, 300.0], [-5.0, 1.0, np.nan], [np.nan] * 3], dtype=np.float32),
        np.ones((3, 3), np.float32),
        np.ones((3, 3), np.float32),
    )
    level = rows.mean_log(np.zeros(3))
    assert level[0] == pytest.approx(np.log(200.0))
    assert np.isnan(level[1:]).all()
