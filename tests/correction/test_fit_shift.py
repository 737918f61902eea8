"""From a lake's centroids to rows that are put back: photometry whose trails have a known length."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.simulated_photometry import draw_stars, fill_lake, simulate_program_photometry
from cte_lake import open_lake
from cte_lake.config import load_settings
from cte_lake.correction.fit_lake import fit_lake, shift_of
from cte_lake.correction.followed import FitRequest
from cte_lake.errors import FitRefused
from cte_lake.lake.create import create_lake
from cte_lake.lake.selection import Selection
from cte_lake.lake.stored import stored
from cte_lake.model.coefficient_text import from_toml, to_toml
from cte_lake.simulate import TARGETS, Detector, Settings, nominal_program
from cte_lake.simulate.exposure import background_level
from cte_lake.simulate.trail import trail_shift

DATES = tuple(np.linspace(55600, 60400, 5).round(1))
SETTINGS = Settings(seed=5, detector=Detector(trails=True, trail_length=2.0))
FLT = FitRequest(Selection(target=("ngc104",), filetype=("flt",)), shift=True)


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    root = tmp_path_factory.mktemp("shift") / "lake"
    create_lake(stored(root))
    program = nominal_program(TARGETS["ngc104"], DATES)
    stars = draw_stars(TARGETS["ngc104"], 4000, seed=5)
    fill_lake(
        stored(root), simulate_program_photometry(program, stars, SETTINGS, filetypes=("flt",), radii=(3,))
    )
    with open_lake(root) as opened:
        yield opened


def true_displacement(mjd, flux):
    """What the simulated trail does to a star of a measured flux, px per 2048 rows."""
    (plan, _) = nominal_program(TARGETS["ngc104"], (mjd,)).exposures
    background = background_level(plan, SETTINGS.detector)
    distance = np.linspace(20, 2030, 100)
    before = flux
    for _ in range(10):
        lost = 1 - SETTINGS.law.survival(SETTINGS.law.loss(mjd, before, background), distance)
        before = flux / (1 - lost.mean())
    moved = trail_shift(lost, SETTINGS.detector.trail_length, "F502N")
    return float((moved + moved[::-1]).mean() / 2050 * 2048)


def test_the_law_is_that_of_the_trails(lake):
    law = shift_of(lake, FLT)
    for mjd in DATES[1:]:
        for flux in (350.0, 700.0, 1400.0, 2800.0):
            value, error = law.displacement(mjd, flux)
            assert value == pytest.approx(true_displacement(mjd, flux), abs=3.5 * float(error) + 0.006)
    assert law.displacement(DATES[-1], 350.0)[0] > 20 * law.displacement(DATES[-1], 350.0)[1]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::cte_lake.errors.CorrectionWarning")
def test_rows_are_put_back(lake):
    settings = load_settings(lake.stored)
    outcome = fit_lake(lake, FLT, settings.hash())
    kept = from_toml(to_toml(outcome.coefficients))
    stars = lake.sql(
        "SELECT p.flux_r03 AS flux, p.y + p.dy AS y, p.y AS before, p.sky, e.chip, e.mjd FROM phot AS p "
        "INNER JOIN exposures AS e ON e.imagename = p.imagename WHERE p.flux_r03 BETWEEN 500 AND 8000"
    ).arrow()
    result = lake.correct(stars, kept, radius=3, filetype="flt").to_pandas()
    away = np.where(result["chip"] == 2, 1.0, -1.0)
    far = np.where(result["chip"] == 2, result["before"], 2050 - result["before"]) > 1000
    late = result["mjd"] > DATES[-1] - 10
    chosen = far & late
    raw = (away * (result["y"] - result["before"]))[chosen]
    left = (away * (result["y_corrected"] - result["before"]))[chosen]
    error = raw.std() / np.sqrt(len(raw))
    assert raw.mean() > 10 * error
    assert abs(left.mean()) < 3 * error + 0.1 * raw.mean()
    assert (result["y_corrected_err"][chosen] > 0).all()
    assert (result["y_flag"][chosen] & 0b11 == 0).all()


def test_without_centroids_there_is_no_shift(tmp_path):
    create_lake(stored(tmp_path / "lake"))
    program = nominal_program(TARGETS["ngc104"], DATES[:1])
    stars = draw_stars(TARGETS["ngc104"], 300, seed=5)
    images = simulate_program_photometry(program, stars, Settings(), filetypes=("flt",), radii=(3,))
    fill_lake(stored(tmp_path / "lake"), images)
    with open_lake(tmp_path / "lake") as opened, pytest.raises(FitRefused, match="no pair of the selection"):
        shift_of(opened, FLT)
