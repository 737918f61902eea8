"""The database of `views --to` in released DuckDB versions and in ibis: every view runs and says the same."""

from __future__ import annotations

import functools
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from cte_lake import open_lake
from cte_lake.cli.output import print_table
from cte_lake.lake.create import create_lake
from cte_lake.lake.stored import stored
from cte_lake.views import published_views
from cte_lake.views.database import exported_objects, write_database
from tests.sql.writing import add_pair

#: Runs every view that is named and prints its rows' count.
COUNT = """
import json, sys
import duckdb
with duckdb.connect(sys.argv[1], read_only=True) as connection:
    # What takes over 2 s on a busy machine is told on standard output.
    connection.execute("SET enable_progress_bar = false")
    count = lambda name: connection.execute(f"SELECT count(*) FROM (FROM {name})").fetchone()[0]
    counts = {name: count(name) for name in sys.argv[2:]}
    total = connection.execute("SELECT sum(n) FROM cte(aperture := 5)").fetchone()[0]
print(json.dumps({"version": duckdb.__version__, "counts": counts, "total": int(total)}))
"""
#: What DuckDB 1.2 can: views without pairs, and the rows of an export.
OLDEST = """
import json, sys
import duckdb
with duckdb.connect(sys.argv[1], read_only=True) as connection:
    connection.execute("SET enable_progress_bar = false")
    count = lambda source: connection.execute(f"SELECT count(*) FROM {source}").fetchone()[0]
    counts = [count(source) for source in ("exposures", "phot", f"'{sys.argv[2]}'")]
print(json.dumps([duckdb.__version__[:3], *counts]))
"""
EVERY = [name for name in published_views() if name in exported_objects()]
IBIS = """
import sys
import ibis
views = ibis.duckdb.connect(sys.argv[1], read_only=True)
losses = views.table("losses")
print(len(views.list_tables()), losses.filter(losses.n > 1).count().to_pyarrow().as_py())
"""


ICEBERG = """
import sys
from cte_lake.cli.main import app
from pyiceberg.catalog.sql import SqlCatalog
lake, folder = sys.argv[1:3]
for arguments in (["phot"], ["losses"], ["phot", "--overwrite"]):
    app(["export", *arguments, "--iceberg", folder, "--lake", lake], standalone_mode=False)
catalog = SqlCatalog("cte_lake", uri=f"sqlite:///{folder}/catalog.db")
phot, losses = (catalog.load_table(f"cte.{name}") for name in ("phot", "losses"))
bright = phot.scan(row_filter="flux_r03 > 1000", selected_fields=("flux_r03",)).to_arrow()["flux_r03"]
print(len(bright), sum(bright.to_pylist()), len(losses.scan().to_arrow()))
print(phot.schema().find_field("flux_r03").doc)
print(*[task.file.file_path for task in phot.scan().plan_files()])
"""


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    folder = tmp_path_factory.mktemp("released") / "lake"
    create_lake(stored(folder))
    rng = np.random.default_rng(5)
    flux = rng.uniform(600, 1900, 200)
    first = {"master_id": np.arange(200), "y": rng.uniform(0, 2050, 200), "sky": np.full(200, 9.0)}
    second = first | {"flux_r03": flux * rng.normal(1, 0.01, 200)}
    add_pair(folder, first=first | {"flux_r03": flux}, second=second)
    write_database(stored(folder), folder.parent / "views.duckdb")
    write_database(stored(folder), folder.parent / "pairs.duckdb", keep_pairs=True)
    return folder


@pytest.fixture(scope="module")
def counted(lake):
    """What counts the rows of a view of the lake, once."""
    with open_lake(lake) as opened:
        yield functools.cache(lambda name: len(opened.sql(f"FROM {name}")))


def install(folder, *packages):
    """Install packages into a folder; skip where none can be had."""
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-compile", "--no-deps"]
    command = [*pip, "--target", folder, *packages]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=400)
    if done.returncode:
        pytest.skip(f"{packages} cannot be installed here: {done.stderr.strip()[-200:]}")


@pytest.fixture(scope="module")
def released(tmp_path_factory):
    """The folder of a released version of DuckDB, which is installed once."""

    @functools.cache
    def folder(version):
        place = tmp_path_factory.mktemp("duckdb")
        install(place, f"duckdb=={version}.*")
        return place

    return folder


def printed(folders, script, *arguments):
    """Run a script that imports from some folders first; return what it prints."""
    code = f"import sys\nsys.path[:0] = {[*map(str, folders)]!r}\n{script}"
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        timeout=400,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
@pytest.mark.parametrize(
    ("version", "file", "views"),
    [
        # All run in 1.2, each after seconds of planning: those with the longest way to the pairs stand here.
        ("1.2", "pairs.duckdb", ["epochs", "unpaired", "losses", "growth_loss"]),
        ("1.4", "views.duckdb", EVERY),
        ("1.5", "views.duckdb", EVERY),
    ],
)
def test_views_run_in_released_versions(lake, counted, released, version, file, views):
    told = json.loads(printed([released(version)], COUNT, lake.parent / file, *views))
    assert told["version"].startswith(version)
    assert told["counts"] == {name: counted(name) for name in views}
    with open_lake(lake) as opened:
        assert (
            told["total"] == opened.sql("SELECT sum(n)::BIGINT AS n FROM cte(aperture := 5)").rows()[0]["n"]
        )


@pytest.mark.slow
def test_the_oldest_version_reads_stored_rows_and_exports(lake, released, tmp_path):
    with open_lake(lake) as opened:
        rows = opened.losses().arrow()
        expected = [len(opened.exposures()), len(opened.phot()), len(rows)]
    losses = tmp_path / "losses.parquet"
    print_table(rows, None, losses)
    told = printed([released("1.2")], OLDEST, lake.parent / "views.duckdb", losses)
    assert json.loads(told) == ["1.2", *expected]


@pytest.mark.slow
def test_ibis_reads_the_views(lake, released, tmp_path):
    others = ("sqlglot", "toolz", "atpublic", "parsy", "pyarrow-hotfix")
    install(tmp_path, "ibis-framework==12.*", *others)
    tables, losses = map(
        int, printed([tmp_path, released("1.4")], IBIS, lake.parent / "views.duckdb").splitlines()[-1].split()
    )
    with open_lake(lake) as opened:
        assert losses == len(opened.losses())
    assert tables >= len(published_views())


@pytest.mark.slow
def test_an_iceberg_table_reads_the_lakes_own_files(lake, tmp_path):
    others = ("cachetools", "mmh3", "pyroaring", "strictyaml", "tenacity", "zstandard")
    install(tmp_path / "packages", "pyiceberg==0.12.*", "sqlalchemy==2.*", *others)
    before = sorted(lake.rglob("*"))
    told = printed([tmp_path / "packages"], ICEBERG, lake, tmp_path / "ice").splitlines()
    with open_lake(lake) as opened:
        wanted = opened.sql("SELECT flux_r03 FROM phot WHERE flux_r03 > 1000")["flux_r03"].value
        losses = len(opened.losses())
    numbers, documented, files = told[-3:]
    found, total, rows = numbers.split()
    assert (int(found), int(rows)) == (len(wanted), losses)
    assert float(total) == pytest.approx(wanted.sum())
    assert documented.endswith("in electron")
    # Not one file was copied, moved or made.
    assert sorted(lake.rglob("*")) == before
    assert {Path(file.removeprefix("file://")) for file in files.split()} <= set(before)
