"""Fluxes of several apertures: each is corrected by the set of its radius, or a sentence says what to do."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from astropy import units as u
from astropy.table import QTable, Table

from cte_lake.correction.correct_files import TableOptions, correct_file
from cte_lake.errors import CteLakeError
from cte_lake.model import flags as bits
from cte_lake.model.correct import correct
from cte_lake.model.correct_table import correct_table
from cte_lake.model.table_constants import TableConstants
from tests.model.sets import LAW, make_set

FACTS = TableConstants(mjd=57000.0, chip=2, background=5.0, filetype="flt")
Y, SMALL, LARGE = [100.0, 1900.0, 1000.0], [900.0, 1000.0, 400.0], [1100.0, 1200.0, 460.0]
BOTH = np.column_stack([SMALL, LARGE])


def set_of(radius, factor=1.0):
    entry = make_set(LAW * factor, name=f"r{radius}")
    return replace(entry, validity=replace(entry.validity, radius=radius))


THREE, FIVE = set_of(3), set_of(5, 0.7)


def losses(entry, flux):
    return correct(entry, flux, Y, 2, 57000.0, 5.0, entry.validity.radius, "flt").cte_loss


def with_photutils(columns):
    return Table({**columns, "y": Y}, meta={"aperture0_r": 3.0, "aperture1_r": "5.0 pix"})


TABLES = {
    "columns": (Table({"flux_r03": SMALL, "flux_r05": LARGE, "flux_r10": LARGE, "y": Y}), ()),
    "arrow": (pa.table({"flux_aper_r3": SMALL, "flux_aper_r5": LARGE, "y": Y}), ()),
    "two-dimensional": (Table({"flux": BOTH, "y": Y}), (3.0, 5.0)),
    "quantity": (QTable({"FLUX_APER": BOTH / 1000 * u.Unit("1000 electron"), "y": Y}), (3.0, 5.0)),
    "lists": (pa.table({"flux": pa.array(BOTH.tolist()), "y": Y}), (3.0, 5.0)),
    "fixed lists": (
        pa.table({"flux": pa.array(BOTH.tolist(), pa.list_(pa.float32(), 2)), "y": Y}),
        (3.0, 5.0),
    ),
    "counted": (Table({"aperture_sum_0": SMALL, "aperture_sum_1": LARGE, "y": Y}), (3.0, 5.0)),
    "photutils": (with_photutils({"aperture_sum_0": SMALL, "aperture_sum_1": LARGE}), ()),
    "SExtractor": (Table({"FLUX_APER[0]": SMALL, "FLUX_APER[1]": LARGE, "y": Y}), (3.0, 5.0)),
}


@pytest.mark.parametrize("name", TABLES)
def test_each_column_is_corrected_by_the_set_of_its_radius(name):
    table, apertures = TABLES[name]
    found = correct_table(table, [FIVE, THREE], replace(FACTS, apertures=apertures))
    for entry, flux in ((THREE, SMALL), (FIVE, LARGE)):
        suffix = f"_r{entry.validity.radius:02d}"
        np.testing.assert_allclose(found[f"cte_loss{suffix}"], losses(entry, flux), rtol=1e-6)
        assert [bits.decode(int(flag)) for flag in found[f"cte_flag{suffix}"]] == [[]] * 3
    names = found.column_names if isinstance(found, pa.Table) else found.colnames
    assert "cte_loss" not in names
    assert "cte_loss_r10" not in names


@pytest.mark.parametrize("name", TABLES)
def test_one_set_corrects_the_column_of_its_radius(name):
    table, apertures = TABLES[name]
    for entry, flux in ((THREE, SMALL), (FIVE, LARGE)):
        found = correct_table(table, entry, replace(FACTS, apertures=apertures))
        np.testing.assert_allclose(found["cte_loss"], losses(entry, flux), rtol=1e-6)
        assert not np.asarray(found["cte_flag"]).any()


def test_an_output_is_corrected_again_to_the_same():
    table, _ = TABLES["columns"]
    once = correct_table(table, [THREE, FIVE], FACTS)
    twice = correct_table(once, [THREE, FIVE], FACTS)
    assert once.colnames == twice.colnames
    np.testing.assert_array_equal(once["corrected_flux_r05"], twice["corrected_flux_r05"])


def test_magnitudes_of_several_apertures():
    mags = {name: 25.0 - 2.5 * np.log10(flux) for name, flux in (("mag_r3", SMALL), ("mag_r5", LARGE))}
    table = Table({**mags, "y": Y})
    found = correct_table(table, [THREE, FIVE], replace(FACTS, zero_point=25.0))
    for entry, flux in ((THREE, SMALL), (FIVE, LARGE)):
        suffix = f"_r{entry.validity.radius:02d}"
        np.testing.assert_allclose(found[f"cte_loss{suffix}"], losses(entry, flux))
        assert f"corrected_mag{suffix}" in found.colnames


@pytest.mark.parametrize(
    ("table", "sets", "apertures", "message"),
    [
        (TABLES["columns"][0], set_of(7), (), "of 3, 5, 10 px, and the coefficients r7 are for 7 px; give"),
        (TABLES["columns"][0], [THREE, set_of(7)], (), "r7 are for 7 px"),
        (TABLES["columns"][0], [THREE, set_of(3)], (), "r3 and r3 are both for 3 px"),
        (Table({"flux_r05": LARGE, "y": Y}), THREE, (), "flux_r05 hold the flux in apertures of 5 px"),
        (Table({"flux": SMALL, "y": Y}), [THREE, FIVE], (), "no fluxes of several apertures"),
        (Table({"flux": SMALL, "y": Y}), THREE, (3.0, 5.0), "3, 5 px were given, and the table has no"),
        (Table({"flux": BOTH, "y": Y}), THREE, (), r"'flux' holds 2 values per row .*--radius 3,5"),
        (Table({"flux": BOTH, "y": Y}), THREE, (3.0, 5.0, 10.0), "2 apertures, and 3 radii are given"),
        (TABLES["counted"][0], THREE, (), "give their radii, as --radius 3,5, or one"),
        (TABLES["counted"][0], THREE, (3.0,) * 2, "one radius twice"),
        (Table({"mag_1": SMALL, "mag_3": LARGE, "y": Y}), THREE, (), "mag_1, mag_3 hold the mag in several"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_said_in_a_sentence(table, sets, apertures, message):
    with pytest.raises(CteLakeError, match=message) as caught:
        correct_table(table, sets, replace(FACTS, apertures=apertures))
    assert "\n" not in str(caught.value)


def test_a_plain_flux_beside_apertures_is_the_one_for_one_set():
    table = Table({"flux": SMALL, "flux_r05": LARGE, "flux_r10": LARGE, "y": Y})
    np.testing.assert_allclose(correct_table(table, THREE, FACTS)["cte_loss"], losses(THREE, SMALL))


def test_a_radius_in_a_columns_name_or_photutils_metadata_is_known():
    found = correct_table(Table({"flux_r05": LARGE, "y": Y}), THREE, FACTS, {"flux": "flux_r05"})
    assert bits.decode(int(found["cte_flag"][0])) == ["wrong_radius"]
    table = Table({"aperture_sum": SMALL, "y": Y}, meta={"aperture": "CircularAperture", "aperture_r": 3.0})
    assert bits.decode(int(correct_table(table, THREE, FACTS)["cte_flag"][0])) == []
    table.meta["aperture_r"] = 4.0
    assert bits.decode(int(correct_table(table, THREE, FACTS)["cte_flag"][0])) == ["wrong_radius"]


@pytest.mark.parametrize("to", ["parquet", "csv", "fits", "ecsv", "vot"])
@pytest.mark.parametrize("source", ["parquet", "csv", "fits"])
def test_files_in_parts_and_whole(tmp_path, source, to):
    path, out = tmp_path / f"stars.{source}", tmp_path / f"out.{to}"
    Table({"flux_r03": SMALL, "flux_r05": LARGE, "flux_r10": LARGE, "y": Y}).write(path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        done = correct_file(path, out, [THREE, FIVE], FACTS, options=TableOptions(batch_rows=2))
        found = Table.read(out)
    for entry, flux in ((THREE, SMALL), (FIVE, LARGE)):
        suffix = f"_r{entry.validity.radius:02d}"
        np.testing.assert_allclose(found[f"cte_loss{suffix}"], losses(entry, flux), rtol=1e-6)
    assert (done.rows, done.corrected) == (3, 3)
    assert done.readings["radius_r03"] == "3 px, by the name of column 'flux_r03'"
    assert done.readings["others"].startswith("flux_r10: of other radii")
    assert done.readings["filetype"] == "flt, given"
    assert (done.columns["flux_r05"], done.columns["y"]) == ("flux_r05", "y")


def test_lists_in_a_file_in_parts(tmp_path):
    path, out = tmp_path / "stars.parquet", tmp_path / "out.parquet"
    pq.write_table(TABLES["lists"][0], path)
    facts = replace(FACTS, apertures=(3.0, 5.0))
    correct_file(path, out, [THREE, FIVE], facts, options=TableOptions(batch_rows=2))
    np.testing.assert_allclose(pq.read_table(out)["cte_loss_r05"], losses(FIVE, LARGE), rtol=1e-6)
    for radii in ((3.0, 5.0, 10.0), (2.0, 3.0, 5.0)):
        with pytest.raises(CteLakeError, match="holds 2 values per row, but 3 radii are given"):
            correct_file(path, tmp_path / "none.parquet", [THREE, FIVE], replace(facts, apertures=radii))
