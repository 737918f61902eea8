"""A photometric quantity of the user's: measured for new exposures, filled for old ones, a column of phot."""

from __future__ import annotations

import json
import re
import shutil

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from cte_lake import open_lake
from cte_lake.cli.main import app
from cte_lake.config import load_settings
from cte_lake.errors import ConfigError, ExitCode, LakeError
from cte_lake.lake.added_columns import added_columns
from cte_lake.lake.commit import withdraw
from cte_lake.lake.create import create_lake
from cte_lake.lake.maintenance.compact import compact, plan_compact
from cte_lake.lake.maintenance.snapshots import plan_snapshot, snapshot
from cte_lake.lake.maintenance.vacuum import plan_vacuum
from cte_lake.lake.maintenance.verify import verify
from cte_lake.lake.read import current_exposures
from cte_lake.lake.stored import stored
from cte_lake.pipeline.dask import WorkerSettings
from cte_lake.pipeline.ingest import IngestArguments, ingest
from cte_lake.pipeline.ingest.write_added import check_functions
from cte_lake.pipeline.master_import import import_master

pytestmark = pytest.mark.slow

FUNCTIONS = """
import numpy as np

def brightest(pixels, stars, exposure):
    rows, columns = (np.rint(stars[name]).astype(int) for name in ("y", "x"))
    data = np.where(pixels.mask, np.nan, pixels.data)
    return data[rows, np.clip(columns, 0, data.shape[1] - 1)]

def of_one_chip(pixels, stars, exposure):
    if exposure["chip"] == 1:
        raise ValueError("not on chip 1, please")
    return stars["flux_r03"] * 2

def too_few(pixels, stars, exposure):
    return stars["x"][:-1]

def words(pixels, stars, exposure):
    return ["bright"] * len(stars["x"])

def greedy(pixels, stars, exposure):
    pixels.data[:] = 0
    return stars["x"]
"""
SETTINGS = """
[photometry.added.{name}]
function = "{function}"
unit = "{unit}"
description = "Signal of the pixel at the star's centre"
"""


def run(*words, code=ExitCode.DONE):
    done = CliRunner().invoke(app, [str(word) for word in words])
    assert done.exit_code == code, done.output
    return done


def add(lake, name, function=None, unit="electron", more=""):
    with (lake / "cte_lake.toml").open("a") as file:
        file.write(SETTINGS.format(name=name, function=function or f"own.py:{name}", unit=unit) + more)


@pytest.fixture(scope="module")
def old(small_visit, tmp_path_factory):
    """A lake of two of four frames, made before any column was added, and the frames."""
    root = tmp_path_factory.mktemp("added")
    frames, lake = root / "frames", root / "lake"
    shutil.copytree(small_visit.frames[0].parent, frames)
    create_lake(stored(lake))
    (lake / "own.py").write_text(FUNCTIONS)
    settings = load_settings(lake, environment={})
    import_master(stored(lake), small_visit.master, small_visit.target, settings.config)
    flts = tuple(str(frames / frame.name) for frame in small_visit.frames if "_flt" in frame.name)
    assert ingest(IngestArguments(stored(lake), flts, settings, workers=WorkerSettings(0))).measured == 2
    # As a lake of before: it has never heard of added columns.
    shutil.rmtree(lake / "phot_added")
    return root


@pytest.fixture
def lake(old, tmp_path):
    return shutil.copytree(old / "lake", tmp_path / "lake")


def values(lake, name="brightest"):
    with open_lake(lake) as opened:
        query = f"SELECT imagename, count(*) AS n, count({name}) AS known FROM phot GROUP BY ALL ORDER BY ALL"
        return {row["imagename"][10:13] + row["imagename"][:9]: row for row in opened.sql(query).rows()}


def rows_of(lake, filetype, name="brightest"):
    with open_lake(lake) as opened:
        query = f"SELECT imagename, master_id, {name} FROM phot WHERE filetype = $t ORDER BY ALL"
        return opened.sql(query, t=filetype).rows()


def known(lake, filetype, name="brightest"):
    return [row["known"] for key, row in values(lake, name).items() if key.startswith(filetype)]


def test_new_exposures_have_the_column_and_old_ones_on_request(lake, old):
    add(lake, "brightest")
    add(lake, "too_few")
    assert known(lake, "flt") == [0, 0]
    before = values(lake)
    done = run("ingest", old / "frames", "--lake", lake, "--workers", 0, code=ExitCode.DONE_IN_PART)
    assert "2 times an added column was left empty: too_few was not measured in" in done.stderr
    # The frames of before are up to date: nothing was measured again.
    assert known(lake, "flt") == [0, 0]
    assert min(known(lake, "flc")) > 0
    with open_lake(lake) as opened:
        assert len(opened.pairs()) == 2
        assert opened.unpaired().rows() == []
    measured = rows_of(lake, "flc")
    shutil.rmtree(lake / "phot_added")
    told = run("schema", "fill", "brightest", "--lake", lake, "--workers", 0, "--json")
    assert json.loads(told.stdout) == {"rows": 4, "without": 0, "left": {}}
    # What is filled later is what ingest would have measured.
    assert rows_of(lake, "flc") == measured
    after = values(lake)
    assert all(after[image]["n"] == row["n"] for image, row in before.items())
    assert min(known(lake, "flt")) > 0
    again = run("schema", "fill", "brightest", "--lake", lake, "--workers", 0, "--json")
    assert json.loads(again.stdout)["rows"] == 0
    assert verify(stored(lake)).passed


def test_unit_and_meaning_stand_wherever_the_column_does(lake, tmp_path):
    add(lake, "brightest")
    run("schema", "fill", "--lake", lake, "--workers", 0)
    with open_lake(lake) as opened:
        for result in (opened.phot(), opened.sql("SELECT brightest FROM phot")):
            field = result.arrow().schema.field("brightest")
            assert field.metadata[b"unit"] == b"electron"
            assert field.metadata[b"description"].startswith(b"Signal of the pixel")
        assert len(opened.phot(brightest=None)) < len(opened.phot())
    assert "brightest" in run("views", "--columns", "phot", "--lake", lake).stdout
    assert "brightest            float64" in run("schema", "show", "phot", "--lake", lake).stdout
    assert "brightest" in run("sql", ".schema phot", "--lake", lake).stdout
    assert "brightest" not in run("schema", "show", "phot").stdout
    run("export", "phot", "--lake", lake, "--to", tmp_path / "phot.vot")
    text = (tmp_path / "phot.vot").read_text(errors="replace")
    assert 'name="brightest"' in text


def test_housekeeping_keeps_values_with_their_photometry(lake, tmp_path):
    add(lake, "brightest")
    run("schema", "fill", "--lake", lake, "--workers", 0)
    before = values(lake)
    compact(stored(lake), plan_compact(stored(lake), phot_below=10**9))
    assert values(lake) == before
    in_a_year = 2**62
    run("vacuum", "--lake", lake, "--grace", "0", "--yes")
    assert values(lake) == before
    assert not plan_vacuum(stored(lake), 0, in_a_year).removals
    snapshot(stored(lake), stored(tmp_path / "copy"), plan_snapshot(stored(lake)))
    assert values(tmp_path / "copy") == before
    for row in current_exposures(stored(lake), "standard").to_pylist():
        withdraw(stored(lake), row)
    went = [r for r in plan_vacuum(stored(lake), 0, in_a_year).removals if r.path.startswith("phot_added")]
    assert len(went) == 1
    # A copy makes no second row.
    held = sorted((tmp_path / "copy" / "phot_added").rglob("compact.*.parquet"))
    shutil.copy(held[0], held[0].with_name(f"copy-{held[0].name}"))
    assert values(tmp_path / "copy") == before


def added_files(lake):
    return sorted(each.relative_to(lake).as_posix() for each in (lake / "phot_added").rglob("*-*.parquet"))


def test_files_of_values_become_one_and_nothing_is_filled_twice(lake, old):
    for name in ("brightest", "of_one_chip"):
        add(lake, name)
    run("ingest", old / "frames", "--lake", lake, "--workers", 0, code=ExitCode.DONE_IN_PART)
    run("schema", "fill", "brightest", "--lake", lake, "--workers", 0)
    before, single = (values(lake), values(lake, "of_one_chip")), added_files(lake)
    # Of the FLTs one column, of the FLCs two, of which chip 1 has no second.
    assert len(single) == 5
    told = run("compact", "--lake", lake, "--min-files", 2, "--json")
    assert json.loads(told.stdout) == {"partitions": 4, "files": 4 + 5}
    compacted = sorted((lake / "phot_added").rglob("compact.*.parquet"))
    assert len(compacted) == 2
    assert (values(lake), values(lake, "of_one_chip")) == before
    assert json.loads(run("compact", "--lake", lake, "--min-files", 2, "--json").stdout)["files"] == 0
    assert verify(stored(lake)).passed
    run("vacuum", "--lake", lake, "--grace", "0", "--yes")
    assert added_files(lake) == []
    assert (values(lake), values(lake, "of_one_chip")) == before
    again = run("schema", "fill", "brightest", "--lake", lake, "--workers", 0, "--json")
    assert json.loads(again.stdout)["rows"] == 0
    # What is compacted goes as a whole with the last photometry of its exposures.
    rows = [
        row for row in current_exposures(stored(lake), "standard").to_pylist() if row["filetype"] == "flt"
    ]
    for number, row in enumerate(rows):
        withdraw(stored(lake), row)
        plan = plan_vacuum(stored(lake), 0, 2**62)
        gone = [each.path for each in plan.removals if each.path.startswith("phot_added")]
        assert len(gone) == number


def test_values_that_were_changed_on_the_disk_are_not_merged(lake, old):
    add(lake, "brightest")
    run("schema", "fill", "--lake", lake, "--workers", 0)
    first = lake / added_files(lake)[0]
    table = pq.read_table(first, partitioning=None)
    doubled = table.set_column(5, "value", pc.multiply(table["value"], 2))
    pq.write_table(doubled.replace_schema_metadata(table.schema.metadata), first)
    told = f"{added_files(lake)[0]} cannot be merged: the rows are not those that were written"
    with pytest.raises(LakeError, match=re.escape(told)):
        compact(stored(lake), plan_compact(stored(lake)))


def test_values_of_another_version_are_not_shown(lake):
    add(lake, "brightest")
    run("schema", "fill", "--lake", lake, "--workers", 0)
    text = (lake / "cte_lake.toml").read_text()
    (lake / "cte_lake.toml").write_text(text + "version = 2\n")
    assert known(lake, "flt") == [0, 0]
    run("schema", "fill", "--lake", lake, "--workers", 0)
    assert min(known(lake, "flt")) > 0
    # Without its entry the column is gone, the lake is as it was.
    (lake / "cte_lake.toml").write_text(text.split("\n[photometry.added")[0])
    with open_lake(lake) as opened:
        assert "brightest" not in opened.phot().arrow().column_names


def test_a_function_that_fails_leaves_its_column_empty_and_says_so(lake):
    for name in ("of_one_chip", "too_few", "words", "greedy"):
        add(lake, name)
    told = run("schema", "fill", "--lake", lake, "--workers", 0, code=ExitCode.DONE_IN_PART).stderr
    assert "ValueError: not on chip 1, please" in told
    assert "returned shape (" in told
    assert "returned no numbers" in told
    assert "read-only" in told
    assert "Traceback" not in told
    empty, full = sorted(known(lake, "flt", "of_one_chip"))
    assert (empty, full > 0) == (0, True)


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"function": "nowhere.at_all:f"}, "nowhere.at_all cannot be imported"),
        ({"function": "own.py:absent"}, "own.py has no function 'absent'"),
        ({"function": "elsewhere.py:f"}, "elsewhere.py cannot be imported"),
    ],
)
def test_what_cannot_be_measured_is_said_before_anything_is(lake, entry, message):
    add(lake, "brightest", **entry)
    with pytest.raises(ConfigError, match=rf"photometry\.added\.brightest.*{message}"):
        check_functions(stored(lake), added_columns(load_settings(lake).config))
    # A query needs no function.
    assert known(lake, "flt") == [0, 0]


def test_a_column_that_phot_has_cannot_be_added(lake):
    add(lake, "flux_r03", "own.py:brightest")
    with pytest.raises(ConfigError, match="phot has a column 'flux_r03' already"):
        open_lake(lake)


def test_what_was_measured_with_other_settings_is_left(lake):
    add(lake, "brightest")
    told = run(
        "schema", "fill", "--lake", lake, "--set", "photometry.edge_margin=5", code=ExitCode.DONE_IN_PART
    )
    assert "measured with other settings; ingest it first" in told.stderr


def test_queries_that_ask_for_no_added_column_read_none(lake):
    add(lake, "brightest")
    stored(lake).write_seeds()
    with open_lake(lake) as opened:
        plan = str(opened.sql("EXPLAIN SELECT count(x) FROM phot").rows())
        asked = str(opened.sql("EXPLAIN SELECT count(brightest) FROM phot").rows())
    assert (plan.count("READ_PARQUET"), asked.count("READ_PARQUET")) == (1, 2)
