"""Coefficient sets of published numbers, and the built-in ones."""

import dataclasses

import numpy as np
import pytest
from typer.testing import CliRunner

from cte_lake.cli.main import app
from cte_lake.correction.coefficient_files import (
    built_in_sets,
    find_coefficients,
    read_coefficients,
    write_coefficients,
)
from cte_lake.errors import CteLakeError, UsageError
from tests.model.sets import make_background_set
from tests.model.test_surface import make_surface

FACTS = (
    "--flux",
    "500-32000",
    "--dates",
    "2009-10-01..2016-09-30",
    "--filetype",
    "flt",
    "--source",
    "ISR, table 3",
)


def run(*arguments):
    result = CliRunner().invoke(app, [str(a) for a in arguments])
    if isinstance(result.exception, CteLakeError):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result


def test_nine_numbers_make_a_set(tmp_path):
    path = tmp_path / "isr.toml"
    numbers = "0.1 -0.02 0 1e-4 -2e-5 0 0 0 0"
    done = run("coeffs", "new", "isr", "--values", numbers, *FACTS, "-o", path)
    entry = read_coefficients(path)
    assert entry.loss(55900.0, 1000.0) == pytest.approx(0.1 - 0.06 + 500 * (1e-4 - 6e-5))
    assert entry.validity.mjd == (55105.0, 57661.0)
    assert entry.provenance["source"] == "ISR, table 3"
    assert np.isnan(entry.errors).all()
    assert "per 2048 rows" in done.stderr
    with pytest.raises(CteLakeError, match="exists"):
        run("coeffs", "new", "isr", "--values", "1 0 0 0 0 0 0 0 0", *FACTS, "-o", path)


def test_magnitudes_per_2051_rows_are_converted(tmp_path):
    path = tmp_path / "mag.toml"
    given = ("--coefficient", "c00=0.2", "--loss-unit", "mag", "--rows", 2051)
    run("coeffs", "new", "mag", *given, *FACTS, "-o", path)
    expected = 0.2 * np.log(10) / 2.5 * 2048 / 2051
    assert read_coefficients(path).loss(56000.0, 1000.0) == pytest.approx(expected)


def test_a_table_with_errors_makes_a_set(tmp_path):
    table, path = tmp_path / "t.csv", tmp_path / "t.toml"
    table.write_text("i,j,value,error\n0,0,0.1,0.01\n1,0,1e-4,1e-5\n")
    run("coeffs", "new", "t", "--table", table, *FACTS, "-o", path)
    entry = read_coefficients(path)
    assert entry.term_names == ["c00", "c10"]
    np.testing.assert_allclose(entry.errors, [0.01, 1e-5])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--values", "1 2"), "nine numbers are wanted"),
        ((), "give the coefficients once"),
        (("--coefficient", "c99=1"), "c_ij"),
        (("--coefficient", "c00=much"), "'much' is not a number"),
        (("--coefficient", "c00=1", "--rows", "0"), "rows above zero"),
    ],
)
def test_what_is_no_set_is_refused(tmp_path, arguments, message):
    with pytest.raises(CteLakeError, match=message):
        run("coeffs", "new", "x", *arguments, *FACTS, "-o", tmp_path / "x.toml")


def test_what_is_missing_is_named_where_nobody_can_be_asked(tmp_path):
    with pytest.raises(CteLakeError, match="needs --source"):
        run("coeffs", "new", "x", "--coefficient", "c00=1", *FACTS[:-2], "-o", tmp_path / "x.toml")


def test_built_in_sets_are_found_anywhere_and_say_what_they_are(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for path in built_in_sets():
        entry = find_coefficients(path.stem, None)
        assert entry.name == path.stem
        assert entry.provenance["source"]
        assert path.stem.startswith("simulated_") == entry.provenance["source"].startswith("simulated:")
    (tmp_path / "t.csv").write_text("flux,y,chip,mjd\n600,1500,2,57601.3\n")
    done = run("correct", "t.csv", "-c", "simulated_demo_flt_r3")
    assert "simulated: cte-lake demo" in done.stderr
    assert "simulated_demo_flt_r3" in run("coeffs", "list").stdout


def test_a_kind_of_a_set_is_asked_for_by_its_name(tmp_path):
    surface = dataclasses.replace(make_surface(), kinds={"ngc104": (-0.03, 0.004), "ngc6791": (0.05, 0.006)})
    entry = dataclasses.replace(make_background_set(), surface=surface)
    path = tmp_path / "set.toml"
    write_coefficients(path, entry)
    found = find_coefficients(f"{path}[ngc6791]", None)
    assert found.loss(57000.0, 700.0, 3.0) == pytest.approx(1.05 * entry.loss(57000.0, 700.0, 3.0))
    with pytest.raises(UsageError, match="it has ngc104, ngc6791"):
        find_coefficients(f"{path}[m31]", None)
    with pytest.raises(UsageError, match="has no surface"):
        find_coefficients(f"{built_in_sets()[0].stem}[m31]", None)
