"""Columns and tables added, renamed, removed through catalog_schemas/; old and new files together."""

import json
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from benchmarks.simulated_photometry import fill_lake
from cte_lake import open_lake
from cte_lake.cli.main import app
from cte_lake.errors import LakeError
from cte_lake.lake import schemas
from cte_lake.lake.create import create_lake
from cte_lake.lake.index import CACHE
from cte_lake.lake.maintenance.compact import compact, plan_compact
from cte_lake.lake.read import current_exposures, exposure_rows
from cte_lake.lake.stored import stored
from cte_lake.lake.upgrade import record_schemas, schema_changes
from cte_lake.resources import data_dir
from cte_lake.views import sql_objects
from cte_lake.views.columns import known_columns
from tests.lake.conftest import Lakes


def forget() -> None:
    """Read the data folders again, as a new process does."""
    schemas.dataset.cache_clear()
    sql_objects.cache_clear()
    known_columns.cache_clear()


@pytest.fixture
def catalog(tmp_path, monkeypatch):
    """A copy of the installation's data folders, to be edited as a maintainer would."""
    here = tmp_path / "checkout"
    for name in ("catalog_schemas", "sql"):
        shutil.copytree(data_dir(name), here / name)
    monkeypatch.setattr("cte_lake.resources._PACKAGE", here / "cte_lake")
    forget()
    yield here / "catalog_schemas"
    monkeypatch.undo()
    forget()


def edit(catalog: Path, name: str, old: str, new: str) -> None:
    path = catalog / f"{name}.toml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    schemas.dataset.cache_clear()


def add(catalog: Path, name: str, text: str) -> None:
    path = catalog / f"{name}.toml"
    path.write_text(path.read_text() + text)
    schemas.dataset.cache_clear()


NEW_COLUMN = """
[[column]]
name = "gyros"
type = "int32"
description = "Gyros in use"
source = "GYROMODE"
keyword = "GYROMODE"
since = 2
"""


def test_an_added_column_is_null_in_old_files_and_filled_in_new_ones(lake, catalog):
    add(catalog, "exposures", NEW_COLUMN)
    assert [(c.column, c.kind) for c in schema_changes(stored(lake))] == [("gyros", "added")]
    assert exposure_rows(stored(lake)).column("gyros").null_count == 8
    record_schemas(stored(lake))
    assert schema_changes(stored(lake)) == []
    lakes = Lakes()
    images = lakes.images("02")
    for image in images:
        image.record["gyros"] = 3
    fill_lake(stored(lake), images)
    with open_lake(lake) as opened:
        rows = opened.sql("SELECT gyros, count(*) AS n FROM stored_exposures GROUP BY 1 ORDER BY 1").rows()
        stars = len(opened.sql("SELECT * FROM phot"))
    assert rows == [{"gyros": 3, "n": 8}, {"gyros": None, "n": 8}]
    assert stars == 16 * 20
    # The record of it is lost, and made again from the files.
    stored(lake).dataset("exposures").seed_place.unlink()
    shutil.rmtree(lake / CACHE, ignore_errors=True)
    create_lake(stored(lake))
    assert exposure_rows(stored(lake)).column("gyros").null_count == 8
    assert schema_changes(stored(lake)) == []


def test_a_renamed_column_has_its_old_values(lake, catalog):
    before = current_exposures(stored(lake), "standard").column("shutter").to_pylist()
    edit(catalog, "exposures", 'name = "shutter"', 'name = "blade"\nrenamed_from = ["shutter"]')
    assert [(c.column, c.kind) for c in schema_changes(stored(lake))] == [("blade", "renamed")]
    assert current_exposures(stored(lake), "standard").column("blade").to_pylist() == before
    record_schemas(stored(lake))
    lakes = Lakes()
    images = lakes.images("02")
    for image in images:
        image.record.pop("shutter", None)
        image.record["blade"] = "B"
    fill_lake(stored(lake), images)
    table = current_exposures(stored(lake), "standard")
    assert "shutter" not in table.column_names
    assert sorted(filter(None, table.column("blade").to_pylist())).count("B") >= 8
    assert [(c.column, c.kind) for c in schema_changes(stored(lake))] == []


def test_a_renamed_photometry_column_is_read_from_old_and_new_files(lake, catalog):
    with open_lake(lake) as opened:
        total = opened.sql("SELECT sum(n_sky) AS n FROM phot").rows()[0]["n"]
    edit(catalog, "phot", 'name = "n_sky"', 'name = "n_annulus"\nrenamed_from = ["n_sky"]')
    for sql in (catalog.parent / "sql").rglob("*.sql"):
        sql.write_text(sql.read_text().replace("n_sky", "n_annulus"))
    forget()
    record_schemas(stored(lake))
    lakes = Lakes()
    images = lakes.images("02")
    for image in images:
        image.columns["n_annulus"] = image.columns.pop("n_sky")
    fill_lake(stored(lake), images)
    with open_lake(lake) as opened:
        both = opened.sql("SELECT sum(n_annulus) AS n FROM stored_phot").rows()[0]["n"]
    assert both == 2 * total


def test_a_removed_column_is_no_longer_shown_and_still_in_the_files(lake, catalog):
    text = (catalog / "exposures.toml").read_text()
    start = text.index('[[column]]\nname = "flashdur"')
    end = text.index("[[column]]", start + 1)
    edit(catalog, "exposures", text[start:end], "")
    assert [(c.column, c.kind) for c in schema_changes(stored(lake))] == [("flashdur", "removed")]
    table = exposure_rows(stored(lake))
    assert "flashdur" not in table.column_names
    assert table.num_rows == 8
    old = next((lake / "exposures").rglob("ic*.parquet"))
    assert "flashdur" in pq.read_schema(old).names


def test_a_wider_type_is_read_from_old_files(lake, catalog):
    edit(catalog, "exposures", 'name = "chip"\ntype = "int32"', 'name = "chip"\ntype = "int64"')
    assert [(c.column, c.kind) for c in schema_changes(stored(lake))] == [("chip", "type")]
    record_schemas(stored(lake))
    Lakes().fill(lake, "02")
    assert current_exposures(stored(lake), "standard").schema.field("chip").type == pa.int64()


def test_compaction_brings_old_files_to_the_new_schema(lake, catalog):
    add(catalog, "exposures", NEW_COLUMN)
    edit(catalog, "exposures", 'name = "shutter"', 'name = "blade"\nrenamed_from = ["shutter"]')
    compact(stored(lake), plan_compact(stored(lake), 2, 10**9))
    merged = list((lake / "exposures").rglob("compact*"))
    assert {"gyros", "blade"} <= set(pq.read_schema(merged[0]).names)
    assert current_exposures(stored(lake), "standard").num_rows == 8


NEW_TABLE = """
[dataset]
name = "notes"
grain = "a remark on a visit"
key = ["proposal", "visit"]
partitions = ["target"]
sort = ["proposal", "visit"]

[[column]]
name = "target"
type = "string"
required = true
description = "Target"
source = "the observer"
since = 1

[[column]]
name = "proposal"
type = "int32"
required = true
description = "Proposal"
source = "the observer"
since = 1

[[column]]
name = "visit"
type = "string"
required = true
description = "Visit"
source = "the observer"
since = 1

[[column]]
name = "remark"
type = "string"
description = "What is to be remembered"
source = "the observer"
since = 1
"""


def test_a_new_table_is_written_read_and_kept_in_order(lake, catalog):
    (catalog / "notes.toml").write_text(NEW_TABLE)
    table = pa.table(
        {"target": ["ngc104", "ngc6791"], "proposal": [14378, 14541], "visit": ["01", "02"],
         "remark": ["good", None]},
    )  # fmt: skip
    first = stored(lake).dataset("notes").append(table)
    assert stored(lake).dataset("notes").append(table) == first
    assert {path.parent.name for path in first} == {"target=ngc104", "target=ngc6791"}
    with open_lake(lake) as opened:
        rows = opened.sql("SELECT target, remark FROM stored_notes ORDER BY target").rows()
    assert rows == [{"target": "ngc104", "remark": "good"}, {"target": "ngc6791", "remark": None}]
    with pytest.raises(LakeError, match="no column 'mood'"):
        stored(lake).dataset("notes").append(table.append_column("mood", [["a", "b"]]))
    with pytest.raises(LakeError, match="its own command"):
        stored(lake).dataset("phot").append(table)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('type = "string"', 'type = "text"', "has type 'text'"),
        ('name = "rootname"', 'name = "imagename"', "stated twice"),
        ('key = ["imagename"', 'key = ["picture"', "names 'picture', which is not a column"),
        ("[dataset]", "[data", "not a valid dataset schema"),
        ("since = 1", "since = 2", "cannot be required"),
        ("since = 1", "sinze = 1", "sinze"),
    ],
)
def test_a_schema_that_does_not_hold_together_is_refused(catalog, old, new, words):
    edit(catalog, "exposures", old, new)
    result = CliRunner().invoke(app, ["schema", "check"])
    assert isinstance(result.exception, LakeError)
    assert words in str(result.exception)


def test_the_commands_tell_what_there_is(lake, catalog):
    shown = json.loads(CliRunner().invoke(app, ["schema", "show", "master", "--json"]).stdout)
    assert {"name": "ra", "type": "float64", "unit": "deg"}.items() <= shown["master"][4].items()
    assert "one row is" in CliRunner().invoke(app, ["schema", "show", "rejects"]).stdout
    add(catalog, "exposures", NEW_COLUMN)
    result = CliRunner().invoke(app, ["schema", "diff", "--lake", str(lake), "--apply"])
    assert result.stdout == "exposures.gyros: added (NULL in older files)\n"
    again = CliRunner().invoke(app, ["schema", "diff", "--lake", str(lake), "--json"])
    assert json.loads(again.stdout) == []
