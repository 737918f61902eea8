"""Columns of any type that stand beside the photometry come through a correction into every format."""

from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pyarrow.feather as feather
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.table import Column, QTable, Table

from cte_lake.correction.correct_files import correct_file
from cte_lake.errors import CatalogError
from tests.correction.inputs import stars
from tests.model.sets import make_set

ENTRY = make_set()
OTHERS = {
    "truth": pa.array([True, None]),
    "moment": pa.array([datetime(2016, 8, 1, tzinfo=UTC), None], pa.timestamp("us", "UTC")),
    "half": pa.array([np.float16(1.5), None], pa.float16()),
    "long": pa.array([2**60 + 1, None], pa.int64()),
    "bytes": pa.array([b"NGC 104", None]),
    "listed": pa.array([[1.0], [2.0, 3.0]]),
    "interval": pa.array([(1, 2, 3), None], pa.month_day_nano_interval()),
    "nothing": pa.nulls(2),
}


def corrected(folder, name):
    feather.write_feather(pa.table(stars(**OTHERS)), str(folder / "a.feather"))
    return correct_file(folder / "a.feather", folder / name, ENTRY).path


@pytest.mark.parametrize(
    ("name", "kind"), [("a.fits", "fits"), ("a.vot", "votable"), ("a.ecsv", "ascii.ecsv")]
)
def test_a_value_is_kept_and_a_missing_one_is_missing(tmp_path, name, kind):
    table = Table.read(corrected(tmp_path, f"out_{name}"), format=kind)
    assert bool(table["truth"][0]) is True
    assert table["half"][0] == 1.5
    assert table["long"][0] == 2**60 + 1
    assert table["bytes"][0] == "NGC 104"
    assert list(table["listed"]) == ["[1.0]", "[2.0, 3.0]"]
    assert table["interval"][0] == "P1M2DT3e-09S"
    for column in ("truth", "long", "moment", "nothing"):
        value = table[column][1]
        # FITS has a time in two numbers.
        assert np.all(value.mask if hasattr(value, "mask") else np.isnan(value)), column


def test_text_says_that_a_time_is_utc(tmp_path):
    first = corrected(tmp_path, "out.csv").read_text().splitlines()[1]
    assert "true,2016-08-01 00:00:00.000000Z,1.5,1152921504606846977,NGC 104,[1.0],P1M2DT3e-09S,," in first


def test_fits_refuses_other_letters_than_ascii_and_names_the_column(tmp_path):
    named = stars(name=["\N{GREEK SMALL LETTER ALPHA}", "b"])
    feather.write_feather(pa.table(named), str(tmp_path / "a.feather"))
    with pytest.raises(CatalogError, match=r"column 'name' holds .*, and FITS knows ASCII alone"):
        correct_file(tmp_path / "a.feather", tmp_path / "out.fits", ENTRY)


def test_a_missing_text_stays_missing_in_parquet(tmp_path):
    table = Table(stars())
    table["note"] = Column(["a", None], dtype=object, description="what was seen")
    table.write(tmp_path / "a.ecsv")
    note = Table.read(correct_file(tmp_path / "a.ecsv", tmp_path / "out.parquet", ENTRY).path)["note"]
    assert note.filled("-").tolist() == ["a", "-"]
    assert note.description == "what was seen"


@pytest.mark.parametrize("kind", ["votable", "fits", "ascii.ecsv"])
def test_coordinates_of_astropy_come_through(tmp_path, kind):
    QTable(stars(coord=SkyCoord([5.6, 5.7] * u.deg, [-72.0, -72.1] * u.deg))).write(tmp_path / "a.ecsv")
    path = correct_file(tmp_path / "a.ecsv", tmp_path / f"out.{kind.removeprefix('ascii.')}", ENTRY).path
    table = Table.read(path, format=kind)
    ra = table["coord.ra"] if kind == "votable" else table["coord"].ra
    assert (list(np.asarray(ra)), ra.unit) == ([5.6, 5.7], u.deg)


@pytest.mark.parametrize("name", ["out.parquet", "out.csv"])
def test_objects_of_any_kind_are_refused_with_their_column(tmp_path, name):
    Table(stars(notes=np.array([{"a": 1}, [1]], dtype=object))).write(tmp_path / "a.ecsv")
    with pytest.raises(CatalogError, match=r"column 'notes' holds (several values a row|values of several)"):
        correct_file(tmp_path / "a.ecsv", tmp_path / name, ENTRY)
