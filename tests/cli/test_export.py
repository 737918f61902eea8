"""``export``: a view's rows with units, UCDs and descriptions, as other programs read them back."""

from __future__ import annotations

import io
import itertools
import json
import os
import shutil
import subprocess
import sys
import warnings

import numpy as np
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest
from astropy import units as u
from astropy.io import fits, votable
from astropy.table import QTable
from typer.testing import CliRunner

from cte_lake import open_lake
from cte_lake.cli.main import app
from cte_lake.cli.output import Format, render
from cte_lake.cli.rows import write_parts
from cte_lake.errors import CteLakeError, LakeError, UsageError
from cte_lake.lake.create import create_lake
from cte_lake.lake.stored import stored
from cte_lake.views import published_views, running, sql_objects, view_columns, view_query
from cte_lake.views.table_files import _VOTABLE_UNITS, _votable_unit
from tests.sql.writing import add_pair

COLUMNS = {column.name: column for column in view_columns("losses")}


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    folder = tmp_path_factory.mktemp("export") / "lake"
    create_lake(stored(folder))
    rng = np.random.default_rng(5)
    stars = {"master_id": np.arange(200), "y": rng.uniform(0, 2050, 200)}
    for number, flash in enumerate((0, 12)):
        flux = rng.uniform(600, 1900, 200)
        first = stars | {"flux_r03": flux, "sky": np.full(200, 9.0)}
        second = first | {"flux_r03": flux * rng.normal(1, 0.01, 200)}
        add_pair(folder, first=first, second=second, flash=flash, mjd=57601.3 + 100 * number)
    return folder


def export(lake, *arguments):
    result = CliRunner().invoke(app, ["export", *map(str, arguments), "--lake", str(lake)])
    if isinstance(result.exception, CteLakeError):
        raise result.exception
    assert result.exception is None, result.exception
    return result


def read(path):
    formats = {".ecsv": "ascii.ecsv", ".vot": "votable"}
    with warnings.catch_warnings():
        # Astropy knows that 'electron' is no unit of the standards.
        warnings.simplefilter("ignore", u.UnitsWarning)
        return QTable.read(path, format=formats.get(path.suffix, path.suffix[1:]))


@pytest.mark.slow
@pytest.mark.parametrize("ending", ["vot", "ecsv", "parquet"])
def test_units_ucds_and_descriptions_come_back(lake, tmp_path, ending):
    path = tmp_path / f"losses.{ending}"
    export(lake, "losses", "--to", path)
    table = read(path)
    with open_lake(lake) as opened:
        asked = opened.losses()
    assert table.colnames == asked.columns == list(COLUMNS)
    assert len(table) == len(asked) > 0
    for name, column in COLUMNS.items():
        # The Virtual Observatory's standard of units has no electrons: the word stands there all the same.
        assert u.Unit(str(table[name].info.unit or "")) == u.Unit(column.unit), name
        assert table[name].info.meta["ucd"] == column.ucd, name
        # A VOTable breaks lines.
        assert " ".join(table[name].info.description.split()) == column.description, name
    np.testing.assert_allclose(np.sort(table["loss"].value), np.sort(asked["loss"]), rtol=1e-15)


def test_fits_has_them_where_topcat_looks(lake, tmp_path):
    path = tmp_path / "losses.fits"
    export(lake, "losses", "--to", path)
    header = fits.getheader(path, 1)
    for place, (name, column) in enumerate(COLUMNS.items(), 1):
        assert header[f"TTYPE{place}"] == name
        assert header[f"TUCD{place}"] == column.ucd
        assert header[f"TCOMM{place}"] == column.description
    assert header["EXTNAME"] == "LOSSES"
    table = read(path)
    assert table["mean_flux"].unit == u.electron
    percent = table["loss_percent"].to_value(u.percent)
    np.testing.assert_allclose(percent, 100 * table["loss"], rtol=1e-12)


def test_a_votable_keeps_to_the_standard_but_for_two_units(lake, tmp_path):
    path = tmp_path / "stars.vot"
    export(lake, "phot", "--to", path)
    document = votable.parse(path, verify="exception")
    (table,) = document.iter_tables()
    assert (table.name, {info.name: info.value for info in document.infos}["cte_lake_view"]) == (
        "phot",
        "phot",
    )


def test_parquet_has_them_in_its_fields_and_for_topcat(lake, tmp_path):
    path = tmp_path / "losses.parquet"
    export(lake, "losses", "--to", path, "--flash", 12)
    schema = pq.read_schema(path)
    for name, column in COLUMNS.items():
        notes = schema.field(name).metadata
        assert notes[b"unit"].decode() == column.unit
        assert notes[b"ucd"].decode() == column.ucd
        assert notes[b"description"].decode() == column.description
    assert json.loads(schema.metadata[b"cte_lake"])["selection"] == "--flash 12"
    (table,) = votable.parse(io.BytesIO(schema.metadata[b"IVOA.VOTable-Parquet.content"])).iter_tables()
    assert {field.name: field.ucd for field in table.fields} == {n: c.ucd for n, c in COLUMNS.items()}
    assert {field.name: str(field.unit or "") for field in table.fields} == {
        name: str(u.Unit(column.unit)) for name, column in COLUMNS.items()
    }
    assert (table.name, table.description) == (
        "losses",
        json.loads(schema.metadata[b"cte_lake"])["one_row_is"],
    )


def test_units_of_a_votable_are_those_that_astropy_writes():
    assert {unit: _votable_unit(unit) for unit in _VOTABLE_UNITS} == _VOTABLE_UNITS
    known = {
        column.unit for each in sql_objects() if each.kind != "macro" for column in view_columns(each.name)
    }
    assert known <= _VOTABLE_UNITS.keys()
    assert _votable_unit("electron / s") == "electron.s**-1"


@pytest.mark.slow
def test_rows_are_chosen_by_options_and_a_condition(lake, tmp_path):
    path = tmp_path / "some.ecsv"
    export(lake, "losses", "--to", path, "--flash", 0, "--target", "NGC 104", "--where", "n > 3 -- enough")
    assert set(read(path)["flash"].value) == {0}
    export(lake, "losses", "--to", path, "--overwrite", "--until", "2016-08-02", "--where", "true")
    assert set(read(path)["mjd"].value) == {57601.3}
    export(lake, "losses", "--to", path, "--overwrite", "--radius", 5)
    assert set(read(path)["aperture"].value) <= {5}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("epochs", "--flash", "0"), "view epochs has no column 'flash'"),
        (("losses", "--where", "mjd >"), "the query failed"),
        (("losses", "--where", "1 = 1) UNION SELECT (2"), "the query failed"),
        (("losses", "--where", "image_1 IN (SELECT content FROM read_text('/etc/passwd'))"), "read_text"),
        (("losses", "--target", "nowhere"), "no target is called"),
    ],
)
def test_what_cannot_be_exported_is_refused_and_writes_nothing(lake, tmp_path, arguments, said):
    with pytest.raises(CteLakeError, match=said):
        export(lake, *arguments, "--to", tmp_path / "x.vot")
    with pytest.raises(LakeError, match="did you mean 'losses'"):
        export(lake, "loses", "--to", tmp_path / "x.vot")
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_replaced_only_when_told(lake, tmp_path):
    path = tmp_path / "losses.vot"
    path.write_text("mine")
    with pytest.raises(UsageError, match="--overwrite"):
        export(lake, "losses", "--to", path)
    assert path.read_text() == "mine"
    export(lake, "losses", "--to", path, "--overwrite")
    assert b"VOTABLE" in path.read_bytes()


@pytest.mark.slow
def test_a_row_of_any_length_stays_within_the_writer_s_memory():
    """Rows that fill a buffer of 2**n bytes to the last one; Python's debugging allocator watches it."""
    code = (
        "import pyarrow as pa; from cte_lake.views.table_files import votable_bytes\n"
        "for length in range(380, 900): votable_bytes(pa.table({'text': ['x' * length]}))"
    )
    watched = {**os.environ, "PYTHONMALLOC": "debug"}
    line = [sys.executable, "-c", code]
    done = subprocess.run(line, env=watched, capture_output=True, text=True, check=False, timeout=400)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_every_view_goes_into_every_format_with_rows_and_without(lake, tmp_path):
    with open_lake(lake) as opened:
        for view in published_views():
            rows = opened.view(view).arrow()
            for some, format_ in itertools.product((rows[:50], rows[:0]), Format):
                assert render(some, format_, None), (view, format_)


@pytest.fixture
def start_counting(monkeypatch):
    """Begin to write in parts of 100 rows; returns the list of their sizes, which grows."""

    def start():
        sizes = []

        def counting(parts, format_, stream):
            write_parts((sizes.append(part.num_rows) or part for part in parts), format_, stream)

        monkeypatch.setattr(running, "_PART", 100)
        monkeypatch.setattr("cte_lake.cli.rows.write_parts", counting)
        return sizes

    return start


@pytest.mark.parametrize("ending", ["parquet", "csv"])
def test_rows_are_written_part_by_part(lake, tmp_path, start_counting, ending):
    whole = tmp_path / f"whole.{ending}"
    export(lake, "phot", "--to", whole)
    sizes = start_counting()
    in_parts = tmp_path / f"parts.{ending}"
    export(lake, "phot", "--to", in_parts)
    assert len(sizes) > 2
    assert sizes[0] == 0
    if ending == "csv":
        assert in_parts.read_text() == whole.read_text()
    else:
        found, expected = (pq.read_table(path) for path in (in_parts, whole))
        assert found.equals(expected, check_metadata=True)
        assert found.num_rows == sum(sizes)


@pytest.mark.parametrize("view", ["exposures", "phot", "losses"])
def test_an_export_is_the_same_file_each_time(lake, tmp_path, view):
    export(lake, view, "--to", tmp_path / "rows.parquet")
    rows = pq.read_table(tmp_path / "rows.parquet")
    key = ["imagename", *(["master_id"] if view == "phot" else [])] if view != "losses" else rows.column_names
    assert rows.num_rows > 1
    # As text, for NaN equals nothing.
    assert str(rows.to_pylist()) == str(rows.sort_by([(name, "ascending") for name in key]).to_pylist())


def test_photometry_is_sorted_a_few_images_at_a_time(lake, tmp_path, monkeypatch):
    asked = ["phot", "--where", "master_id > 5 -- of most", "--target", "ngc104", "--to"]
    export(lake, *asked, tmp_path / "whole.csv")
    monkeypatch.setattr(view_query, "_STARS", 300)
    images = [{"imagename": name, "n_stars": n} for name, n in (("a", 200), ("b", 200), ("c", 300), ("d", 1))]
    assert list(view_query.image_pieces(images)) == [("", "b"), ("b", "c"), ("c", "d")]
    export(lake, *asked, tmp_path / "pieces.csv")
    assert (tmp_path / "pieces.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()


def test_photometry_that_is_removed_meanwhile_is_missed(lake, tmp_path, monkeypatch):
    monkeypatch.setattr(view_query, "_STARS", 1)
    shutil.copytree(lake, tmp_path / "lake")

    def lose(parts):
        for part in parts:
            for path in (tmp_path / "lake/phot").rglob("ic*.parquet"):
                if part.num_rows:
                    path.unlink()

    with open_lake(tmp_path / "lake") as opened, pytest.raises(LakeError, match="export it again"):
        opened.each_part(lose, "phot", ordered=True)


@pytest.mark.parametrize("ending", ["parquet", "csv"])
def test_the_answer_of_a_query_is_written_part_by_part(lake, tmp_path, start_counting, ending):
    sizes = start_counting()
    path = tmp_path / f"rows.{ending}"
    query = "SELECT i::VARCHAR AS word, i / 4 AS quarter, 1.25 AS exact FROM range(5000) AS t(i) ORDER BY i"
    result = CliRunner().invoke(app, ["sql", query, "--lake", str(lake), "-o", str(path)])
    assert result.exception is None, result.exception
    assert sizes[0] == 0
    assert len(sizes) > 2
    table = pq.read_table(path) if ending == "parquet" else pacsv.read_csv(path)
    assert [float(word) for word in table["word"].to_pylist()] == list(range(5000))
    assert [float(value) for value in table["exact"].to_pylist()[:2]] == [1.25, 1.25]


def test_what_does_not_fit_is_refused_before_it_is_made(lake, tmp_path, monkeypatch):
    monkeypatch.setattr("cte_lake.cli.rows.free_memory", lambda: 10_000)
    with pytest.raises(UsageError, match=r"as fits do not fit .* write csv or parquet"):
        export(lake, "phot", "--to", tmp_path / "all.fits")
    assert list(tmp_path.iterdir()) == []
    export(lake, "phot", "--to", tmp_path / "all.parquet")
