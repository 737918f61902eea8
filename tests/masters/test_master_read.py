import gzip

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from astropy import units
from astropy.table import MaskedColumn, Table

from cte_lake.errors import CatalogError
from cte_lake.masters.read import read_master
from cte_lake.masters.table import MasterTable, content_hash

STARS = """3 1894.1649 1858.1332 5.730366667 -72.095850558
5 2906.1191 6889.0950 5.694039525 -72.040522620
4 2495.8633 3191.8166 5.708797688 -72.081188283
"""
COLUMNS = {
    "id": np.array([3, 5, 4]),
    "x": np.array([1894.1649, 2906.1191, 2495.8633]),
    "y": np.array([1858.1332, 6889.0950, 3191.8166]),
    "ra": np.array([5.730366667, 5.694039525, 5.708797688]),
    "dec": np.array([-72.095850558, -72.040522620, -72.081188283]),
}


def write(path, columns):
    """Write columns in the format that the name asks for."""
    name = path.name
    if name.endswith(".parquet"):
        pq.write_table(pa.table({key: np.asarray(values) for key, values in columns.items()}), path)
    elif name.endswith(".cat"):
        path.write_text(
            "".join(
                " ".join(repr(cell.item()) for cell in row) + "\n"
                for row in zip(*columns.values(), strict=True)
            )
        )
    else:
        kinds = {"ecsv": "ascii.ecsv", "fits": "fits", "csv": "ascii.csv", "vot": "votable"}
        Table(columns).write(path, format=kinds[path.suffix[1:]])
    return path


def refusal(path, text=None):
    if text is not None:
        path.write_text(text)
    with pytest.raises(CatalogError) as caught:
        read_master(path)
    message = str(caught.value)
    assert str(path) in message
    assert "\n" not in message
    return message


FORMATS = ["m.cat", "m.ecsv", "m.fits", "m.csv", "m.vot", "m.parquet"]


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_gives_the_same_stars_and_hash(tmp_path, name):
    plain = tmp_path / "plain.cat"
    plain.write_text(STARS)
    table = read_master(write(tmp_path / name, COLUMNS))
    assert table.id.tolist() == [3, 4, 5]
    assert table.id.dtype == np.int64
    assert table.ra.tolist() == [5.730366667, 5.708797688, 5.694039525]
    assert table.dec.tolist() == [-72.095850558, -72.081188283, -72.040522620]
    assert table.x.tolist() == [1894.1649, 2495.8633, 2906.1191]
    assert table.y.tolist() == [1858.1332, 3191.8166, 6889.0950]
    assert content_hash(table) == content_hash(read_master(plain))


def test_reference_catalogs(shared):
    for target, n, first in (("ngc104", 44750, 3), ("ngc6583", 29945, 1)):
        table = read_master(shared / "frames" / target / f"{target}_master.cat")
        assert len(table) == n
        assert table.id[0] == first
        assert np.isfinite(table.x + table.y + table.ra + table.dec).all()


def test_comments_and_blank_lines(tmp_path):
    path = tmp_path / "m.cat"
    path.write_text("# id x y ra dec\n\n" + STARS.replace("\n", "  # bright\n\n", 1) + "   \n")
    assert read_master(path).id.tolist() == [3, 4, 5]


def test_packed_text(tmp_path):
    path = tmp_path / "m.cat.gz"
    path.write_bytes(gzip.compress(STARS.encode()))
    assert read_master(path).id.tolist() == [3, 4, 5]


@pytest.mark.parametrize(
    "names",
    [
        ("ID", "X", "Y", "RA", "Dec"),
        ("MASTER_ID", "xpix", "ypix", "ra", "DEC"),
        ("NUMBER", "X_IMAGE", "Y_IMAGE", "ALPHA_J2000", "DELTA_J2000"),
        ("id", "xcentroid", "ycentroid", "RAJ2000", "DEJ2000"),
    ],
)
def test_columns_are_found_by_their_usual_names(tmp_path, names):
    renamed = dict(zip(names, COLUMNS.values(), strict=True))
    assert read_master(write(tmp_path / "m.fits", renamed)).y.tolist() == [1858.1332, 3191.8166, 6889.0950]


def test_angles_in_other_units_become_degrees(tmp_path):
    table = Table(COLUMNS)
    table["ra"] = (COLUMNS["ra"] / 15 * units.hourangle).astype(float)
    table["dec"].unit = units.deg
    table.write(tmp_path / "m.ecsv")
    assert read_master(tmp_path / "m.ecsv").ra == pytest.approx(np.sort(COLUMNS["ra"])[::-1], rel=1e-14)


def test_positions_on_the_master_image_may_be_absent(tmp_path):
    table = read_master(write(tmp_path / "m.csv", {key: COLUMNS[key] for key in ("id", "ra", "dec")}))
    assert np.isnan(table.x).all()


def test_further_numbers_are_kept_words_are_not(tmp_path):
    extra = {"MAG": np.array([20.5, 18.0, np.nan]), "name": np.array(["a", "b", "c"])}
    for name in ("m.fits", "m.csv", "m.parquet", "m.vot", "m.ecsv"):
        table = read_master(write(tmp_path / name, COLUMNS | extra))
        assert list(table.extra) == ["mag"]
        assert table.extra["mag"] == pytest.approx([20.5, np.nan, 18.0], nan_ok=True)


class TestHash:
    def test_changes_with_any_number(self, tmp_path):
        before = content_hash(read_master(write(tmp_path / "a.parquet", COLUMNS)))
        for key in COLUMNS:
            changed = COLUMNS | {key: COLUMNS[key] + (7 if key == "id" else 1e-9)}
            assert content_hash(read_master(write(tmp_path / f"{key}.parquet", changed))) != before

    def test_does_not_depend_on_the_order_of_rows(self):
        turned = {key: values[::-1] for key, values in COLUMNS.items()}
        assert content_hash(MasterTable(**COLUMNS)) == content_hash(MasterTable(**turned))

    def test_negative_zero_is_zero(self, tmp_path):
        hashes = {
            content_hash(
                read_master(write(tmp_path / f"{i}.parquet", COLUMNS | {"x": np.array([zero, 1, 2])}))
            )
            for i, zero in enumerate((0.0, -0.0))
        }
        assert len(hashes) == 1


class TestRefusedText:
    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("", "no star"),
            ("# nothing\n\n", "no star"),
            (STARS + "6 1 2 3\n", "line 4: 4 columns where 5 belong"),
            ("\n" + STARS + "6 1 2 3 4 5\n", "line 5: 6 columns"),
            (STARS + "six 1 2 3 4\n", "line 4: id is 'six', not a whole number"),
            (STARS + "6.5 1 2 3 4\n", "line 4: id is '6.5'"),
            (STARS + "6 1 2 3h 4\n", "line 4: ra is '3h', not a number"),
            (STARS + "6 1 2 nan 4\n", "line 4: RA is nan"),
            (STARS + "6 1 2 3 inf\n", "line 4: Dec is inf"),
            (STARS + "6 nan 2 3 4\n", "line 4: x is nan"),
            (STARS + "6 1 2 360.0 4\n", "line 4: RA 360.0 is outside"),
            (STARS + "6 1 2 -1 4\n", "line 4: RA -1.0 is outside"),
            (STARS + "6 1 2 3 -90.5\n", "line 4: Dec -90.5 is outside"),
            (STARS + "# c\n5 1 2 3 4\n", "line 5: id 5 was given before, in "),
            (STARS + "99999999999999999999 1 2 3 4\n", "line 4: id is"),
        ],
    )
    def test_line_is_named(self, tmp_path, text, words):
        assert words in refusal(tmp_path / "m.cat", text)

    def test_first_place_of_a_duplicate_is_named_too(self, tmp_path):
        assert "m.cat, line 2 (1 ids" in refusal(tmp_path / "m.cat", STARS + "5 1 2 3 4\n")

    def test_how_many_rows_are_wrong(self, tmp_path):
        assert "and 2 more rows" in refusal(tmp_path / "m.cat", "1 1 1 nan 1\n2 1 1 nan 1\n3 1 1 nan 1\n")

    def test_binary_in_a_text_catalog(self, tmp_path):
        path = tmp_path / "m.cat"
        path.write_bytes(bytes(range(128, 256)) * 10)
        assert "cannot be read as CAT" in refusal(path)


class TestRefusedCsv:
    HEAD = "id,x,y,ra,dec\n1,1,1,5,-72\n"

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("", "has no column 'id'"),
            ("id,x,y,ra,dec\n", "no star"),
            (HEAD + "2,1,1,5\n", "line 3: 4 columns where the header has 5"),
            (HEAD + "# note\n2,1,1,,-72\n", "line 4: ra is blank"),
            (HEAD + "1,1,1,5,-72\n", "line 3: id 1 was given before"),
            (HEAD.replace("ra", "lon"), "has no column 'ra'"),
            (HEAD.replace("x", "ID", 1), "two columns are called 'ID'"),
        ],
    )
    def test_line_or_column_is_named(self, tmp_path, text, words):
        assert words in refusal(tmp_path / "m.csv", text)


class TestRefusedTables:
    @pytest.mark.parametrize("name", ["m.fits", "m.vot", "m.parquet", "m.ecsv"])
    @pytest.mark.parametrize(
        ("change", "words"),
        [
            ({"ra": np.array([5.0, np.nan, 6.0])}, "row 2: RA is nan"),
            ({"id": np.array([3, 4, 3])}, "row 3: id 3 was given before"),
            ({"id": np.array([3.0, 4.5, 5.0])}, "row 2: id is '4.5'"),
            ({"dec": np.array(["1", "two", "3"])}, "row 2: dec is 'two'"),
        ],
    )
    def test_row_is_named(self, tmp_path, name, change, words):
        assert words in refusal(write(tmp_path / name, COLUMNS | change))

    @pytest.mark.parametrize("name", ["m.fits", "m.parquet", "m.ecsv"])
    def test_table_without_rows(self, tmp_path, name):
        assert "no star" in refusal(write(tmp_path / name, {key: v[:0] for key, v in COLUMNS.items()}))

    @pytest.mark.parametrize("name", ["m.fits", "m.vot", "m.parquet", "m.ecsv"])
    def test_file_of_another_kind(self, tmp_path, name):
        assert "cannot be read as" in refusal(tmp_path / name, STARS)

    @pytest.mark.parametrize("name", ["m.fits", "m.vot", "m.parquet"])
    def test_cut_short(self, tmp_path, name):
        path = write(tmp_path / name, COLUMNS)
        path.write_bytes(path.read_bytes()[:-40])
        if name == "m.fits":
            path.write_bytes(path.read_bytes()[:4000])
        assert "cannot be read as" in refusal(path)

    def test_masked_cells(self, tmp_path):
        table = Table(COLUMNS)
        table["dec"] = MaskedColumn(COLUMNS["dec"], mask=[False, True, False])
        table.write(tmp_path / "m.ecsv")
        assert "row 2: Dec is nan" in refusal(tmp_path / "m.ecsv")

    def test_masked_id(self, tmp_path):
        table = Table(COLUMNS)
        table["id"] = MaskedColumn(COLUMNS["id"], mask=[False, False, True])
        table.write(tmp_path / "m.ecsv")
        assert "row 3: id is 'nan'" in refusal(tmp_path / "m.ecsv")

    def test_null_in_parquet(self, tmp_path):
        columns = {key: pa.array(values) for key, values in COLUMNS.items()}
        columns["ra"] = pa.array([5.0, None, 6.0])
        pq.write_table(pa.table(columns), tmp_path / "m.parquet")
        assert "row 2: RA is nan" in refusal(tmp_path / "m.parquet")


def test_unknown_kind_absent_file_and_folder(tmp_path):
    assert ".parquet" in refusal(tmp_path / "m.xyz", "x")
    assert "no such file" in refusal(tmp_path / "none.cat")
    (tmp_path / "folder.cat").mkdir()
    assert "no such file" in refusal(tmp_path / "folder.cat")
