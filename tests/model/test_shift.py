"""The law of the shift: its fit, its text, and rows that are put back."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from cte_lake.errors import CatalogError, FitRefused
from cte_lake.model.coefficient_text import from_toml, to_json, to_toml
from cte_lake.model.coefficients import CoefficientSet, Validity
from cte_lake.model.correct_table import correct_table
from cte_lake.model.flags import decode
from cte_lake.model.shift import ShiftLaw, correct_row, fit_shift
from cte_lake.model.table_constants import TableConstants
from cte_lake.model.terms import tensor_terms

BINS = ((250.0, 350.0), (500.0, 700.0), (1000.0, 1400.0), (2000.0, 2800.0), (4000.0, 5600.0))


def true_shift(mjd, flux, background=0.0):
    return 0.12 * (mjd - 55000) / 2500 * np.sqrt(1000 / flux) * (1 - 0.4 * np.log10(1 + background))


def rows(dates, flashes=(0,), error=0.004, seed=1, outliers=0):
    rng = np.random.default_rng(seed)
    found = []
    for mjd in dates:
        for flash in flashes:
            for low, flux in BINS:
                value = true_shift(mjd, flux, flash + 2.0) - true_shift(mjd, 15000.0, flash + 2.0)
                found.append(
                    {
                        "against": "bright", "mjd": mjd, "flash": flash, "mean_flux": flux,
                        "bright_flux": 15000.0,
                        "readout_background": flash + 2.0, "bin_lo": low,
                        "displacement": value + rng.normal(0, error), "displacement_err": error,
                    }
                )  # fmt: skip
    for k in range(outliers):
        found[7 * k + 3]["displacement"] += 1.0
    return pa.Table.from_pylist(found)


def pulls(law, dates, flashes=(0,)):
    found = []
    for mjd in dates:
        for flash in flashes:
            for _, flux in BINS:
                value, error = law.displacement(mjd, flux, flash + 2.0)
                found.append((value - true_shift(mjd, flux, flash + 2.0)) / error)
    return np.array(found)


@pytest.mark.parametrize("flashes", [(0,), (0, 12, 33)])
def test_the_fit_finds_the_law_in_time_flux_and_background(flashes):
    dates = np.linspace(55500, 60500, 12)
    law = fit_shift(rows(dates, flashes))
    assert law.has_background is (len(flashes) > 1)
    assert {i for i, _, _ in law.terms} == {0, 1}
    found = pulls(law, dates, flashes)
    assert np.abs(found).max() < 3.5
    assert (law.flux, law.mjd) == ((250.0, 15000.0), (55500.0, 60500.0))
    assert law.displacement(57000.0, 300.0, 2.0)[1] < 0.002


def test_one_epoch_has_no_growth_and_wild_rows_do_not_carry_it_away():
    law = fit_shift(rows([57600.0, 57601.0, 57602.0, 57603.0], outliers=2))
    assert {i for i, _, _ in law.terms} == {0}
    assert np.abs(pulls(law, [57601.0])).max() < 4


def test_errors_of_the_fit_are_those_of_many_fits():
    dates = np.linspace(55500, 60500, 8)
    found = [pulls(fit_shift(rows(dates, seed=seed)), [57000.0])[0] for seed in range(60)]
    assert 0.75 < np.std(found) < 1.25
    assert abs(np.mean(found)) < 0.45


def test_nothing_to_fit_is_said():
    with pytest.raises(FitRefused, match="no pair of the selection"):
        fit_shift(rows([57600.0]).slice(0, 0))
    with pytest.raises(FitRefused, match="points"):
        fit_shift(rows([57600.0]).slice(0, 2))


LAW = ShiftLaw(((0, 1, 0),), (0.2,), ((1e-4,),), (250.0, 15000.0), (55500.0, 60500.0), (1.0, 90.0))


def test_rows_are_put_back_towards_the_amplifiers():
    found = correct_row(LAW, [1000.0, 1000.0, 250.0], [2048.0, 2.0, 1024.0], [2, 1, 2], 57000.0, 5.0)
    assert found.y == pytest.approx([2048.0 - 0.2, 2.0 + 0.2, 1024.0 - 0.2], abs=1e-9)
    assert found.y_err == pytest.approx([0.01, 0.01, 0.01])
    assert not found.flag.any()


@pytest.mark.parametrize(
    ("change", "names", "known"),
    [
        ({"flux": 100.0}, ["flux_below_range"], True),
        ({"flux": 2e4}, ["flux_above_range"], True),
        ({"flux": -1.0}, ["flux_not_positive"], False),
        ({"mjd": 61000.0}, ["date_after_range"], True),
        ({"mjd": 55000.0}, ["date_before_range"], True),
        ({"mjd": np.nan}, ["input_missing"], False),
        ({"y": 3000.0}, ["off_chip"], False),
        ({"chip": 3}, ["off_chip"], False),
        ({"background": np.nan}, ["background_unknown"], True),
        ({"background": 100.0}, ["background_above_range"], True),
    ],
)
def test_doubts_are_flagged(change, names, known):
    star = {"flux": 1000.0, "y": 1000.0, "chip": 2, "mjd": 57000.0, "background": 5.0} | change
    found = correct_row(LAW, **star)
    assert decode(int(found.flag)) == names
    assert np.isfinite(found.y) == np.isfinite(found.y_err) == known


def test_beyond_its_flux_range_the_shift_is_held():
    assert LAW.displacement(57000.0, 10.0)[0] == LAW.displacement(57000.0, 250.0)[0]
    assert LAW.displacement(57000.0, 1e6)[0] == LAW.displacement(57000.0, 15000.0)[0]


@pytest.fixture
def coefficients():
    return CoefficientSet(
        "shifted", tensor_terms(1), np.full(6, 1e-4), np.eye(6) * 1e-10,
        Validity((250.0, 32000.0), (55500.0, 60500.0), (1.0, 90.0), 3, "flt"), shift=LAW,
    )  # fmt: skip


def test_a_set_keeps_its_shift_and_one_without_stays_as_it_was(coefficients):
    text = to_toml(coefficients)
    assert "format_version = 2" in text
    assert from_toml(text) == coefficients
    assert '"shift"' in to_json(coefficients)
    without = replace(coefficients, shift=None)
    assert without != coefficients
    assert "format_version = 1" in to_toml(without)
    assert "[shift]" not in to_toml(without)
    assert from_toml(to_toml(without)) == without
    unknown = replace(coefficients, shift=replace(LAW, background=(np.nan, np.nan)))
    assert from_toml(to_toml(unknown)) == unknown


@pytest.mark.parametrize(
    ("old", "new"), [('"c010"', '"c01"'), ("[0.2]", "[0.2, 0.1]"), ('terms = ["c010"]', "")]
)
def test_a_damaged_shift_is_refused(coefficients, old, new):
    text = to_toml(coefficients)
    assert old in text
    with pytest.raises(CatalogError):
        from_toml(text.replace(old, new))


def test_a_table_gets_its_rows_back_in_its_own_count(coefficients):
    table = pa.table({"flux": [1000.0, 250.0], "y": [2049.0, 101.0], "chip": [2, 1], "mjd": [57000.0] * 2})
    constants = TableConstants(background=5.0, radius=3, filetype="flt", y_origin=1.0)
    result = correct_table(table, coefficients, constants)
    assert result["y_corrected"].to_pylist() == pytest.approx(
        [2049.0 - 0.2, 101.0 + 0.4 * (2050 - 100) / 2048], abs=1e-9
    )
    assert result["y_corrected_err"].to_pylist() == pytest.approx([0.01, 0.02 * 1950 / 2048])
    assert result["y_flag"].to_pylist() == [0, 0]
    assert result.schema.field("y_corrected").metadata[b"unit"] == b"pix"
    plain = correct_table(table, replace(coefficients, shift=None), constants)
    assert not {"y_corrected", "y_corrected_err", "y_flag"} & set(plain.column_names)
    assert plain["cte_dmag"].equals(result["cte_dmag"])
