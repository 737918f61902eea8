"""The table of S: a spline that anybody can evaluate, its errors, and a star's way through it."""

import dataclasses
import math
import tomllib

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cte_lake.errors import CatalogError, UsageError
from cte_lake.model import flags as bits
from cte_lake.model.coefficient_text import from_toml, to_json, to_toml
from cte_lake.model.correct import correct, error_parts
from cte_lake.model.correct_surface import leave
from cte_lake.model.correct_table import correct_table
from cte_lake.model.jumps import Gap, ramp
from cte_lake.model.laws import LAWS
from cte_lake.model.loss_unit import MAG_PER_LN
from cte_lake.model.predict import background_for, predict
from cte_lake.model.surface import ERROR_UNIT, VALUE_UNIT, Apart, Grid, Surface, tabulate
from cte_lake.model.table_constants import TableConstants
from tests.model.sets import make_background_set

LAW = LAWS["saturating"]
GRIDS = (Grid(55000.0, 250.0, 24), Grid(math.log10(250.0), 0.15, 16), Grid(0.0, 0.1, 16))
NODES = (Grid(55000.0, 500.0, 12), Grid(math.log10(250.0), 0.35, 7), Grid(0.0, 0.35, 5))


def make_surface(chips=0.04, law=LAW):
    values = tabulate(lambda t, f, b: law.loss(t, f, 10.0**b - 1.0), GRIDS)
    nodes = np.meshgrid(*(grid.nodes() for grid in NODES), indexing="ij")
    parts = {
        "slopes": np.round((0.002 + 0.001 * (4.5 - nodes[1])) / ERROR_UNIT) * ERROR_UNIT,
        "visits": np.full(nodes[0].shape, 0.0015),
        "future": np.round(np.maximum(nodes[0] - 59000.0, 0.0) * 1e-5 / ERROR_UNIT) * ERROR_UNIT,
    }
    return Surface(GRIDS, np.rint(values / VALUE_UNIT) * VALUE_UNIT, NODES, parts, chips, 0.005, 0.02)


def with_jumps(surface, *parts):
    """The surface with jumps by parts of its losses, in gaps of 200 days from MJD 57000 on, a year apart."""
    middle = surface.values[surface.values.shape[0] // 2]
    jumps = tuple(
        (Gap(57000.0 + 365.0 * k, 57200.0 + 365.0 * k), np.rint(part * middle / VALUE_UNIT) * VALUE_UNIT)
        for k, part in enumerate(parts)
    )
    return dataclasses.replace(surface, jumps=jumps)


def with_course(surface):
    """The surface with chips that lie apart by 1% at 250 e- and more by 3% a dex and 1% in 1000 days."""
    date = Grid(55000.0, 500.0, 12)
    flux = Grid(surface.grids[1].origin, surface.grids[1].step, surface.grids[1].size - 1)
    t, f = np.meshgrid(date.nodes(), flux.nodes(), indexing="ij")
    chips = 0.01 + 0.03 * (f - flux.origin) + 1e-5 * (t - 55000.0)
    tables = (np.rint(table / ERROR_UNIT) * ERROR_UNIT for table in (chips, 0.002 * f))
    return dataclasses.replace(surface, apart=Apart((date, flux), *tables))


@pytest.fixture(scope="module")
def entry():
    base = make_background_set("table")
    return dataclasses.replace(base, surface=make_surface())


fluxes = st.floats(260.0, 25000.0)
rows = st.floats(0.0, 2050.0)
dates = st.floats(55100.0, 60500.0)
skies = st.floats(0.0, 20.0)


@given(fluxes, dates, skies)
def test_the_table_follows_its_function(flux, mjd, sky):
    found = make_surface().loss(mjd, math.log10(flux), math.log10(1.0 + sky))
    assert found == pytest.approx(float(LAW.loss(mjd, math.log10(flux), sky)), abs=2e-4)


@pytest.mark.slow
@given(st.floats(700.0, 25000.0), rows, dates, skies, st.sampled_from([1, 2]))
def test_a_flux_that_was_read_out_comes_back(entry, flux, y, mjd, sky, chip):
    distance = y if chip == 2 else 2050.0 - y
    left = leave(entry.surface, flux, distance, mjd, math.log10(1.0 + sky), chip)
    result = correct(entry, left, y, chip, mjd, sky)
    assert result.corrected_flux == pytest.approx(flux, rel=1e-11)
    # The exact law, integrated step by step, with the chip's own factor.
    factor = 1.04 if chip == 1 else 0.96
    assert left == pytest.approx(float(LAW.left(flux, distance, mjd, sky, factor)), rel=5e-4)


def test_chips_lie_apart_by_date_and_flux(entry):
    surface = with_course(entry.surface)
    moved = dataclasses.replace(entry, surface=surface)
    assert from_toml(to_toml(moved)) == moved
    assert tomllib.loads(to_toml(moved))["format_version"] == 3
    for chip, sign in ((1, 1.0), (2, -1.0)):
        for flux, mjd in ((700.0, 56000.0), (20000.0, 60300.0)):
            # The surface's own equation in small steps, with the chip's factor at each flux on the way.
            u, step = math.log(flux), 1900.0 / 2048.0 / 400
            for _ in range(400):
                middle = u
                for _ in range(3):
                    place = mjd, middle / math.log(10.0)
                    rate = float(surface.loss(*place, 0.5)) * (1.0 + sign * float(surface.chips_at(*place)))
                    middle = u - 0.5 * step * rate
                u -= step * rate
            left = leave(surface, flux, 1900.0, mjd, 0.5, chip)
            assert left == pytest.approx(math.exp(u), rel=3e-6)
            y = 1900.0 if chip == 2 else 150.0
            result = correct(moved, left, y, chip, mjd, 10.0**0.5 - 1.0)
            assert result.corrected_flux == pytest.approx(flux, rel=1e-11)
            parts = error_parts(moved, result, left, mjd, 10.0**0.5 - 1.0)
            halfway = 0.5 * math.log10(left * flux)
            assert parts["chips"] == pytest.approx(0.002 * halfway * result.cte_dmag, rel=2e-3)
    # Which chip is not said: the distance at that date and flux is in the error.
    found = predict(moved, 57000.0, 800.0, 5.0)
    assert found.dmag_err > float(surface.chips_at(57000.0, 2.85)) * found.dmag
    with pytest.raises(UsageError, match="does not fit the cells"):
        dataclasses.replace(surface, apart=dataclasses.replace(surface.apart, grids=NODES[:2]))
    with pytest.raises(UsageError, match="the chips' difference has shape"):
        dataclasses.replace(surface, apart=dataclasses.replace(surface.apart, chips=surface.values[0]))


@settings(max_examples=25)
@given(fluxes, rows, st.floats(56900.0, 57700.0), skies)
def test_jumps_come_on_top_between_their_epochs(entry, flux, y, mjd, sky):
    plain, jumping = entry.surface, with_jumps(entry.surface, -0.1, 0.05)
    place = (math.log10(flux), math.log10(1.0 + sky))
    gone = [float(plain.jump(size, *place)) for _, size in jumping.jumps]
    found = float(jumping.loss(mjd, *place)) - float(plain.loss(mjd, *place))
    passed = [float(ramp(gap, np.array(mjd))) for gap, _ in jumping.jumps]
    assert found == pytest.approx(sum(p * g for p, g in zip(passed, gone, strict=True)), abs=1e-12)
    left = leave(jumping, flux, y, mjd, place[1], 2)
    moved = dataclasses.replace(entry, surface=jumping)
    result = correct(moved, left, y, 2, mjd, sky)
    assert result.corrected_flux == pytest.approx(flux, rel=1e-11)
    # The kernel's error is that of the table, with the doubt about the day.
    parts = error_parts(moved, result, left, mjd, sky)
    day = sum(p * (1.0 - p) * g**2 for p, g in zip(passed, gone, strict=True))
    assert float(jumping.error(mjd, *place, part="form")) == pytest.approx(math.sqrt(day), abs=1e-12)
    assert float(parts["form"]) == pytest.approx(MAG_PER_LN * y / 2048.0 * math.sqrt(day), rel=0.3, abs=2e-4)


def test_what_the_law_does_not_know_is_flagged(entry):
    y = np.linspace(5.0, 2040.0, 200)
    surface = entry.surface
    # A set that is known to a tenth of a percent but for its last dates.
    nodes = np.meshgrid(*(grid.nodes() for grid in NODES), indexing="ij")
    parts = {"slopes": np.where(nodes[0] > 59800.0, 0.02, 0.001), "future": 0.0 * nodes[0]}
    good = dataclasses.replace(surface, parts=parts, chips_err=0.0)
    known = dataclasses.replace(entry, surface=good)
    bits_of = {
        day: correct(known, 900.0, y, 2, day, 3.0).cte_flag & bits.LAW_UNCERTAIN.value
        for day in (57000.0, 57600.0)
    }
    assert not any(flag.any() for flag in bits_of.values())
    late = dataclasses.replace(known, validity=dataclasses.replace(known.validity, mjd=(55106.0, 60300.0)))
    for flux, limit in ((900.0, 0.0022), (300.0, 0.0033)):
        result = correct(late, flux, y, 2, 60200.0, 3.0)
        flagged = result.cte_flag & bits.LAW_UNCERTAIN.value != 0
        assert flagged.tolist() == (result.cte_dmag_err / MAG_PER_LN > limit).tolist()
        assert 0 < flagged.sum() < y.size
    # Beyond the dates the row is flagged as extrapolated, and that is enough.
    assert not (correct(known, 900.0, y, 2, 60200.0, 3.0).cte_flag & bits.LAW_UNCERTAIN.value).any()
    # A set that knows all its losses to 2% only: no more than the stars next to the amplifiers are trusted.
    poor = dataclasses.replace(surface, parts={"slopes": np.full(nodes[0].shape, 0.02)}, chips_err=0.0)
    found = correct(dataclasses.replace(late, surface=poor), 900.0, y, 2, 57000.0, 3.0)
    assert 0.8 < np.mean(found.cte_flag & bits.LAW_UNCERTAIN.value != 0) < 0.92


@given(fluxes, dates, skies, st.lists(rows, min_size=2, max_size=8))
def test_correction_grows_with_distance(entry, flux, mjd, sky, y):
    assert np.all(np.diff(correct(entry, flux, np.sort(y), 2, mjd, sky).cte_dmag) >= 0)


def test_outside_the_table_its_edge_holds():
    surface = make_surface()
    low, high = GRIDS[1].origin, GRIDS[1].origin + 14 * 0.15
    for outside, edge in ((low - 1.0, low), (high + 1.0, high)):
        at_edge = surface.loss(57000.0, edge, 0.5)
        assert surface.loss(57000.0, outside, 0.5) == pytest.approx(at_edge, rel=1e-9)
    # A bright star's loss is at the edge's rate all the way; a faint one's ends outside.
    bright = leave(surface, 1e5, 2000.0, 57000.0, 0.5)
    rate = float(surface.loss(57000.0, high, 0.5))
    assert bright == pytest.approx(1e5 * math.exp(-rate * 2000.0 / 2048.0), rel=1e-12)
    faint = leave(surface, 240.0, 2000.0, 57000.0, 0.5)
    assert leave(surface, faint, 2000.0, 57000.0, 0.5, sign=-1.0) == pytest.approx(240.0, rel=1e-12)


def test_gains_are_given_back_too():
    surface = make_surface(law=LAWS["over-corrected"])
    left = leave(surface, 2e4, 2000.0, 60000.0, math.log10(60.0))
    assert left > 2e4
    assert leave(surface, left, 2000.0, 60000.0, math.log10(60.0), sign=-1.0) == pytest.approx(2e4, rel=1e-12)


def test_the_error_has_all_its_parts(entry):
    flux, y = np.array([400.0, 2000.0, 9000.0]), np.array([1900.0, 1000.0, 0.0])
    result = correct(entry, flux, y, 2, 60500.0, 5.0)
    parts = error_parts(entry, result, flux, 60500.0, 5.0)
    exposure = parts.pop("exposure")
    assert set(parts) == {"slopes", "visits", "form", "future", "chips"}
    total = np.sqrt(sum(part**2 for part in parts.values()))
    np.testing.assert_allclose(total, result.cte_dmag_err, rtol=1e-9)
    np.testing.assert_allclose(exposure, 0.02 * result.cte_dmag)
    np.testing.assert_allclose(parts["chips"], 0.005 * result.cte_dmag)
    assert np.all(parts["form"] == 0)
    assert parts["future"][0] > parts["visits"][0] > 0
    assert result.cte_dmag_err[2] == 0
    # S off by its error, the flux is off by what the error says.
    surface = entry.surface
    off = float(surface.error(60500.0, math.log10(400.0), math.log10(6.0), part="slopes"))
    assert parts["slopes"][0] == pytest.approx(1.0857 * off * 1900 / 2048, rel=0.15)


def test_a_set_without_surface_has_one_part():
    entry = make_background_set()
    result = correct(entry, 500.0, 2000.0, 2, 57000.0, 3.0)
    parts = error_parts(entry, result, 500.0, 57000.0, 3.0)
    assert parts["slopes"] == result.cte_dmag_err
    assert parts["visits"] == parts["chips"] == 0


def test_prediction_by_the_surface(entry):
    found = predict(entry, 57000.0, 800.0, 5.0)
    assert found.loss == pytest.approx(1.0 - float(LAW.left(800.0, 2050.0, 57000.0, 5.0)) / 800.0, abs=1e-3)
    # The chip is not said: by how much it is off the mean is in the error.
    assert found.dmag_err > 0.04 * found.dmag
    level = background_for(entry, 57000.0, 800.0, found.loss)
    assert level == pytest.approx(5.0, abs=0.01)
    with pytest.raises(UsageError, match="depends on the background"):
        predict(entry, 57000.0, 800.0)


def test_a_surface_is_read_back_as_it_was(entry):
    text = to_toml(entry)
    assert tomllib.loads(text)["format_version"] == 2
    assert from_toml(text) == entry
    assert '"surface"' in to_json(entry)
    with pytest.raises(CatalogError, match="lacks the key 'origin'"):
        from_toml(text.replace("origin", "origins"))
    with pytest.raises(CatalogError):
        from_toml(text.replace("values = [", "values = [[1, 2],", 1))


@pytest.mark.parametrize("jumps", [(), (0.1,), (-0.1, 0.05)])
def test_sets_with_jumps_and_of_finer_steps_are_read_back(entry, jumps):
    surface = with_jumps(entry.surface, *jumps)
    text = to_toml(dataclasses.replace(entry, surface=surface))
    assert from_toml(text).surface == surface != with_jumps(surface, 0.2, 0.1, 0.3)
    assert to_toml(from_toml(text)) == text
    assert len(text) < 120_000
    # Sets were written ten times as fine; what is in one stays.
    fine = dataclasses.replace(surface, values=np.rint(surface.values * 1.37e7) * 1e-7)
    again = from_toml(to_toml(dataclasses.replace(entry, surface=fine))).surface
    np.testing.assert_allclose(again.values, fine.values, rtol=0.0, atol=1e-15)
    old = text.replace("unit = 1e-06", "unit = 1e-07")
    np.testing.assert_allclose(from_toml(old).surface.values, 0.1 * surface.values, rtol=1e-12)


def test_a_set_without_surface_stays_version_1():
    text = to_toml(make_background_set())
    assert tomllib.loads(text)["format_version"] == 1
    assert from_toml(text).surface is None


def test_flags_are_those_of_the_validity(entry):
    late = correct(entry, [400.0, 100.0, 1e5], 1000.0, 2, 60500.0, 50.0, 3, "flt").cte_flag
    names = [bits.decode(int(flag)) for flag in late]
    assert all("date_after_range" in name and "background_above_range" in name for name in names)
    assert "flux_below_range" in names[1]
    assert "flux_above_range" in names[2]
    missing = correct(entry, 400.0, 1000.0, 2, 57000.0, np.nan, 3, "flt")
    assert bits.decode(int(missing.cte_flag)) == ["background_unknown", "input_missing"]


def test_what_is_no_surface_is_refused():
    good = make_surface()
    with pytest.raises(UsageError, match="does not fit its grids"):
        Surface(GRIDS, good.values[1:], NODES)
    with pytest.raises(UsageError, match="no part 'luck'"):
        Surface(GRIDS, good.values, NODES, {"luck": good.parts["slopes"]})
    with pytest.raises(UsageError, match="has shape"):
        Surface(GRIDS, good.values, NODES, {"slopes": good.parts["slopes"][1:]})
    with pytest.raises(UsageError, match="a jump of shape"):
        dataclasses.replace(good, jumps=((Gap(57000.0, 57000.0), good.values[0]),))
    with pytest.raises(UsageError, match="is not valid"):
        Surface((Grid(0.0, 0.0, 24), *GRIDS[1:]), good.values, NODES)


def test_a_table_gets_the_parts_on_request(entry):
    stars = pa.table({"flux": [400.0, 2000.0], "y": [1900.0, 10.0], "background": [5.0, 9.0]})
    plain = TableConstants(mjd=60000.0, chip=2, radius=3, filetype="flt")
    assert "cte_dmag_err_slopes" not in correct_table(stars, entry, plain).column_names
    found = correct_table(stars, entry, dataclasses.replace(plain, parts=True)).to_pandas()
    names = [f"cte_dmag_err_{name}" for name in ("slopes", "visits", "form", "future", "chips")]
    np.testing.assert_allclose(np.sqrt((found[names] ** 2).sum(axis=1)), found["cte_dmag_err"], rtol=1e-9)
    np.testing.assert_allclose(found["cte_dmag_scatter"], 0.02 * found["cte_dmag"])


@given(fluxes, rows, dates)
def test_a_star_without_a_background_has_the_usual_one_and_a_wider_error(entry, flux, y, mjd):
    surface = dataclasses.replace(with_jumps(entry.surface, -0.1), usual=(0.9, 0.1))
    usual = dataclasses.replace(entry, surface=surface)
    unknown, known = (correct(usual, flux, y, 2, mjd, sky) for sky in (math.nan, 10**0.9 - 1.0))
    assert float(unknown.corrected_flux) == pytest.approx(float(known.corrected_flux), rel=1e-12)
    assert int(unknown.cte_flag) & bits.BACKGROUND_UNKNOWN.value
    assert not int(unknown.cte_flag) & bits.INPUT_MISSING.value
    middle = 0.5 * math.log10(flux * float(known.corrected_flux))
    spread = 0.5 * abs(float(surface.loss(mjd, middle, 1.0) - surface.loss(mjd, middle, 0.8)))
    more = math.sqrt(float(unknown.cte_dmag_err) ** 2 - float(known.cte_dmag_err) ** 2)
    assert more == pytest.approx(MAG_PER_LN * y / 2048.0 * spread, rel=0.3, abs=1e-5)
    parts = error_parts(usual, unknown, flux, mjd, math.nan)
    whole = math.sqrt(sum(float(value) ** 2 for name, value in parts.items() if name != "exposure"))
    assert whole == pytest.approx(float(unknown.cte_dmag_err), rel=1e-6)
    assert not usual.has_background
    assert predict(usual, mjd, 900.0).dmag == pytest.approx(predict(usual, mjd, 900.0, 10**0.9 - 1.0).dmag)
