"""Kept slopes never change an answer: whatever happens to the lake, it is that of the definition."""

from __future__ import annotations

import copy
import os
import random
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cte_lake import Lake, open_lake
from cte_lake.config import Settings, load_settings
from cte_lake.detector import DETECTOR
from cte_lake.lake.create import create_lake
from cte_lake.lake.index import CACHE
from cte_lake.lake.kept_files import KeptFiles
from cte_lake.lake.place import place_of
from cte_lake.lake.selection import Selection
from cte_lake.lake.stored import stored
from cte_lake.pipeline.dask import WorkerSettings
from cte_lake.views import by_workers, kept_slopes
from cte_lake.views.asked_radii import asked_estimator, asked_radii
from cte_lake.views.bind import bind
from cte_lake.views.functions import bind_settings
from cte_lake.views.kept_sql import DERIVED, KINDS, definition_texts
from cte_lake.views.kept_tables import TABLES
from cte_lake.views.source import built_from
from cte_lake.views.statements import check_statement
from tests.sql.writing import add_exposure

#: Random histories of change; 200 make the campaign.
HISTORIES = int(os.environ.get("KEPT_HISTORIES", "2"))
STEPS = 6
VIEWS = tuple(KINDS)
KEY = ("source", "aperture", "estimator", "bin_lo", "bin_hi")
ESTIMATORS_ASKED = ("= 'log_ratio'", "= 'mean_flux'", "= 'none'", "<> 'mean_flux'", "IN ('both_in_bin')")
ORDER = "ORDER BY pair_id, estimator, bin_lo, bin_hi"


#: The connection that answered last, and what it was bound to; it lists a lake's files at each query.
_BOUND: list[tuple[object, duckdb.DuckDBPyConnection]] = []


def defined(root: Path, query: str, settings: Settings | None = None) -> pa.Table:
    """The answer of the definitions, in a connection that knows of nothing kept."""
    settings = settings or load_settings(root, environment={})
    wanted = (root, repr(settings.config))
    if not _BOUND or _BOUND[0][0] != wanted:
        for _, connection in _BOUND:
            connection.close()
        _BOUND[:] = [(wanted, duckdb.connect())]
        bind(_BOUND[0][1], stored(root), settings=settings, views=(*VIEWS, "cte", "losses", *DERIVED))
    return _BOUND[0][1].sql(query).to_arrow_table()


def assert_same(opened: Lake, root: Path, query: str, settings: Settings | None = None) -> None:
    """The lake answers as the definitions do, to the last digit."""
    found, expected = opened.sql(query).arrow(), defined(root, query, settings)
    assert found.num_rows == expected.num_rows
    assert found.to_pylist() == expected.to_pylist(), query


def kept_files(root: Path) -> list[Path]:
    return sorted(path for view in VIEWS for path in (root / CACHE / view).glob("*/*.parquet"))


def derived_files(root: Path) -> list[Path]:
    """Kept tables of what follows from the exposures alone."""
    return sorted((root / CACHE / "derived").glob("*/*.parquet"))


class History:
    """A lake and the changes that befall it, by a seed."""

    def __init__(self, root: Path, seed: int) -> None:
        self.root, self.chance, self.rng = root, random.Random(seed), np.random.default_rng(seed)
        self.set: dict[str, Any] = {}
        self.written: dict[str, dict[str, Any]] = {}
        create_lake(stored(root))
        for _ in range(4):
            self.add_pair()

    @property
    def settings(self) -> Settings:
        return load_settings(self.root, environment={}, flags=self.set)

    def stars(self) -> dict[str, Any]:
        count = self.chance.choice((0, 1, 3, 60, 200))
        stars = self.rng.permutation(300)[:count]
        flux = self.rng.lognormal(7, 1, count)
        return {
            "master_id": stars,
            "y": self.rng.uniform(0, 2050, count),
            "flux_r03": flux,
            "flux_r05": 1.1 * flux,
            "flux_r10": 1.2 * flux + self.rng.normal(0, 10, count),
            "sky": self.rng.uniform(0, 20, count),
            "flags": self.rng.choice([0, 0, 0, 1, 2, 64], count),
        }

    def write(self, rootname: str, **columns: Any) -> None:
        row = self.written.get(rootname, {"revision": 0}) | columns
        row["revision"] += 1
        self.written[rootname] = row
        add_exposure(self.root, rootname, self.stars(), **row)

    def add_pair(self) -> None:
        visit = f"{len(self.written):02d}"
        shared = {
            "target": self.chance.choice(("ngc104", "ngc6791")),
            "flash": self.chance.choice((0, 12)),
            "filetype": self.chance.choice(("flt", "flc")),
            "mjd": 57000.0 + len(self.written),
        }
        self.write(f"ic78{visit}aaq", chip=2, **shared)
        self.write(f"ic78{visit}abq", chip=1, **shared)

    def measure_again(self) -> None:
        """A new master catalog, a new frame: other stars."""
        self.write(self.chance.choice(sorted(self.written)), master_hash="1" * 16)

    def mask(self) -> None:
        """Cosmic rays were found in both exposures of a pair, or in one, which is alone then."""
        stem = self.chance.choice(sorted(self.written))[:6]
        for name in sorted(self.written)[: self.chance.choice((1, len(self.written)))]:
            if name.startswith(stem):
                self.write(name, crmask_hash="2" * 16)

    def withdraw(self) -> None:
        self.write(self.chance.choice(sorted(self.written)), withdrawn=self.chance.random() < 0.5)

    def photometry(self) -> Path:
        return self.chance.choice(
            [p for p in sorted(self.root.glob("phot/*/*/*/*/*.parquet")) if "~" not in p.name]
        )

    def lose_photometry(self) -> None:
        self.photometry().unlink()

    def replace_photometry(self) -> None:
        """Other numbers under the same name, and of the same size where Parquet has it so."""
        path = self.photometry()
        table = pq.read_table(path, partitioning=None)
        at = table.column_names.index("flux_r03")
        changed = pa.array(table.column("flux_r03").to_numpy() * 0.9)
        pq.write_table(table.set_column(at, table.schema.field(at), changed), path)

    def touch_photometry(self) -> None:
        self.photometry().touch()

    def change_settings(self) -> None:
        name, values = self.chance.choice(
            [
                ("measure.clip_sigma", (2.0, 3.0, 3.5)),
                ("measure.min_area", (0.5, 0.9)),
                ("measure.drop_flags", ([], ["saturated"])),
                ("measure.flux_bins", ([[300, 800]], [[300, 800], [500, 2000]], [[100, 90000]])),
                ("measure.aperture", (3, 5)),
                ("measure.epoch_width", (20.0, 40.0)),
                ("measure.pair_same_postarg1", (True, False)),
            ]
        )
        self.set[name] = self.chance.choice(values)

    def fill(self) -> None:
        with open_lake(self.root, settings=self.settings) as opened:
            opened.keep_slopes(
                self.chance.choice((3, 5)),
                self.chance.choice(
                    (("log_ratio",), ("mean_flux", "growth_loss"), ("both_in_bin", "log_ratio"))
                ),
                self.chance.choice(
                    (Selection(), Selection(flash=(12,)), Selection(visit=("02",)).of_losses())
                ),
            )

    def fill_at_once(self) -> None:
        """Two processes measure the same at the same time, and both keep it."""
        before = {path: path.read_bytes() for path in kept_files(self.root)}
        self.fill()
        for path, content in before.items():
            path.write_bytes(content)
        for path in kept_files(self.root):
            self.copy_of(path)

    def copy_of(self, path: Path) -> None:
        """The same rows in a file of other bytes; of a broken or forged one there are none."""
        kept, part = KeptFiles(place_of(self.root), path.parts[-3], path.parts[-2]), path.name[:3]
        files = [each for each in kept.listing()[part] if each.path.endswith(path.name)]
        if (table := kept.read(files)) is not None:
            kept.write(part, table.slice(0, table.num_rows // 2), [])

    def delete_kept(self) -> None:
        for path in (*kept_files(self.root), *derived_files(self.root)):
            if self.chance.random() < 0.5:
                path.unlink()

    def delete_all_kept(self) -> None:
        shutil.rmtree(self.root / CACHE, ignore_errors=True)

    def corrupt_kept(self) -> None:
        for path in (*kept_files(self.root), *derived_files(self.root)):
            content = bytearray(path.read_bytes())
            at = self.chance.randrange(len(content))
            content[at] ^= 1 << self.chance.randrange(8)
            path.write_bytes(bytes(content[: self.chance.choice((at, len(content)))]))

    def forge_kept(self) -> None:
        """A sound file with other numbers under the name of a kept one, and one of another recipe."""
        for path in kept_files(self.root):
            table = pq.read_table(path)
            name = "slope" if "slope" in table.column_names else "sky_loss"
            at = table.column_names.index(name)
            pq.write_table(table.set_column(at, name, pa.array([1.0] * table.num_rows)), path)
            (path.parent.with_name("0" * 16)).mkdir(exist_ok=True)
        for path in derived_files(self.root):
            table = pq.read_table(path)
            pq.write_table(table.slice(0, table.num_rows // 2), path)

    @property
    def changes(self) -> list[Callable[[], None]]:
        often = [self.fill, self.fill, self.fill, self.fill, self.change_settings, self.change_settings]
        return [
            *often, self.add_pair, self.add_pair, self.measure_again, self.mask, self.withdraw,
            self.lose_photometry, self.replace_photometry, self.touch_photometry, self.fill_at_once,
            self.delete_kept, self.delete_all_kept, self.corrupt_kept, self.forge_kept,
        ]  # fmt: skip

    def question(self) -> str:
        view = self.chance.choice((*VIEWS, "cte", "losses"))
        radius = self.chance.choice(("", "", "(aperture := 3)", "(aperture := 5)", "(aperture := 2 + 1)"))
        condition = self.chance.choice(("true", "flash = 12", "target = 'ngc104'", "n > 10"))
        if view == "cte":
            condition += f" AND estimator {self.chance.choice(ESTIMATORS_ASKED)}"
        return f"SELECT * FROM {view}{radius} WHERE {condition} ORDER BY ALL"


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(HISTORIES))
def test_answers_are_those_of_the_definitions_whatever_happened(tmp_path, seed):
    history = History(tmp_path / "lake", seed)
    settings = history.settings
    told = []
    with open_lake(history.root, settings=settings) as long_open:
        for _ in range(STEPS):
            change = history.chance.choice(history.changes)
            told.append(change.__name__)
            change()
            told.append(query := history.question())
            if history.chance.random() < 0.4:
                assert_same(long_open, history.root, query, settings)
                continue
            with open_lake(history.root, settings=history.settings) as opened:
                assert_same(opened, history.root, query, history.settings)


@pytest.fixture(scope="module")
def first_filled(tmp_path_factory: pytest.TempPathFactory) -> History:
    """Four pairs whose slopes at 3 px are kept, to be copied."""
    history = History(tmp_path_factory.mktemp("filled") / "lake", 3)
    with open_lake(history.root) as opened:
        opened.keep_slopes(3)
    assert [path.name[:3] for path in kept_files(history.root)] == ["r03"] * len(VIEWS)
    return history


@pytest.fixture
def filled(first_filled: History, tmp_path: Path) -> History:
    """Four pairs whose slopes at 3 px are kept."""
    history = copy.deepcopy(first_filled)
    history.root = Path(shutil.copytree(first_filled.root, tmp_path / "lake"))
    return history


def photometry_read(opened: Lake, query: str) -> int:
    """Photometry files that a query reads, the empty one aside."""
    (plan,) = (row["explain_value"] for row in opened.sql(f"EXPLAIN ANALYZE {query}").rows())
    return sum(int(number) - 1 for number in re.findall(r"Total Files Read:\s*(\d+)", plan) if number != "0")


def test_what_is_kept_is_not_measured_and_what_is_missing_is(filled):
    with open_lake(filled.root) as opened:
        assert photometry_read(opened, "FROM cte") == 0
        assert_same(opened, filled.root, f"FROM slopes {ORDER}")
        # Files without stars are not opened.
        assert photometry_read(opened, "FROM slopes(aperture := 5)") > 4
        filled.add_pair()
        # Of each side of the star match, the two files of the new pair at most.
        assert photometry_read(opened, "FROM log_slopes") <= 2 * 2
        assert_same(opened, filled.root, f"FROM log_slopes {ORDER}")


def defined_in(opened: Lake) -> set[str]:
    """Views whose rows are kept of which a connection has the definition too."""
    query = "SELECT function_name FROM duckdb_functions() WHERE schema_name = 'kept_' || function_name"
    return {name for (name,) in opened._connection.execute(query).fetchall()}


def test_what_follows_from_the_exposures_names_nothing_that_is_not_part_of_its_key():
    code = " ".join(re.sub(r"--[^\n]*", "", each.text) for each in built_from(DERIVED))
    assert set(re.findall(r"\bstored_\w+", code)) == {"stored_exposures"}
    others = {"flux_bins", "time_bins", "loss_bins", "recovery_bins"}
    assert {name for name in (*TABLES, *others) if re.search(rf"\b{name}\b", code)} == set(TABLES)
    assert not re.search(r"\b(today_mjd|now|default_\w+|no_centroid_flags|shape_correction)\(", code)


@pytest.mark.slow
def test_who_pairs_with_whom_is_found_once_and_again_when_an_exposure_comes(filled):
    def pairings(opened: Lake) -> list[dict[str, Any]]:
        return opened.sql("FROM pairings ORDER BY ALL").rows()

    kept = derived_files(filled.root)
    assert sorted(path.name.partition(".")[0] for path in kept) == sorted(DERIVED)
    with open_lake(filled.root) as opened, opened.steady():
        found = pairings(opened)
        assert_same(opened, filled.root, "FROM pairings ORDER BY ALL")
        assert_same(opened, filled.root, "FROM epochs ORDER BY ALL")
        # Were they not read, the answer would be whole.
        for path in kept:
            table = pq.read_table(path)
            KeptFiles(place_of(filled.root), "derived", path.parent.name).write(
                path.name.partition(".")[0], table.slice(0, 1), []
            )
            path.unlink()
    with open_lake(filled.root) as opened:
        assert len(pairings(opened)) == 1 < len(found)
        filled.add_pair()
        assert_same(opened, filled.root, "FROM pairings ORDER BY ALL")
    filled.set = {"measure.pair_same_postarg1": False}
    with open_lake(filled.root, settings=filled.settings) as opened:
        assert_same(opened, filled.root, "FROM pairings ORDER BY ALL", filled.settings)


@pytest.mark.slow
def test_a_definition_is_planned_where_it_may_measure_something_alone(filled):
    shutil.rmtree(filled.root / CACHE / "slopes")
    with open_lake(filled.root) as opened:
        for query in ("FROM losses", "FROM cte WHERE n > 0 AND estimator = 'log_ratio'", "FROM growth_loss"):
            assert_same(opened, filled.root, f"{query} ORDER BY ALL")
            opened.cte(estimator="log_ratio")
            assert defined_in(opened) == set()
        # What is not kept of another estimator is measured, before and after a query that does without it.
        for query in ("FROM cte WHERE estimator = 'mean_flux'", "FROM losses", "FROM cte"):
            assert_same(opened, filled.root, f"{query} ORDER BY ALL")
            assert defined_in(opened) == {"slopes"}


@pytest.mark.slow
def test_the_losses_that_shapes_imitate_are_kept(filled):
    with open_lake(filled.root) as opened:
        assert photometry_read(opened, "FROM growth_loss") == 0
        assert_same(opened, filled.root, "FROM growth_loss ORDER BY ALL")
    filled.set = {"measure.shape_correction": "growth"}
    with open_lake(filled.root, settings=filled.settings) as opened:
        assert photometry_read(opened, "FROM cte") == 0
    # Which stars are bright, and which faint, the flux bins say.
    filled.set = {"measure.flux_bins": [[300, 800], [800, 2000]]}
    with open_lake(filled.root, settings=filled.settings) as opened:
        assert photometry_read(opened, "FROM growth_loss") > 0
        assert_same(opened, filled.root, "FROM growth_loss ORDER BY ALL", filled.settings)


@pytest.mark.slow
def test_a_new_flux_bin_costs_its_own_stars_alone(filled):
    filled.set["measure.flux_bins"] = [[500, 2000], [100, 90000]]
    with open_lake(filled.root, settings=filled.settings) as opened:
        opened.sql("FROM slopes")
        (anew,) = opened._connection.execute("SELECT count(*) FROM kept_slopes.flux_bins").fetchone()
        assert anew == 1
        assert_same(opened, filled.root, f"FROM slopes {ORDER}", filled.settings)


@pytest.mark.slow
def test_queries_write_nothing_and_a_lake_that_cannot_be_written_answers(filled):
    before = kept_files(filled.root)
    filled.add_pair()
    for folder in {path.parent for path in before}:
        folder.chmod(0o500)
    with open_lake(filled.root) as opened:
        opened.slopes()
        assert kept_files(filled.root) == before
        opened.keep_slopes(3)
        assert_same(opened, filled.root, f"FROM slopes {ORDER}")
    for folder in {path.parent for path in before}:
        folder.chmod(0o700)


@pytest.mark.slow
def test_one_file_a_radius_stays_of_many_fillings(filled):
    for _ in range(3):
        filled.add_pair()
        with open_lake(filled.root) as opened:
            opened.keep_slopes(3)
    assert len(kept_files(filled.root)) == len(VIEWS)
    rows = pq.read_table(kept_files(filled.root)[-1])
    assert len(set(rows.column("source").to_pylist())) == 7
    assert {"pair_id", "image_1", "image_2", "slope", "source"} <= set(rows.column_names)


@pytest.mark.slow
def test_workers_measure_what_this_process_would(filled, monkeypatch):
    """Each opens the lake and measures two of four pairs; of what is kept nothing tells who measured it."""
    monkeypatch.setattr(kept_slopes, "_BATCH_PAIRS", 2)
    monkeypatch.setattr(kept_slopes, "_SHARE", 1)
    filled.set = {"measure.clip_sigma": 2.5, "measure.shape_correction": "growth"}
    settings, kept = filled.settings, []
    for workers in (None, WorkerSettings(0), WorkerSettings(2)):
        filled.delete_all_kept()
        with open_lake(filled.root, settings=settings) as opened:
            opened.keep_slopes(5, workers=workers)
            assert photometry_read(opened, "FROM cte(aperture := 5)") == 0
            assert_same(opened, filled.root, f"FROM slopes(aperture := 5) {ORDER}", settings)
        rows = [
            pq.read_table(path).sort_by([(k, "ascending") for k in KEY]) for path in kept_files(filled.root)
        ]
        kept.append([table.to_pylist() for table in rows])
    assert len(kept[0]) == len(VIEWS)
    assert kept[0] == kept[1] == kept[2]


@pytest.mark.slow
def test_a_pair_that_changes_while_workers_measure_is_measured_by_the_query(filled, monkeypatch):
    filled.delete_all_kept()
    found = by_workers.measure_slopes

    def late(task: by_workers.SlopesTask) -> pa.Table:
        filled.replace_photometry()
        return found(task)

    monkeypatch.setattr(by_workers, "measure_slopes", late)
    with open_lake(filled.root) as opened:
        opened.keep_slopes(3, workers=WorkerSettings(0))
        assert_same(opened, filled.root, f"FROM slopes {ORDER}")


@pytest.mark.parametrize(
    ("query", "radii"),
    [
        ("FROM cte", {3}),
        ("SELECT * FROM Losses, slopes(aperture := 5) WHERE true", {3, 5}),
        ("SELECT (SELECT max(n) FROM log_slopes(7)) FROM main.cte_vs_flux(aperture := 10)", {7, 10}),
        ("FROM cte(aperture := $radius)", None),
        ("FROM cte(aperture := 2 + 1)", None),
        ("FROM losses(generation := 'all')", {3}),
        ("SELECT sky_loss FROM growth_loss(aperture := 5)", {5}),
        ("FROM pairs", set()),
    ],
)
def test_the_radii_of_a_query_are_known_or_said_to_be_unknown(query, radii):
    with duckdb.connect() as connection:
        found = asked_radii(check_statement(connection, query).tree, 3)
    assert found == (None if radii is None else frozenset(radii))


@pytest.mark.parametrize(
    ("query", "estimator"),
    [
        ("SELECT n FROM Losses(aperture := 5)", "log_ratio"),
        ("SELECT (SELECT max(loss) FROM losses(generation := 'all')) FROM growth_loss, pairs", "log_ratio"),
        ("SELECT (SELECT max(loss) FROM losses) FROM slopes", None),
        ("WITH losses AS (FROM cte) FROM losses", None),
        ("SELECT c.n FROM cte AS c WHERE c.estimator = 'mean_flux'", "mean_flux"),
        ("FROM main.cte_vs_time(5) WHERE n > 3 AND Estimator = $which ORDER BY n", "both_in_bin"),
        ("FROM cte WHERE n > 3 OR estimator = 'mean_flux'", None),
        ("FROM cte WHERE estimator <> 'mean_flux'", None),
        ("FROM cte WHERE estimator = 'MEAN_FLUX' COLLATE NOCASE", None),
        ("FROM cte WHERE estimator = lower('mean_flux')", None),
        ("FROM cte WHERE NOT estimator = 'mean_flux'", None),
        ("FROM cte AS c (estimator, image_1) WHERE estimator = 'mean_flux'", None),
        ("FROM cte, slopes WHERE cte.estimator = 'mean_flux'", None),
        ("FROM cte WHERE estimator = 'mean_flux' UNION ALL FROM cte", None),
        ("FROM cte WHERE estimator = 'mean_flux' AND n > (SELECT max(n) FROM cte)", None),
        ("WITH cte AS (FROM slopes) FROM cte WHERE estimator = 'mean_flux'", None),
        ("FROM slopes WHERE estimator = 'mean_flux'", None),
        ("FROM cte", None),
    ],
)
def test_the_estimator_of_a_query_is_known_or_may_be_any(query, estimator):
    with duckdb.connect() as connection:
        tree = check_statement(connection, query).tree
    assert asked_estimator(tree, {"which": "both_in_bin"}, "log_ratio") == estimator


@pytest.mark.slow
def test_settings_that_enter_a_row_are_those_of_its_recipe(filled):
    recipes = {path.parent for path in kept_files(filled.root)}
    for name, value in (("measure.epoch_width", 11.0), ("measure.estimator", "mean_flux")):
        filled.set = {name: value}
        with open_lake(filled.root, settings=filled.settings) as opened:
            assert photometry_read(opened, "FROM cte") == 0
    for name, value in (("measure.clip_sigma", 2.0), ("measure.min_area", 0.9), ("measure.drop_flags", [])):
        filled.set = {name: value}
        with open_lake(filled.root, settings=filled.settings) as opened:
            opened.keep_slopes(3)
        found = {path.parent for path in kept_files(filled.root)}
        assert len(found) == len(recipes) + len(VIEWS)
        recipes = found


def test_no_setting_enters_a_row_past_its_recipe():
    """Of the macros that settings are, the SQL of a row names those alone that its key has."""
    with duckdb.connect() as connection:
        bind_settings(connection, load_settings(environment={}).config, "standard")
        query = "SELECT function_name FROM duckdb_functions() WHERE NOT internal AND function_type = 'macro'"
        macros = {name for (name,) in connection.execute(query).fetchall()}
    of_settings = macros - {head.partition("(")[0] for head in DETECTOR.sql_macros()}
    assert "default_estimator" in of_settings
    for view in KINDS:
        words = set(re.findall(r"\w+(?=\()", " ".join(definition_texts(view))))
        # The flags of a centre that failed are of the package, and enter no flux.
        assert words & of_settings <= {"default_aperture", "no_centroid_flags"}
