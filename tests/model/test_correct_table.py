import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.table import MaskedColumn, QTable, Table
from astropy.time import Time, TimeDelta

from cte_lake.errors import CatalogError, UsageError
from cte_lake.model import flags as bits
from cte_lake.model.columns import discover
from cte_lake.model.correct import correct
from cte_lake.model.correct_table import correct_columns, correct_table, plan
from cte_lake.model.table_constants import TableConstants
from tests.model.sets import make_background_set, make_set

ENTRY = make_set()
FACTS = TableConstants(mjd=57000.0, chip=2, background=3.0, radius=3, filetype="flt")


def stars(**more):
    return {"id": [7, 8, 9], "flux": [300.0, 3000.0, -1.0], "y": [2000.0, 1000.0, 500.0], **more}


@pytest.mark.parametrize("make", [Table, pa.table, pd.DataFrame])
def test_every_kind_of_table(make):
    result = correct_table(make(stars()), ENTRY, FACTS)
    assert type(result) is type(make(stars()))
    expected = correct(ENTRY, stars()["flux"], stars()["y"], 2, 57000.0, 3.0, 3, "flt")
    flux = np.asarray(result["corrected_flux"], dtype=float)
    np.testing.assert_allclose(flux, expected.corrected_flux)
    assert [
        int(v.as_py() if hasattr(v, "as_py") else v) for v in result["cte_flag"]
    ] == expected.cte_flag.tolist()
    again = correct_table(result, ENTRY, FACTS)
    np.testing.assert_allclose(
        np.asarray(again["cte_dmag"], dtype=float), np.asarray(result["cte_dmag"], dtype=float)
    )


def test_units_and_meanings_are_kept():
    table = Table(stars())
    table["flux"].unit = u.electron
    result = correct_table(table, ENTRY, FACTS)
    assert result["corrected_flux"].unit == u.electron
    assert result["cte_dmag"].unit == u.mag
    assert "flux_above_range" in result["cte_flag"].description
    arrow = correct_table(pa.table(stars()), ENTRY, FACTS)
    assert arrow.schema.field("cte_dmag").metadata[b"unit"] == b"mag"
    assert arrow["corrected_flux"].null_count == 1


def test_fluxes_per_second_need_the_exposure_time():
    table = Table(stars())
    table["flux"] = np.array([1.0, 10.0, 2.0]) * u.electron / u.s
    with pytest.raises(CatalogError, match="--exptime"):
        correct_table(table, ENTRY, FACTS)
    table["exptime"] = 300.0
    result = correct_table(table, ENTRY, FACTS)
    plain = correct(ENTRY, [300.0, 3000.0, 600.0], stars()["y"], 2, 57000.0)
    np.testing.assert_allclose(result["corrected_flux"], plain.corrected_flux / 300.0)


def test_magnitudes_need_a_zero_point():
    table = Table({"mag": [25.0 - 2.5 * np.log10(300.0)], "y": [2000.0]})
    with pytest.raises(CatalogError, match="--zero-point"):
        correct_table(table, ENTRY, FACTS)
    facts = TableConstants(**{**vars(FACTS), "zero_point": 25.0})
    result = correct_table(table, ENTRY, facts)
    plain = correct(ENTRY, 300.0, 2000.0, 2, 57000.0)
    assert result["corrected_mag"][0] == pytest.approx(table["mag"][0] - float(plain.cte_dmag))
    assert "corrected_flux" not in result.colnames
    (one,) = plan(table, ENTRY, TableConstants(**{**vars(facts), "exptime": 400.0}))
    correct_columns(table, [one])
    assert "one electron of the exposure is 25 mag" in one.reader.readings["mag"]
    assert "--exptime is not used" in one.reader.readings["mag"]


def test_per_row_date_chip_background_radius_and_file_type():
    table = Table(
        stars(mjd=[56000.0, 57000.0, 57500.0], chip=[1, 2, 1], sky=[1.0, 99.0, 2.0],
              radius=[3, 5, 3], filetype=["flt", "FLC", ""])
    )  # fmt: skip
    flags = correct_table(table, ENTRY)["cte_flag"]
    assert bits.decode(flags[0]) == []
    assert bits.decode(flags[1]) == ["background_above_range", "wrong_radius", "wrong_filetype"]
    assert bits.decode(flags[2]) == ["filetype_unknown", "flux_not_positive"]


def test_positions_of_other_programs_count_from_one():
    facts = TableConstants(**{**vars(FACTS), "y_origin": 1})
    table = Table(stars())
    table["y"] = table["y"] + 1.0
    np.testing.assert_allclose(
        correct_table(table, ENTRY, facts)["cte_dmag"],
        correct_table(Table(stars()), ENTRY, FACTS)["cte_dmag"],
    )


def test_readout_distances_stand_in_for_row_and_chip():
    table = Table({"flux": [300.0], "ytransfers": [1500.0], "mjd": [57000.0]})
    assert correct_table(table, ENTRY)["cte_dmag"][0] == pytest.approx(
        float(correct(ENTRY, 300.0, 1500.0, 2, 57000.0).cte_dmag)
    )


def test_masked_values_are_missing():
    table = Table(stars())
    table["y"] = MaskedColumn([2000.0, 1000.0, 500.0], mask=[True, False, False])
    assert bits.decode(correct_table(table, ENTRY, FACTS)["cte_flag"][0]) == ["input_missing"]


def test_columns_are_found_by_ucd():
    table = Table({"a": [300.0], "b": [2000.0], "c": [57000.0], "e": [1.0]})
    for name, ucd in (("a", "phot.count;em.opt"), ("b", "pos.cartesian.y;instr.det"), ("c", "time.epoch"),
                      ("e", "stat.error;phot.count")):  # fmt: skip
        table[name].info.meta = {"ucd": ucd}
    result = correct_table(table, ENTRY, TableConstants(chip=2))
    assert result["cte_dmag"][0] == pytest.approx(float(correct(ENTRY, 300.0, 2000.0, 2, 57000.0).cte_dmag))


def test_columns_of_the_lake_are_found_by_radius():
    assert discover(["flux_r03", "flux_r05", "y"], radius=5, constants=["chip", "mjd"]).flux == "flux_r05"


@pytest.mark.parametrize(
    ("names", "options", "message"),
    [
        (["y", "chip", "mjd"], {}, "no flux or magnitude"),
        (["flux", "chip", "mjd"], {}, "no row"),
        (["flux", "y", "mjd"], {}, "no chip"),
        (["flux", "y", "chip"], {}, "no date"),
        (["flux"], {"chosen": {"flux": "f"}}, "no column 'f'"),
        (["flux"], {"chosen": {"colour": "flux"}}, "no role 'colour'"),
        (["a", "b"], {"ucds": {"a": "phot.count", "b": "phot.count"}}, "a, b could all be the flux"),
    ],
)
def test_what_is_not_found_is_said(names, options, message):
    with pytest.raises(CatalogError, match=message):
        discover(names, **options)


def test_text_in_a_number_column_is_refused():
    with pytest.raises(Exception, match="'flux' does not hold numbers"):
        correct_table(Table({"flux": ["bright"], "y": [1.0]}), ENTRY, FACTS)


def test_what_pandas_is_indexed_by_is_a_column():
    frame = pd.DataFrame(
        {"flux": [300.0, 3000.0], "y": [2000.0, 100.0], "chip": [2, 1], "mjd": [57000.0] * 2}
    )
    plain = correct_table(frame, ENTRY)
    for keys in ("flux", ["chip", "mjd"], ["flux", "y", "chip"]):
        found = correct_table(frame.set_index(keys), ENTRY)
        np.testing.assert_array_equal(found["cte_loss"].to_numpy(), plain["cte_loss"])
        assert list(found.index.names) == ([keys] if isinstance(keys, str) else keys)
    numbered = frame.rename(columns={"flux": 0})
    found = correct_table(numbered, ENTRY, chosen={"flux": "0"})
    np.testing.assert_array_equal(found["cte_loss"], plain["cte_loss"])


def test_spans_of_time_are_no_dates():
    table = Table(
        {"flux": [300.0], "y": [20.0], "chip": [2], "mjd": Time([57000.0], format="mjd") - 1.0 * u.day}
    )
    assert "cte_loss" in correct_table(table, ENTRY).colnames
    table["mjd"] = TimeDelta([57000.0], format="jd")
    with pytest.raises(CatalogError, match="holds spans of time"):
        correct_table(table, ENTRY)


TWO = {"flux": [600.0, 5000.0], "y": [1500.0, 300.0], "chip": [2, 1], "mjd": [57601.3, 57601.3]}
RECORDS = np.array(list(zip(*TWO.values(), strict=True)), dtype=[(name, ">f8") for name in TWO])


def with_dates(dates):
    return pd.DataFrame(TWO | {"mjd": dates})


@pytest.mark.parametrize(
    "make",
    [
        lambda: TWO,
        lambda: RECORDS,
        lambda: pd.DataFrame({name: RECORDS[name] for name in TWO}),
        lambda: with_dates(pd.PeriodIndex(["2016-08-01 07:12"] * 2, freq="min")),
        lambda: pd.DataFrame(TWO).set_index(pd.DatetimeIndex(["2016-08-01 07:12"] * 2, name="mjd")),
        lambda: with_dates(pd.to_datetime(["2016-08-01 07:12"] * 2, utc=True).tz_convert("Asia/Tokyo")),
        lambda: pd.DataFrame(TWO).convert_dtypes(dtype_backend="pyarrow"),
    ],
    ids=["mapping", "structured", "big-endian", "periods", "index", "zone", "arrow"],
)
def test_what_notebooks_hold_gives_the_same_losses(make):
    table = make()
    if "mjd" in getattr(getattr(table, "index", None), "names", ()):
        table = table.drop(columns="mjd")
    result = correct_table(table, ENTRY, TableConstants())
    np.testing.assert_allclose(np.asarray(result["cte_loss"]), correct(ENTRY, *TWO.values()).cte_loss)


class Lazy:
    def compute(self):
        return TWO


@pytest.mark.parametrize(
    ("table", "words"),
    [
        (Lazy(), "a Lazy is not computed yet; give what its compute"),
        (pd.Series([1.0]), "a Series cannot be read as a table"),
        ([TWO], "a list is not a table"),
    ],
)
def test_what_is_no_table_is_refused(table, words):
    with pytest.raises(UsageError, match=words):
        correct_table(table, ENTRY, FACTS)


def test_a_column_of_places_is_refused_by_name():
    with pytest.raises(CatalogError, match="'y' holds SkyCoords, and numbers are wanted"):
        correct_table(Table({**TWO, "y": SkyCoord([1, 2] * u.deg, [1, 2] * u.deg)}), ENTRY)


def test_records_of_fits_keep_units_and_missing_numbers():
    flux = fits.Column("flux", "J", unit="ELECTRONS/S", null=-1, array=np.array([-1, 15]))
    rest = [fits.Column(name, "D", array=np.array(TWO[name])) for name in ("y", "chip", "mjd")]
    records = fits.BinTableHDU.from_columns([flux, *rest]).data
    with pytest.raises(CatalogError, match=r"'flux' is in ELECTRONS/S, .* give --exptime"):
        correct_table(records, ENTRY)
    result = correct_table(records, ENTRY, TableConstants(exptime=400.0))
    wanted = correct(ENTRY, [np.nan, 6000.0], TWO["y"], TWO["chip"], TWO["mjd"])
    np.testing.assert_allclose(np.asarray(result["cte_loss"]), wanted.cte_loss)
    assert result["cte_flag"][0] & bits.INPUT_MISSING.value


class Measured(np.ndarray):
    """An array with a unit as unyt has it, and in another spelling pint and xarray."""

    units = "count/s"


def test_units_of_other_packages_are_not_dropped():
    flux = np.array(TWO["flux"]).view(Measured)
    with pytest.raises(UsageError, match=r"column 'flux' is of .*, in count/s, which is not read"):
        correct_table({**TWO, "flux": flux}, ENTRY)
    for entry in ({"units": {"flux": "electron/s"}}, {"unit": {"flux": "electron/s"}}):
        frame = pd.DataFrame(TWO)
        frame.attrs.update(entry)
        with pytest.raises(CatalogError, match="'flux' is in electron/s"):
            correct_table(frame, ENTRY)
    for key in ("Unit", "TUNIT"):
        arrow = pa.table(TWO)
        field = arrow.schema.field("flux").with_metadata({key: "electron/s"})
        with pytest.raises(CatalogError, match="'flux' is in electron/s"):
            correct_table(arrow.set_column(0, field, arrow["flux"]), ENTRY)


def test_names_of_a_mapping_may_be_numbers():
    numbered = dict(enumerate(TWO.values()))
    result = correct_table(numbered, ENTRY, None, {"flux": "0", "y": "1", "chip": "2", "mjd": "3"})
    np.testing.assert_allclose(np.asarray(result["cte_loss"]), correct(ENTRY, *TWO.values()).cte_loss)


def test_a_background_without_a_unit_is_in_electrons_only_beside_electrons():
    sky, entry = {"sky": [3.0, 3.0]}, make_background_set()
    wanted = correct(entry, *TWO.values(), background=3.0).cte_loss
    np.testing.assert_allclose(correct_table(Table(TWO | sky), entry)["cte_loss"], wanted)
    counts = Table({**TWO, "flux": np.array(TWO["flux"]) / 1.5, **sky})
    with pytest.raises(
        CatalogError, match="'sky' has no unit, and beside fluxes in ct may not be in electrons"
    ):
        correct_table(counts, entry, TableConstants(gain=1.5))
    given = TableConstants(gain=1.5, units={"background": "electron"})
    np.testing.assert_allclose(correct_table(counts, entry, given)["cte_loss"], wanted)
    rates = Table({**TWO, **sky})
    rates["flux"] = np.array(TWO["flux"]) / 400.0 * u.electron / u.s
    with pytest.raises(CatalogError, match=r"beside fluxes in electron / s may not be in electrons"):
        correct_table(rates, entry, TableConstants(exptime=400.0))


@pytest.mark.parametrize("beside", [True, False])
def test_magnitudes_in_mmag_are_magnitudes(beside):
    mags = 25.0 - 2.5 * np.log10(TWO["flux"])
    own = {name: values for name, values in TWO.items() if beside or name != "flux"}
    table = QTable({**own, "mag": 1000.0 * mags * u.mmag})
    result = correct_table(table, ENTRY, TableConstants(zero_point=25.0))
    np.testing.assert_allclose(result["cte_loss"], correct(ENTRY, *TWO.values()).cte_loss)
    np.testing.assert_allclose(
        u.Quantity(result["corrected_mag"]).to_value("mag"), mags - u.Quantity(result["cte_dmag"]).value
    )


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"chip": "UVIS2"}, "chip 'UVIS2' is not 1"),
        ({"chip": 3}, "chip 3 is not 1"),
        ({"exptime": "400"}, "exptime '400' is not a plain number"),
        ({"radius": 3 * u.pix}, "is not a plain number"),
        ({"units": {"sky": "electron"}}, "no role 'sky'; roles are flux, mag"),
    ],
)
def test_a_constant_of_the_wrong_kind_is_refused(facts, words):
    with pytest.raises(UsageError, match=words):
        TableConstants(**facts)


@pytest.mark.parametrize("flux", [600.0, [600.0, 700.0, 800.0]])
def test_columns_of_a_mapping_have_one_length(flux):
    with pytest.raises(UsageError, match="not lists or arrays of one length"):
        correct_table({"flux": flux, "y": [1500.0, 300.0]}, make_set(), TableConstants(mjd=57000.0, chip=2))
