"""A table of another camera, filter, exposure, flash or file type than the set's is flagged or refused."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from astropy.io import fits
from astropy.io.votable import from_table
from astropy.io.votable.tree import Info, Param
from astropy.table import Table

from cte_lake.correction.correct_files import correct_file
from cte_lake.correction.table_files import open_table
from cte_lake.errors import CatalogError
from cte_lake.model import flags as bits
from cte_lake.model.correct_table import correct_table
from cte_lake.model.origin import filetype_of
from cte_lake.model.table_constants import TableConstants
from tests.model.sets import make_background_set, make_set

KIND = {"filter": "F502N", "length": "l", "flash": "0", "chinject": "NONE"}
ENTRY = replace(make_set(), selection=KIND)
FACTS = TableConstants(mjd=57000.0, chip=2, background=5.0, radius=3)


def stars(**columns):
    return {"flux": [900.0, 1000.0], "y": [100.0, 1900.0]} | columns


def flags_of(table, entry=ENTRY, facts=FACTS, chosen=None):
    """Return the names of the flags of each row, those of the set's own ranges left out."""
    return [set(bits.decode(int(flag))) for flag in correct_table(table, entry, facts, chosen)["cte_flag"]]


@pytest.mark.parametrize(
    ("columns", "flag"),
    [
        ({"instrument": ["WFC3", "ACS"]}, "other_camera"),
        ({"INSTRUME": ["WFC3/UVIS", "WFC3/IR"]}, "other_camera"),
        ({"camera": ["HST WFC3 UVIS2", "WFPC2"]}, "other_camera"),
        ({"DETECTOR": ["uvis", "IR"]}, "other_camera"),
        ({"detector": ["UVIS1", "WFC1"]}, "other_camera"),
        ({"filter": ["F502N", "F606W"]}, "other_filter"),
        ({"FILTER": ["HST/WFC3_UVIS2.F502N", "f814w"]}, "other_filter"),
        ({"band": ["", "V"]}, "other_filter"),
        ({"exptime": [420.0, 30.0]}, "other_length"),
        ({"exptime [min]": [7.0, 0.5]}, "other_length"),
        ({"length": ["l", "s"]}, "other_length"),
        ({"flash": [0, 12]}, "other_flash"),
        ({"FLASHLVL": ["0.0", "6"]}, "other_flash"),
        ({"chinject": ["NONE", "CONT"]}, "other_injection"),
        ({"filetype": ["flt", "flc"]}, "wrong_filetype"),
        ({"imagename": ["ia1b01abq_flt.fits", "ia1b01abq_flc.fits[sci,1]"]}, "wrong_filetype"),
        ({"filename": ["ia1b01abq_flt", "x_drc.fits"]}, "wrong_filetype"),
    ],
    ids=str,
)
@pytest.mark.parametrize("kind", [pa.table, Table, pd.DataFrame], ids=["arrow", "astropy", "pandas"])
def test_rows_of_other_frames_are_flagged(columns, flag, kind):
    own, other = flags_of(kind(stars(**columns)))
    assert flag in other
    assert flag not in own
    loss = correct_table(kind(stars(**columns)), ENTRY, FACTS)["cte_loss"]
    assert np.isfinite(np.asarray(loss)).tolist() == [True, flag != "other_camera"]


def test_an_option_does_not_hide_what_a_column_says():
    facts = replace(FACTS, filetype="flt")
    own, other, silent = flags_of(
        Table({"flux": [9e2] * 3, "y": [9.0] * 3, "filetype": ["flt", "flc", ""]}), facts=facts
    )
    assert "wrong_filetype" in other
    assert not {"wrong_filetype", "filetype_unknown"} & (own | silent)
    ignored = flags_of(Table(stars(filetype=["flt", "flc"])), facts=facts, chosen={"filetype": "none"})
    assert not any("wrong_filetype" in flags for flags in ignored)


def test_what_names_nothing_is_not_flagged():
    table = Table(
        stars(detector=[1, 2], instrument=["", "HST"], filter=["", "CLEAR1L"], flash=["", "nan"],
              image=[1, 2], exptime=[np.nan, 0.0], length=[3.5, 4.5])
    )  # fmt: skip
    for flags in flags_of(table):
        assert not {flag for flag in flags if flag.startswith("other_")}


def test_a_set_that_records_nothing_is_compared_with_the_camera_alone():
    table = Table(stars(filter=["F606W"] * 2, flash=[12, 12], exptime=[30.0] * 2, camera=["WFC3", "ACS"]))
    own, other = flags_of(table, make_set())
    assert not {flag for flag in own if flag.startswith("other_")}
    assert {flag for flag in other if flag.startswith("other_")} == {"other_camera"}


def test_a_set_with_background_is_of_any_flash():
    entry = replace(make_background_set(), selection=KIND)
    assert not any("other_flash" in flags for flags in flags_of(Table(stars(flash=[0, 12])), entry))


def test_the_filter_in_a_columns_name_is_read():
    table = Table({"flux_F606W": [900.0], "y": [100.0]})
    assert "other_filter" in flags_of(table, chosen={"flux": "flux_F606W"})[0]
    table.rename_column("flux_F606W", "flux_F502N")
    assert "other_filter" not in flags_of(table, chosen={"flux": "flux_F502N"})[0]


def in_fits(path, meta):
    primary = fits.PrimaryHDU()
    primary.header.update(meta)
    fits.HDUList([primary, fits.table_to_hdu(Table(stars()))]).writeto(path)


def in_votable(path, meta):
    document = from_table(Table(stars()))
    for place, (name, value) in enumerate(meta.items()):
        param = Param(document, name=name, value=str(value), datatype="char", arraysize="*")
        where = (document.get_first_table().params, document.resources[0].params)[place % 2]
        where.append(param) if place < 2 else document.infos.append(Info(name=name, value=str(value)))
    document.to_xml(str(path))


def in_ecsv(path, meta):
    Table(stars(), meta={"observation": dict(meta)}).write(path, format="ascii.ecsv")


def in_text(path, meta):
    lines = [f"# {key} = {value} / of the frame" for key, value in meta.items()]
    path.write_text("\n".join([*lines, "flux,y", "900,100", "1000,1900"]))


def in_pandas(path, meta):
    frame = pd.DataFrame(stars())
    frame.attrs = dict(meta)
    frame.to_parquet(path)


def in_astropys_parquet(path, meta):
    Table(stars(), meta=dict(meta)).write(path)


def in_arrow(path, meta):
    named = {key.lower(): str(value) for key, value in meta.items()}
    pq.write_table(pa.table(stars()).replace_schema_metadata(named), path)


WRITERS = {
    "fits": in_fits, "vot": in_votable, "ecsv": in_ecsv, "csv": in_text, "pandas.parquet": in_pandas,
    "astropy.parquet": in_astropys_parquet, "arrow.parquet": in_arrow,
}  # fmt: skip


@pytest.fixture(params=WRITERS)
def write(request, tmp_path):
    def write(meta):
        path = tmp_path / f"{len(list(tmp_path.iterdir()))}.{request.param}"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            WRITERS[request.param](path, meta)
        return path

    return write


def test_metadata_is_compared(write, tmp_path):
    def run(meta, **facts):
        out = tmp_path / "out.parquet"
        out.unlink(missing_ok=True)
        return correct_file(write(meta), out, ENTRY, replace(FACTS, **facts))

    done = run({"INSTRUME": "WFC3", "DETECTOR": "UVIS", "FILTER": "F606W", "EXPTIME": 30.0, "FLASHLVL": 12})
    assert {k for k in done.flags if k.startswith("other_")} == {
        "other_filter",
        "other_length",
        "other_flash",
    }
    assert done.flags["other_filter"] == 2
    assert "F606W" in done.readings["filter"]
    done = run(
        {
            "TELESCOP": "HST",
            "INSTRUME": "WFC3",
            "FILTER": "F502N",
            "EXPTIME": 420.0,
            "FILENAME": "ia1b01abq_flc.fits",
        }
    )
    assert not {k for k in done.flags if k.startswith("other_")}
    assert done.flags["wrong_filetype"] == 2
    for meta in (
        {"INSTRUME": "ACS"},
        {"DETECTOR": "IR"},
        {"TELESCOP": "JWST"},
        {"PHOTMODE": "ACS WFC1 F606W MJD#57000"},
    ):
        with pytest.raises(CatalogError, match=r"metadata is '.*for WFC3/UVIS, so that nothing"):
            run(meta)
    for meta, facts, what in (
        ({"CCDCHIP": 1}, {}, "--chip 2"),
        ({"FILETYPE": "flc"}, {"filetype": "flt"}, "--filetype flt"),
        ({"EXPTIME": 30.0}, {"exptime": 420.0}, "--exptime 420"),
        ({"EXPSTART": 56000.0}, {"mjd": 57601.0}, "--mjd 57601"),
        ({"PCTECORR": "COMPLETE"}, {"filetype": "flt"}, "--filetype flt"),
    ):
        with pytest.raises(CatalogError, match=f"{what}.* was given; correct one of them"):
            run(meta, **facts)
    assert not (tmp_path / "out.parquet").exists()


@pytest.mark.parametrize(
    ("meta", "refused"),
    [
        ({"LTV2": -1538.0}, True), ({"BINAXIS2": 2}, True), ({"LTV2": 0.0, "BINAXIS2": 1}, False),
        ({"LTV2": ""}, False), ({"LTV2": "n/a"}, False),
        ({"BINNING": "2x2"}, True), ({"BINNING": "1 x 1"}, False),
    ],
)  # fmt: skip
def test_rows_of_a_subarray_or_of_binned_pixels_are_refused(tmp_path, meta, refused):
    """Taken for rows of the whole chip, they gave the loss of stars nearer to the amplifiers."""
    path = tmp_path / "stars.ecsv"
    Table(stars(), meta=meta).write(path)
    if refused:
        with pytest.raises(CatalogError, match="does not count the rows of the whole chip"):
            correct_file(path, tmp_path / "out.ecsv", ENTRY, FACTS)
    else:
        assert correct_file(path, tmp_path / "out.ecsv", ENTRY, FACTS).corrected


@pytest.mark.parametrize("column", ["binning", "BINAXIS2"])
def test_a_column_of_binned_pixels_is_refused(tmp_path, column):
    Table(stars(**{column: [2, 2]})).write(tmp_path / "stars.ecsv")
    with pytest.raises(CatalogError, match=f"{column} is '2', so that column 'y' does not count the rows"):
        correct_file(tmp_path / "stars.ecsv", tmp_path / "out.ecsv", ENTRY, FACTS)


@pytest.mark.parametrize(("rows", "refused"), [(30, True), (5, False)])
def test_fractions_of_a_chip_are_no_rows(tmp_path, rows, refused):
    """Taken for rows 0 and 1, they gave every star the loss at the far end of chip 1 or none on chip 2."""
    table = Table(stars(flux=[900.0] * rows, y=np.linspace(0.01, 0.99, rows)))
    table.write(tmp_path / "stars.ecsv")
    if refused:
        with pytest.raises(CatalogError, match=r"'y' lies between 0\.01 and 0\.99 in 30 rows on end"):
            correct_file(tmp_path / "stars.ecsv", tmp_path / "out.ecsv", ENTRY, FACTS)
    else:
        assert correct_file(tmp_path / "stars.ecsv", tmp_path / "out.ecsv", ENTRY, FACTS).corrected


def test_what_the_table_does_not_say_is_said(tmp_path):
    path = tmp_path / "stars.csv"
    in_text(path, {})
    done = correct_file(path, tmp_path / "out.csv", ENTRY, FACTS)
    assert done.readings["set"] == "for filter F502N, long exposures, flash 0; the table does not say its own"


def test_rows_are_counted_over_all_parts(tmp_path):
    path = tmp_path / "stars.parquet"
    pq.write_table(
        pa.table({"flux": [900.0] * 6, "y": [9.0] * 6, "filter": ["F606W", "F502N"] * 3}),
        path,
        row_group_size=2,
    )
    from cte_lake.correction.correct_files import TableOptions

    done = correct_file(path, tmp_path / "out.csv", ENTRY, FACTS, options=TableOptions(batch_rows=2))
    assert done.readings["filter"] == "column 'filter'; rows that are not the set's: 3 of F606W"
    assert done.flags["other_filter"] == 3


def test_comments_that_state_nothing_of_frames_leave_no_metadata(tmp_path):
    path = tmp_path / "stars.csv"
    path.write_text("# made by: me\n# FILTER: 'F502N'\nflux,y\n9,1\n")
    opened = open_table(path)
    assert opened.schema.metadata == {b"FILTER": b"F502N"}


@pytest.mark.parametrize(
    ("name", "kind"),
    [("a_flt.fits", "flt"), ("A_FLC", "flc"), ("b_drc.fits[1]", "drc"), ("flatten", ""), ("x.fits", "")],
)
def test_file_types_of_names(name, kind):
    assert filetype_of(name) == kind


def test_spoilt_attributes_of_pandas_state_nothing():
    table = pa.table(stars()).replace_schema_metadata({b"PANDAS_ATTRS": b"{FILTER"})
    assert "other_filter" not in flags_of(table)[0]
