"""`losses`, the view to begin with: one estimator, no star twice, percent and magnitudes."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from cte_lake import open_lake
from cte_lake.config import load_settings
from cte_lake.lake.create import create_lake
from cte_lake.lake.stored import stored
from cte_lake.model.loss_unit import MAGNITUDES
from tests.sql.writing import add_exposure

LOSS = 0.08


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    """A pair whose stars lose 8% per 2048 rows in both exposures."""
    root = tmp_path_factory.mktemp("losses") / "lake"
    create_lake(stored(root))
    rng = np.random.default_rng(5)
    y, flux = rng.uniform(0, 2050, 1200), 10 ** rng.uniform(2.45, 4.4, 1200)
    for name, chip, rows in (("ic7802aaq", 2, y), ("ic7802abq", 1, 2050 - y)):
        stars = {"master_id": np.arange(1200), "y": y, "flux_r03": flux * np.exp(-LOSS * rows / 2048)}
        add_exposure(root, name, stars | {"sky": np.full(1200, 3.5)}, chip=chip, mjd=57601.3 + chip / 100)
    return root


def test_every_row_is_one_measurement(lake):
    with open_lake(lake) as opened:
        rows = opened.losses().rows()
        every = {(row["estimator"], row["bin_lo"], row["bin_hi"]): row for row in opened.cte().rows()}
    bins = sorted((row["bin_lo"], row["bin_hi"]) for row in rows)
    assert len(bins) == 6
    assert all(high <= low for (_, high), (low, _) in itertools.pairwise(bins))
    estimator = load_settings(lake).config.measure.estimator
    assert {row["estimator"] for row in rows} == {estimator}
    for row in rows:
        same = every[estimator, row["bin_lo"], row["bin_hi"]]
        assert row["loss"] == same["cte_loss"] == pytest.approx(LOSS, rel=0.05)
        assert row["loss_err"] == same["cte_loss_err"]
        assert row["loss_percent"] == pytest.approx(100 * row["loss"], rel=1e-15)
        assert row["loss_mag"] == pytest.approx(same["cte_dmag"] * 2051 / 2048, rel=1e-12)
        assert (row["loss_mag"], row["loss_mag_err"]) == (same["loss_mag"], same["loss_mag_err"])
        assert row["background"] == pytest.approx(3.5)
        assert (row["pair_id"], row["image_2"]) == (same["pair_id"], "ic7802aaq_flt.fits")


def test_the_estimator_is_the_configured_one_and_the_radius_a_parameter(lake):
    settings = load_settings(
        lake, {"measure.estimator": "both_in_bin", "measure.flux_bins": [[500, 1000], [500, 4000]]}
    )
    with open_lake(lake, settings=settings) as opened:
        rows = opened.losses().rows()
        assert [(row["estimator"], row["bin_lo"], row["bin_hi"]) for row in rows] == [
            ("both_in_bin", 500.0, 1000.0)
        ]
        assert opened.losses(aperture=5).rows() == []


def test_magnitudes_are_those_of_python(lake):
    losses = np.array([-0.2, 0.0, 0.03, 0.4, 0.999, 1.0, 1.7])
    with open_lake(lake) as opened:
        query = "SELECT loss_mag(l) AS mag FROM (SELECT unnest($losses) AS l)"
        rows = opened.sql(query, losses=losses.tolist()).rows()
    np.testing.assert_allclose([row["mag"] for row in rows], MAGNITUDES.of(losses, losses)[0], rtol=1e-13)


def test_estimators_agree_in_magnitudes(lake):
    with open_lake(lake) as opened:
        rows = opened.cte().rows()
    magnitudes = {
        name: np.array([row["loss_mag"] for row in rows if row["estimator"] == name])
        for name in ("mean_flux", "log_ratio")
    }
    # They differ by a tenth of the loss squared, and by their clips.
    np.testing.assert_allclose(magnitudes["mean_flux"], magnitudes["log_ratio"], rtol=0.03)
    assert magnitudes["log_ratio"].mean() == pytest.approx(2.5 / np.log(10) * LOSS * 2051 / 2048, rel=0.03)


def test_a_star_far_on_one_chip_keeps_less_than_near_on_the_other(lake):
    with open_lake(lake) as opened:
        rows = opened.sql("SELECT distance, kept_flux, background FROM flux_background").arrow()
    distance, kept = rows["distance"].to_numpy(), rows["kept_flux"].to_numpy()
    assert 1750 < distance.min() < 1760
    assert set(rows["background"].to_pylist()) == {3.5}
    assert np.log(kept) == pytest.approx(-LOSS * (2 * distance - 2050) / 2048, abs=1e-9)
