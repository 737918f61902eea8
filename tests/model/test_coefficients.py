import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cte_lake.errors import CatalogError, UsageError
from cte_lake.model.coefficient_text import from_2017, from_toml, to_json, to_table, to_toml
from cte_lake.model.coefficients import CoefficientSet, Validity, from_fit
from cte_lake.model.compare import compare_sets
from cte_lake.model.fit import fit_surface
from cte_lake.model.latex import escape, latex_table
from tests.model.sets import LAW, make_background_set, make_set

text = st.text(st.characters(exclude_categories=("Cs",)), max_size=20)


@given(
    st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=9, max_size=9),
    st.dictionaries(text.filter(bool), text, max_size=4),
)
@settings(max_examples=60)
def test_toml_round_trips_exactly(values, selection):
    entry = dataclasses.replace(make_set(values), selection=selection, provenance={"date": "2026-01-01"})
    assert from_toml(to_toml(entry)) == entry


def test_round_trip_of_a_fit_and_of_a_set_without_errors():
    from tests.model.test_fit import points_of

    fitted = from_fit(fit_surface(points_of(noise=1.0)), "fit", 3, "flt", {"target": "ngc104"}, {"date": "x"})
    assert from_toml(to_toml(fitted)) == fitted
    assert fitted.validity.flux == (250.0, 32000.0)
    assert fitted.quality["points"] == 30.0
    old = from_2017(FILE_2017, NAME_2017)
    assert from_toml(to_toml(old)) == old


def test_a_set_knows_how_its_background_scattered_where_it_is_no_variable():
    from tests.model.test_fit import points_of

    points = points_of(sky=(2.0, 3.0, 4.0, 3.0, 3.0))
    quality = from_fit(fit_surface(points), "fit", 3, "flt").quality
    assert (quality["background"], quality["background_scatter"]) == (3.0, pytest.approx(0.4**0.5))
    assert "background" not in from_fit(fit_surface(points, 1, 1), "fit", 3, "flt").quality


def test_toml_explains_itself():
    written = to_toml(make_background_set())
    assert "d = MJD - 55400" in written
    assert "c000" in written
    assert "2050 - y on chip 1" in written


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: "x = [", "not TOML"),
        (lambda t: "x = 1", "not a coefficient set"),
        (lambda t: t.replace("format_version = 1", "format_version = 9"), "this version reads 1"),
        (lambda t: t.replace("radius = 3", "r = 3"), "lacks the key 'radius'"),
        (lambda t: t.replace("c00 = ", "d00 = "), "order of the covariance"),
        (lambda t: t.replace('filetype = "flt"', 'filetype = "raw"'), "must be flt or flc"),
        (lambda t: t.replace("flux = [250.0, 32000.0]", "flux = [0.0, 32000.0]"), "above zero"),
        (lambda t: t.replace("mjd = [55106.0,", 'mjd = ["x",'), "x"),
    ],
)
def test_broken_files_are_refused_with_the_reason(change, message):
    with pytest.raises(CatalogError, match=message):
        from_toml(change(to_toml(make_set())), "a.toml")


@pytest.mark.parametrize("place", [(8, 0), (0, 8), (8, 8)])
def test_a_covariance_has_no_gaps(place):
    entry = make_set()
    covariance = entry.covariance.copy()
    covariance[place] = np.nan
    with pytest.raises(UsageError, match="gaps"):
        dataclasses.replace(entry, covariance=covariance)
    covariance[8, :] = covariance[:, 8] = np.nan
    dataclasses.replace(entry, covariance=covariance)


def test_sets_must_hang_together():
    entry = make_set()
    with pytest.raises(UsageError, match="shape"):
        dataclasses.replace(entry, coefficients=np.zeros(3))
    with pytest.raises(UsageError, match="twice"):
        dataclasses.replace(entry, terms=(entry.terms[0],) * 9)
    with pytest.raises(UsageError, match="must rise"):
        Validity((500.0, 250.0), (1.0, 2.0), (0.0, 1.0), 3, "flt")


NAME_2017 = "cteVSlogflux_ngc104_F502N_l_pf12_ctecorrTrue_r3_mjd57601_coeffs.txt"
FILE_2017 = "#polydeg: 2\n#used Python function 'polyfit2d'\n#row\tcol\tcoeff\n" + "".join(
    f"{i}\t{j}\t{LAW[3 * i + j]}\n" for i in range(3) for j in range(3)
)


def test_2017_files():
    entry = from_2017(FILE_2017, NAME_2017)
    np.testing.assert_array_equal(entry.coefficients, LAW)
    assert entry.validity.filetype == "flc"
    assert entry.validity.mjd == (57601.0, 57601.0)
    assert entry.selection == {"target": "ngc104", "filter": "F502N", "length": "l", "flash": "12"}
    assert np.isnan(entry.errors).all()
    np.testing.assert_allclose(entry.loss(57601.0, 1000.0), make_set().loss(57601.0, 1000.0), rtol=1e-12)


@pytest.mark.parametrize(
    ("text", "name", "message"),
    [
        (FILE_2017, "coeffs.txt", "is not named like"),
        (FILE_2017[:-30], NAME_2017, "of the 9 coefficients|row column"),
        (FILE_2017.replace("0\t0\t", "0 zero "), NAME_2017, "line 4"),
    ],
)
def test_broken_2017_files(text, name, message):
    with pytest.raises(CatalogError, match=message):
        from_2017(text, name)


def test_surface_is_held_at_the_edges_of_flux_and_background():
    entry = make_background_set()
    assert entry.loss(57000.0, 100.0, 3.0) == entry.loss(57000.0, 250.0, 3.0)
    assert entry.loss(57000.0, 1e6, 3.0) == entry.loss(57000.0, 32000.0, 3.0)
    assert entry.loss(57000.0, 500.0, 99.0) == entry.loss(57000.0, 500.0, 24.0)
    assert entry.loss(57000.0, 500.0, 12.0) < entry.loss(57000.0, 500.0, 3.0)


def test_error_of_the_loss_is_that_of_the_covariance():
    from tests.model.sets import centred_samples

    entry = make_set()
    losses = [
        dataclasses.replace(entry, coefficients=row).loss(57000.0, [300.0, 3000.0])
        for row in centred_samples(entry, 300)
    ]
    np.testing.assert_allclose(np.std(losses, axis=0), entry.loss_err(57000.0, [300.0, 3000.0]), rtol=0.15)


def test_tables_and_json_carry_everything():
    entry = make_set()
    table = to_table(entry)
    assert table.colnames[:5] == ["term", "power_date", "power_log_flux", "power_log_background", "value"]
    assert table.meta["validity"]["radius"] == 3
    assert '"c22"' in to_json(entry)
    assert "NaN" not in to_json(from_2017(FILE_2017, NAME_2017))


def test_latex_is_that_of_the_isr():
    one = dataclasses.replace(
        make_set(), selection={"target": "ngc104", "filter": "F502N", "length": "l", "flash": "0"}
    )
    two = from_2017(FILE_2017, NAME_2017)
    lines = latex_table([one, two]).splitlines()
    assert "Mode & pf0, long & pf12 FLC, long \\\\" in lines
    assert "C00 & 1.43e-01 & 1.43e-01 \\\\" in lines
    assert r"C01 & $-$4.95e-02 & $-$4.95e-02 \\" in lines
    assert latex_table([one, two], errors=True).count("--") == 9
    assert escape("a_b & 50%") == r"a\_b \& 50\%"
    with pytest.raises(UsageError, match="at least one"):
        latex_table([])
    with pytest.raises(UsageError, match="same terms"):
        latex_table([one, make_background_set()])


def test_comparison_of_sets():
    one = make_set()
    two = make_set(LAW * 1.1, filetype="flc", name="other")
    result = compare_sets(one, two)
    assert "file type: flt / flc" in result.facts
    assert len(result.losses) == 12
    assert all(row["loss_2"] == pytest.approx(1.1 * row["loss_1"]) for row in result.losses)
    far = dataclasses.replace(two, validity=Validity((100.0, 200.0), (1.0, 2.0), (0.0, 1.0), 3, "flt"))
    with pytest.raises(UsageError, match="no flux in common"):
        compare_sets(one, far)


def test_a_set_is_not_equal_to_something_else():
    assert make_set() != "test"
    assert make_set() != make_set(LAW * 2)
    assert isinstance(make_set(), CoefficientSet)


def test_a_set_shows_in_a_line_what_it_is_for():
    entry = make_set()
    said = repr(entry)
    assert said.startswith(f"<CoefficientSet {entry.name}: {entry.validity.filetype.upper()}, aperture ")
    assert len(said) < 200
    assert "array" not in said
