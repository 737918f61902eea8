"""Photometry without pixels: the law comes back from it, with the noise that its errors state."""

import numpy as np
import pyarrow.dataset as pads
import pytest

from benchmarks.simulated_photometry import (
    draw_stars,
    fill_lake,
    simulate_pair_photometry,
    simulate_photometry,
    simulate_program_photometry,
)
from cte_lake.lake.create import create_lake
from cte_lake.lake.stored import stored
from cte_lake.simulate import NO_LOSS, TARGETS, Settings, nominal_program, nominal_visit, program_180
from cte_lake.simulate.law import slope_loss

STARS = draw_stars(TARGETS["ngc104"], 20000, seed=1)
FIRST, SECOND = nominal_visit(TARGETS["ngc104"], 57601.3).exposures


def test_the_loss_of_a_nominal_pair_comes_back():
    one, two = simulate_pair_photometry(FIRST, SECOND, STARS, filetypes=("flt",))
    bright = (one.true_flux > 4000) & (one.true_flux < 8000)
    ratio = two.columns["flux_r03"][bright] / one.columns["flux_r03"][bright]
    assert slope_loss(ratio, one.columns["y"][bright]) == pytest.approx(
        float(one.true_loss[bright].mean()), rel=0.03
    )


def test_the_flc_keeps_part_of_the_loss():
    flt, _, flc, _ = simulate_pair_photometry(FIRST, SECOND, STARS)
    assert (flt.record["filetype"], flc.record["filetype"]) == ("flt", "flc")
    far = STARS.y > 1800
    lost = [
        1.0 - image.columns["flux_r05"][far].sum() / (image.true_flux[far].sum() * 1.0535)
        for image in (flt, flc)
    ]
    assert lost[1] / lost[0] == pytest.approx(0.35, abs=0.05)


@pytest.mark.parametrize(("chip", "sign"), [(2, 1.0), (1, -1.0)])
def test_half_a_turn_reverses_the_rows_on_the_same_chip(chip, sign):
    visits = program_180().visits
    plans = [visit.exposures[0 if chip == 2 else 1] for visit in visits]
    one, two = simulate_pair_photometry(*plans, STARS, chip=chip, filetypes=("flt",))
    np.testing.assert_allclose(one.columns["y"] + two.columns["y"], 2050.0)
    bright = (one.true_flux > 4000) & (one.true_flux < 8000)
    ratio = two.columns["flux_r03"][bright] / one.columns["flux_r03"][bright]
    loss = sign * slope_loss(ratio, one.columns["y"][bright])
    assert loss == pytest.approx(float(one.true_loss[bright].mean()), rel=0.08)


def test_errors_state_the_scatter():
    image = simulate_photometry(FIRST, STARS, Settings(law=NO_LOSS), chip=2)
    difference = image.columns["flux_r03"] - image.true_flux
    sky = image.columns["area_r03"] * image.columns["sky_err"]
    pull = difference / np.hypot(image.columns["flux_err_r03"], sky)
    assert np.mean(pull) == pytest.approx(0.0, abs=0.03)
    assert np.std(pull) == pytest.approx(1.0, abs=0.03)


def test_wider_apertures_hold_the_noise_of_narrower_ones():
    image = simulate_photometry(FIRST, STARS, Settings(law=NO_LOSS), chip=2)
    faint = image.true_flux < 500
    noise = []
    for name in ("flux_r03", "flux_r05"):
        relative = image.columns[name] / image.true_flux
        noise.append(((relative - np.median(relative)) * image.true_flux)[faint])
    assert 0.3 < np.corrcoef(*noise)[0, 1] < 0.9


def test_same_seed_same_rows():
    images = [simulate_photometry(FIRST, STARS, Settings(seed=s), chip=2) for s in (1, 1, 2)]
    np.testing.assert_array_equal(images[0].columns["flux_r03"], images[1].columns["flux_r03"])
    assert not np.array_equal(images[0].columns["flux_r03"], images[2].columns["flux_r03"])
    assert images[0].record["phot_key"] == images[1].record["phot_key"] != images[2].record["phot_key"]


def test_scatter_adds_to_the_noise():
    image = simulate_photometry(FIRST, STARS, Settings(law=NO_LOSS), chip=2, scatter=0.05)
    bright = image.true_flux > 20000
    assert np.std(image.columns["flux_r10"][bright] / image.true_flux[bright]) == pytest.approx(
        0.055, abs=0.006
    )


def test_a_lake_is_filled_as_an_ingest_fills_it(tmp_path):
    create_lake(stored(tmp_path))
    stars = draw_stars(TARGETS["ngc104"], 50)
    program = nominal_program(TARGETS["ngc104"], (56000.0, 57601.3), flashes=(0, 12))
    images = simulate_program_photometry(program, stars)
    assert fill_lake(stored(tmp_path), iter(images), stars) == 16
    exposures = pads.dataset(tmp_path / "exposures", partitioning="hive").to_table().to_pylist()
    phot = pads.dataset(tmp_path / "phot", partitioning="hive").to_table(columns=["imagename", "phot_key"])
    assert len(exposures) == 16
    assert {row["chip"] for row in exposures} == {1, 2}
    assert {row["phot_key"] for row in exposures} == set(phot["phot_key"].to_pylist())
    assert phot.num_rows == 16 * 50
    assert len(list((tmp_path / "master" / "target=ngc104").glob("*.parquet"))) == 1
