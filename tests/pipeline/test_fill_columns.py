"""A header column that the schema gained is filled in old rows from the frames."""

from __future__ import annotations

import json
import shutil

import pytest
from astropy.io import fits
from typer.testing import CliRunner

from cte_lake import open_lake
from cte_lake.cli.main import app
from cte_lake.config import load_settings
from cte_lake.errors import ConfigError, ExitCode, LakeError, UsageError
from cte_lake.lake import schemas
from cte_lake.lake.added_columns import header_columns
from cte_lake.lake.create import create_lake
from cte_lake.lake.stored import stored
from cte_lake.pipeline.dask import WorkerSettings
from cte_lake.pipeline.fill_columns import fill_columns, fillable
from cte_lake.pipeline.ingest import IngestArguments, ingest
from cte_lake.pipeline.ingest.exposure_rows import keyword_columns
from cte_lake.pipeline.master_import import import_master
from cte_lake.resources import data_dir

COLUMN = """
[[column]]
name = "gyros"
type = "string"
description = "Gyros in use"
source = "NGYROS"
keyword = "NGYROS"
since = 2
"""


@pytest.fixture(scope="module")
def measured(small_visit, tmp_path_factory):
    """A lake of four frames; three of them say how many gyros were in use."""
    root = tmp_path_factory.mktemp("fill")
    frames, lake = root / "frames", root / "lake"
    frames.mkdir()
    for number, frame in enumerate(small_visit.frames):
        shutil.copy2(frame, frames)
        if number:
            fits.setval(frames / frame.name, "NGYROS", value=f"{number} of 3")
    create_lake(stored(lake))
    settings = load_settings(lake, environment={})
    import_master(stored(lake), small_visit.master, small_visit.target, settings.config)
    arguments = IngestArguments(stored(lake), (str(frames),), settings, workers=WorkerSettings(0))
    assert ingest(arguments).measured == 4
    return root


@pytest.fixture
def grown(measured, tmp_path, monkeypatch):
    """A copy of the lake, read by a version that has one column more."""
    here = tmp_path / "checkout"
    for name in ("catalog_schemas", "sql"):
        shutil.copytree(data_dir(name), here / name)
    with (here / "catalog_schemas" / "exposures.toml").open("a") as file:
        file.write(COLUMN)
    monkeypatch.setattr("cte_lake.resources._PACKAGE", here / "cte_lake")
    schemas.dataset.cache_clear()
    keyword_columns.cache_clear()
    yield shutil.copytree(measured / "lake", tmp_path / "lake")
    monkeypatch.undo()
    schemas.dataset.cache_clear()
    keyword_columns.cache_clear()


def rows(lake, column="gyros"):
    with open_lake(lake) as opened:
        found = opened.sql(
            f"SELECT imagename, {column} AS value, revision, phot_key FROM stored_exposures"
        ).rows()
    newest = {}
    for row in sorted(found, key=lambda row: row["revision"]):
        newest[row["imagename"]] = row
    return [newest[name] for name in sorted(newest)]


def test_old_rows_have_what_their_frames_say_and_keep_their_photometry(grown):
    before = rows(grown)
    assert {row["value"] for row in before} == {None}
    done = fill_columns(stored(grown), ["gyros"])
    assert (done.rows, done.without, done.left) == (3, 1, {})
    after = rows(grown)
    assert sorted(row["value"] or "" for row in after) == ["", "1 of 3", "2 of 3", "3 of 3"]
    assert [row["phot_key"] for row in after] == [row["phot_key"] for row in before]
    with open_lake(grown) as opened:
        assert len(opened.exposures()) == 4
        assert len(opened.pairs()) == 2
    again = fill_columns(stored(grown), ["gyros"])
    assert (again.rows, again.without) == (0, 1)


def test_a_frame_that_is_gone_or_another_one_is_left_and_named(grown, measured, tmp_path):
    frames = sorted((measured / "frames").iterdir())
    moved = shutil.copytree(measured / "frames", tmp_path / "kept")
    try:
        frames[1].unlink()
        fits.setval(frames[2], "NGYROS", value="other")
        told = CliRunner().invoke(app, ["schema", "fill", "gyros", "--lake", str(grown), "--json"])
    finally:
        for frame in moved.iterdir():
            shutil.copy2(frame, measured / "frames")
    assert told.exit_code == ExitCode.DONE_IN_PART
    found = json.loads(told.stdout)
    assert found["rows"] + found["without"] == 2
    assert set(found["left"]) == {str(frames[1]), str(frames[2])}
    assert "ingest it first" in told.stderr


def test_only_columns_of_keywords_and_functions_are_filled(grown):
    assert fillable((), ("trail",)) == (("fluxcorr", "phtratio", "gyros"), ("trail",))
    assert fillable(("trail",), ("trail",)) == ((), ("trail",))
    with pytest.raises(UsageError, match=r"'gyro' is not a column .* did you mean 'gyros'\?"):
        fillable(["gyro"], ())
    with pytest.raises(UsageError, match="'sky' is not a column that a keyword or a function"):
        fillable(["sky"], ())


ENTRY = """
[exposures.added.{name}]
keyword = "{keyword}"
extension = "{extension}"
type = "{type}"
unit = "{unit}"
description = "What {keyword} says"
"""


def add(lake, name, keyword, type_="string", extension="PRIMARY", unit=""):
    with (lake / "cte_lake.toml").open("a") as file:
        entry = {"name": name, "keyword": keyword, "type": type_, "extension": extension, "unit": unit}
        file.write(ENTRY.format_map(entry))


def run(*words, code=ExitCode.DONE):
    done = CliRunner().invoke(app, [str(word) for word in words])
    assert done.exit_code == code, done.output
    return done


@pytest.fixture
def lake(measured, tmp_path):
    """The lake as it is after a release without any of the columns."""
    return shutil.copytree(measured / "lake", tmp_path / "lake")


def shown(lake, column):
    with open_lake(lake) as opened:
        return (
            opened.sql(f"SELECT {column} AS value FROM exposures ORDER BY chip, filetype")
            .arrow()[0]
            .to_pylist()
        )


@pytest.mark.slow
def test_a_keyword_that_the_configuration_names_is_a_column_of_old_and_new_exposures(
    lake, measured, tmp_path
):
    add(lake, "gyros_used", "NGYROS")
    add(lake, "read_noise", "READNSEB", "float64", unit="electron")
    add(lake, "of_the_chip", "CCDCHIP", "int64", "CHIP")
    add(lake, "of_chip_2", "CCDCHIP", "int64", "SCI,1")
    add(lake, "scaled", "SUBARRAY", "bool")
    assert shown(lake, "gyros_used") == [None] * 4
    told = json.loads(run("schema", "fill", "--lake", lake, "--json").stdout)
    assert (told["rows"], told["left"]) == (4, {})
    assert sorted(shown(lake, "gyros_used"), key=str) == ["1 of 3", "2 of 3", "3 of 3", None]
    assert shown(lake, "of_the_chip") == [1, 1, 2, 2]
    assert shown(lake, "of_chip_2") == [2] * 4
    assert shown(lake, "scaled") == [False] * 4
    assert json.loads(run("schema", "fill", "--lake", lake, "--json").stdout)["rows"] == 0
    with open_lake(lake) as opened:
        pairs = opened.pairs().arrow()
        field = opened.exposures().arrow().schema.field("read_noise")
        free = opened.sql("SELECT read_noise FROM exposures").arrow().schema.field("read_noise")
    assert pairs.num_rows == 2
    assert field.metadata[b"unit"] == free.metadata[b"unit"] == b"electron"
    assert "What NGYROS says" in run("views", "--columns", "exposures", "--lake", lake).stdout
    assert "read_noise           float64" in run("schema", "show", "exposures", "--lake", lake).stdout
    run("export", "exposures", "--lake", lake, "--to", tmp_path / "exposures.vot")
    assert 'name="of_the_chip"' in (tmp_path / "exposures.vot").read_text(errors="replace")
    # What is measured from now on has the same without being filled; housekeeping keeps it.
    before = shown(lake, "gyros_used"), shown(lake, "of_the_chip")
    run("ingest", measured / "frames", "--lake", lake, "--workers", 0, "--overwrite")
    assert (shown(lake, "gyros_used"), shown(lake, "of_the_chip")) == before
    run("compact", "--lake", lake, "--min-files", 2)
    assert (shown(lake, "gyros_used"), shown(lake, "of_the_chip")) == before


@pytest.mark.slow
def test_another_type_of_a_keyword_is_another_value_and_an_entry_that_is_gone_leaves_nothing(lake):
    text = (lake / "cte_lake.toml").read_text()
    add(lake, "gyros_used", "NGYROS")
    run("schema", "fill", "gyros_used", "--lake", lake)
    known = shown(lake, "gyros_used")
    (lake / "cte_lake.toml").write_text(text)
    add(lake, "gyros_used", "NGYROS", "int64")
    # '1 of 3' is not a number.
    told = json.loads(run("schema", "fill", "gyros_used", "--lake", lake, "--json").stdout)
    assert (told["rows"], told["without"], shown(lake, "gyros_used")) == (0, 4, [None] * 4)
    (lake / "cte_lake.toml").write_text(text)
    with open_lake(lake) as opened:
        assert "gyros_used" not in opened.exposures().arrow().column_names
    add(lake, "renamed", "NGYROS")
    assert shown(lake, "renamed") == known


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (("gyros-used", "NGYROS"), "'gyros-used' is not a column's name"),
        (("sky", "NGYROS"), "exposures has a column 'sky' already; choose another name"),
        (("generation", "NGYROS"), "exposures has a column 'generation' already"),
        (("gyros", "n gyros"), "'n gyros' is not a keyword with a value"),
        (("gyros", "HISTORY"), "'HISTORY' is not a keyword with a value"),
        (("gyros", "NGYROS", "text"), "'string', 'bool', 'int64', 'float64', got 'text'"),
        (("gyros", "NGYROS", "string", "SCI"), "'SCI' is not PRIMARY, CHIP or a name and number"),
        (("gyros", "NGYROS", "int64", "CHIP", "furlong per"), "astropy knows no unit 'furlong per'"),
    ],
)
def test_an_entry_that_cannot_be_is_refused_in_a_sentence(tmp_path, entry, message):
    add(tmp_path, *entry)
    with pytest.raises(ConfigError) as told:
        header_columns(load_settings(tmp_path, environment={}).config)
    assert message in str(told.value)
    assert str(told.value).startswith("exposures.added")
    assert "\n" not in str(told.value)


def test_a_name_is_given_once(lake):
    add(lake, "gyros", "NGYROS")
    photometric = "[photometry.added.gyros]\nfunction = 'own.py:f'\ndescription = 'other'\n"
    with (lake / "cte_lake.toml").open("a") as file:
        file.write(photometric)
    with pytest.raises(ConfigError, match=r"exposures\.added\.gyros: photometry\.added has this name too"):
        open_lake(lake)
    add(lake, "gyros", "NGYROS")
    with pytest.raises(LakeError, match=r"cte_lake.toml cannot be read: Cannot declare .* twice"):
        open_lake(lake)
