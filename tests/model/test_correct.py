import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cte_lake.errors import UsageError
from cte_lake.model import flags as bits
from cte_lake.model.coefficients import Validity
from cte_lake.model.correct import correct
from cte_lake.model.readout import lose
from tests.model.sets import centred_samples, make_background_set, make_set

ENTRY = make_set()
fluxes = st.floats(100.0, 1e5)
rows = st.floats(0.0, 2050.0)
dates = st.floats(55106.0, 57610.0)


@given(fluxes, rows, dates)
def test_a_flux_that_was_read_out_comes_back(flux, y, mjd):
    left = lose(flux, y, ENTRY.quadratic(mjd), ENTRY.log_flux_range)
    result = correct(ENTRY, left, y, 2, mjd, 3.0, 3, "flt")
    assert result.corrected_flux == pytest.approx(flux, rel=1e-10)
    assert result.cte_loss == pytest.approx(1.0 - left / flux, abs=1e-10)
    assert result.cte_dmag == pytest.approx(2.5 * np.log10(flux / left), abs=1e-10)


@given(fluxes, dates)
def test_no_transfer_no_correction(flux, mjd):
    for y, chip in ((0.0, 2), (2050.0, 1)):
        result = correct(ENTRY, flux, y, chip, mjd)
        assert (result.corrected_flux, result.cte_dmag, result.cte_dmag_err) == (flux, 0.0, 0.0)


@given(fluxes, rows, dates)
def test_chip_swap_mirrors_y(flux, y, mjd):
    one, two = correct(ENTRY, flux, y, 1, mjd), correct(ENTRY, flux, 2050.0 - y, 2, mjd)
    assert one.corrected_flux == pytest.approx(two.corrected_flux, rel=1e-12)


@given(fluxes, dates, st.lists(rows, min_size=2, max_size=10))
def test_correction_grows_with_distance_and_keeps_its_sign(flux, mjd, y):
    dmag = correct(ENTRY, flux, np.sort(y), 2, mjd).cte_dmag
    assert np.all(np.diff(dmag) >= 0)
    assert np.all(dmag >= 0)


@given(st.integers(0, 1000))
def test_row_order_is_irrelevant(seed):
    rng = np.random.default_rng(seed)
    size = 50
    columns = (10 ** rng.uniform(2, 5, size), rng.uniform(-5, 2060, size), rng.integers(1, 3, size),
               rng.uniform(54000, 59000, size), rng.uniform(-2, 30, size))  # fmt: skip
    order = rng.permutation(size)
    straight, mixed = correct(ENTRY, *columns), correct(ENTRY, *(c[order] for c in columns))
    for name in vars(straight):
        np.testing.assert_array_equal(getattr(straight, name)[order], getattr(mixed, name))


@pytest.mark.parametrize(
    ("arguments", "flag"),
    [
        ({"flux": 100.0}, bits.FLUX_BELOW),
        ({"flux": 1e5}, bits.FLUX_ABOVE),
        ({"mjd": 54000.0}, bits.DATE_BEFORE),
        ({"mjd": 60000.0}, bits.DATE_AFTER),
        ({"background": -1.0}, bits.BACKGROUND_BELOW),
        ({"background": 50.0}, bits.BACKGROUND_ABOVE),
        ({"background": np.nan}, bits.BACKGROUND_UNKNOWN),
        ({"radius": 5}, bits.WRONG_RADIUS),
        ({"radius": None}, bits.RADIUS_UNKNOWN),
        ({"filetype": "flc"}, bits.WRONG_FILETYPE),
        ({"filetype": None}, bits.FILETYPE_UNKNOWN),
        ({"flux": 0.0}, bits.FLUX_NOT_POSITIVE),
        ({"flux": -10.0}, bits.FLUX_NOT_POSITIVE),
        ({"flux": np.nan}, bits.INPUT_MISSING),
        ({"mjd": np.nan}, bits.INPUT_MISSING),
        ({"y": np.inf}, bits.INPUT_MISSING),
        ({"y": -3.0}, bits.OFF_CHIP),
        ({"y": 2060.0}, bits.OFF_CHIP),
        ({"chip": 3}, bits.OFF_CHIP),
    ],
)
def test_every_doubt_is_flagged(arguments, flag):
    good = {
        "flux": 1000.0,
        "y": 1500.0,
        "chip": 2,
        "mjd": 57000.0,
        "background": 3.0,
        "radius": 3,
        "filetype": "flt",
    }
    assert correct(ENTRY, **good).cte_flag == 0
    result = correct(ENTRY, **{**good, **arguments})
    assert int(result.cte_flag) & flag.value
    none = {
        bits.FLUX_NOT_POSITIVE,
        bits.INPUT_MISSING,
        bits.OFF_CHIP,
        bits.DATE_IMPOSSIBLE,
        bits.OTHER_CAMERA,
    }
    assert np.isnan(result.corrected_flux) == (flag in none)


def test_a_gain_is_flagged():
    gain = make_set(-ENTRY.coefficients)
    result = correct(gain, 1000.0, 1500.0, 2, 57000.0, 3.0, 3, "flt")
    assert bits.decode(int(result.cte_flag)) == ["negative_loss"]
    assert result.cte_dmag < 0


@pytest.mark.slow
def test_errors_are_those_of_the_covariance():
    flux, y = np.array([300.0, 900.0, 9000.0]), np.array([2000.0, 1200.0, 700.0])
    drawn = [
        correct(dataclasses.replace(ENTRY, coefficients=c), flux, y, 2, 57300.0).cte_dmag
        for c in centred_samples(ENTRY, 300)
    ]
    np.testing.assert_allclose(
        np.std(drawn, axis=0), correct(ENTRY, flux, y, 2, 57300.0).cte_dmag_err, rtol=0.1
    )


def test_background_is_a_variable_where_the_set_has_it():
    entry = make_background_set()
    faint = correct(entry, 500.0, 2000.0, 2, 57000.0, [0.0, 5.0, 20.0], 3, "flt")
    assert np.all(np.diff(faint.cte_dmag) < 0)
    assert np.all(faint.cte_dmag_err > 0)
    endless = correct(entry, 500.0, 2000.0, 2, 57000.0, np.inf, 3, "flt")
    assert np.isnan(endless.corrected_flux)
    assert bits.decode(int(endless.cte_flag)) == ["background_above_range", "input_missing"]
    missing = correct(entry, 500.0, 2000.0, 2, 57000.0)
    assert bits.decode(int(missing.cte_flag)) == [
        "background_unknown", "radius_unknown", "filetype_unknown", "input_missing",
    ]  # fmt: skip


def test_lengths_must_fit_and_nothing_is_nothing():
    with pytest.raises(UsageError, match="y has 2 values where there are 3 stars"):
        correct(ENTRY, [1.0, 2.0, 3.0], [1.0, 2.0], 2, 57000.0)
    assert correct(ENTRY, [], [], 2, 57000.0).cte_flag.size == 0


def test_an_unknown_background_range_flags_nothing():
    validity = dataclasses.replace(ENTRY.validity, background=(np.nan, np.nan))
    entry = dataclasses.replace(ENTRY, validity=validity)
    assert isinstance(validity, Validity)
    assert correct(entry, 500.0, 10.0, 2, 57000.0, 80.0, 3, "flt").cte_flag == 0


def test_flag_registry():
    values = [flag.value for flag in bits.CORRECTION_FLAGS]
    assert values == [1 << bit for bit in range(len(values))]
    assert bits.decode(bits.FLUX_ABOVE.value | bits.GAIN.value) == ["flux_above_range", "negative_loss"]
    with pytest.raises(ValueError, match="outside the registry"):
        bits.decode(1 << len(values))
