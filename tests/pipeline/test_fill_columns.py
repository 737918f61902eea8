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
from cte_lake.errors import ExitCode, UsageError
from cte_lake.lake import schemas
from cte_lake.lake.create import create_lake
from cte_lake.lake.stored import stored
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
    assert ingest(IngestArguments(lake=stored(lake), paths=(str(frames),), settings=settings)).measured == 4
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
