"""Closure through lakes in memory: what the views make of them, and what a run says."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from cte_lake import open_lake
from cte_lake.config import load_settings
from cte_lake.correction.closure import lake_tables, run_closure
from cte_lake.correction.fit_lake import fit_lake, fit_rows, slopes_of
from cte_lake.correction.followed import FitRequest
from cte_lake.correction.memory_lake import MemoryLake
from cte_lake.errors import FitRefused, UsageError
from cte_lake.lake.commit import write_exposure
from cte_lake.lake.create import create_lake
from cte_lake.lake.paths import Partition, phot_file
from cte_lake.lake.selection import Selection
from cte_lake.lake.stored import stored
from cte_lake.lake.write import conform, write_table
from cte_lake.model.closure import ClosureOptions, summarise
from cte_lake.model.estimators import bin_slopes
from cte_lake.model.injection import Injection, simulate_pair

SETTINGS = load_settings(environment={})


def drawn(setup: Injection, seed: int = 7) -> list:
    rng = np.random.default_rng(seed)
    return [simulate_pair(setup, mjd, rng) for mjd in setup.mjd]


@pytest.mark.slow
def test_a_small_closure_is_within_the_limits():
    result = run_closure(6, seed=11)
    report = summarise(result)
    assert report.failures == []
    assert report.realisations == 6
    assert result.slope_pull.shape == (6, 20, 6)
    faint = next(row for row in report.fluxes if row["bin_lo"] == 250.0 and row["dates"] == "late")
    assert faint["measured_bias"] < -0.09
    assert abs(faint["corrected_bias"]) < 0.003


@pytest.mark.slow
def test_the_2017_estimator_does_not_close():
    report = summarise(run_closure(2, seed=11, options=ClosureOptions("both_in_bin")))
    assert any("250-500" in failure for failure in report.failures)
    assert report.slopes[0]["bias"] < -5 * report.slopes[0]["bias_err"]


@pytest.mark.slow
@pytest.mark.parametrize("form", ["initial", "linear"])
def test_physics_that_the_correction_does_not_assume(form):
    result = run_closure(3, Injection(form=form), seed=2)
    assert np.abs(result.flux_bias.mean(axis=0)).max() < 0.007


@pytest.mark.slow
def test_realisations_repeat():
    setup = Injection(stars=800)
    one, two = run_closure(3, setup, seed=5), run_closure(2, setup, seed=5)
    np.testing.assert_array_equal(one.pulls[:2], two.pulls)


@pytest.mark.slow
def test_a_lake_in_memory_is_measured_as_one_of_files(tmp_path):
    setup = Injection(stars=600, mjd=(55106.0, 56000.0, 57000.0))
    exposures, phot = lake_tables(drawn(setup), setup)
    root = tmp_path / "lake"
    create_lake(stored(root))
    for row in exposures.to_pylist():
        partition = Partition(row["target"], row["proposal"], row["flash"], row["filetype"])
        own = phot.filter([name == row["imagename"] for name in phot["imagename"].to_pylist()])
        path = root / phot_file(partition, row["rootname"], row["phot_key"])
        write_table(path, conform(own.drop_columns(list(partition.__dataclass_fields__)), "phot"))
        write_exposure(stored(root), partition, row)
    query = "SELECT * FROM cte ORDER BY pair_id, bin_lo, bin_hi, estimator"
    with open_lake(root, threads=1) as files, MemoryLake(SETTINGS.config, threads=1) as memory:
        memory.fill(exposures, phot)
        of_files, of_memory = (lake.sql(query).arrow() for lake in (files, memory))
        assert of_files.num_rows == 3 * 8 * 3
        assert of_memory == of_files
        request = FitRequest(time_degree=1)
        fits = [fit_lake(lake, request, "same").coefficients for lake in (files, memory)]
        assert fits[0].coefficients.tolist() == fits[1].coefficients.tolist()
        memory.fill(exposures.slice(0, 0), phot.slice(0, 0))
        assert len(memory.cte()) == 0


@pytest.mark.slow
def test_filters_that_are_named_are_fitted_together():
    rng = np.random.default_rng(3)
    dates = (55106.0, 55900.0, 56700.0, 57500.0)
    less, more = (
        Injection(stars=1500, mjd=dates, law=tuple(tuple(k * c for c in row) for row in Injection().law))
        for k in (0.9, 1.1)
    )
    pairs = [simulate_pair(setup, mjd, rng) for setup in (less, more) for mjd in dates]
    exposures, phot = lake_tables(pairs, less)
    rows = exposures.to_pylist()
    for row in rows[len(rows) // 2 :]:
        row["filter"] = "F606W"
    request = FitRequest(Selection(filter=("F502N", "F606W")), time_degree=1)
    with MemoryLake(SETTINGS.config, views=("cte",), threads=1) as lake:
        lake.fill(pa.Table.from_pylist(rows), phot)
        with pytest.raises(UsageError, match="the slopes are of filter F502N, F606W"):
            slopes_of(lake, FitRequest(time_degree=1))
        found = fit_rows(slopes_of(lake, request), request, "same").coefficients
    assert found.name.startswith("ngc104_F502N+F606W_l_")
    assert found.selection["filter"] == "F502N,F606W"
    near, far = (found.of_kind(name).loss(56500.0, 700.0) for name in ("F502N", "F606W"))
    assert far / near == pytest.approx(1.1 / 0.9, abs=0.1)
    assert found.of_kind("F606W").selection["filter"] == "F606W"
    with pytest.raises(UsageError, match="it has F502N, F606W"):
        found.of_kind("F814W")


@pytest.mark.parametrize("estimator", ["both_in_bin", "mean_flux", "log_ratio"])
def test_the_views_measure_what_the_arrays_do(estimator):
    setup = Injection(stars=2500, mjd=(55106.0, 57601.0))
    pairs = drawn(setup)
    with MemoryLake(SETTINGS.config, views=("cte",), threads=1) as lake:
        lake.fill(*lake_tables(pairs, setup))
        rows = lake.cte(estimator=estimator).rows()
    assert len(rows) == 16
    for number, pair in enumerate(pairs):
        own = [row for row in rows if row["visit"] == f"{number:02d}"]
        bins = [(row["bin_lo"], row["bin_hi"]) for row in own]
        place = 0.5 * (pair.y_1 + pair.y_2) if estimator == "log_ratio" else pair.y_2
        expected = bin_slopes(place, pair.flux_1, pair.flux_2, bins, estimator)
        for index, row in enumerate(own):
            assert row["n"] == expected.n[index] > 3
            for name in ("slope", "slope_err", "intercept", "mean_flux"):
                assert row[name] == pytest.approx(getattr(expected, name)[index], rel=1e-9), name


@pytest.mark.slow
def test_what_cannot_be_run_is_refused():
    with pytest.raises(UsageError, match="2 or more"):
        run_closure(1)
    with pytest.raises(FitRefused, match="2 of 2 realisations could not be fitted: 1 epoch cannot"):
        run_closure(2, Injection(mjd=(55106.0, 55107.0), stars=500))


@pytest.mark.slow
def test_closure_with_flash_background():
    report = summarise(run_closure(6, Injection(background=12.0), ClosureOptions(), seed=3))
    assert report.failures == []
