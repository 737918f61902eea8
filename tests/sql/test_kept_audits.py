"""Audits that are asked of new and changed images alone say what those of all images say."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pyarrow.parquet as pq
import pytest

from cte_lake import Lake, open_lake
from cte_lake.lake.index import CACHE
from cte_lake.pipeline.dask import WorkerSettings
from cte_lake.views import kept_audits
from cte_lake.views.audits import OF_IMAGES, audits, run_audits
from tests.sql.test_audits import BREAKS, STARS, write_master
from tests.sql.writing import add_exposure, add_pair

QUERIES = {audit.name: audit.query for audit in audits() if audit.name in OF_IMAGES}
IMAGES = 4


@pytest.fixture
def sound(lake: Path) -> Path:
    write_master(lake, [1, 2, 3, 4, 5])
    for filetype in ("flt", "flc"):
        add_pair(lake, first=STARS, second=STARS, filetype=filetype)
    return lake


def kept(root: Path) -> list[Path]:
    return sorted((root / CACHE / "audits").rglob("*.parquet"))


def asked(opened: Lake) -> int:
    ((count,),) = opened._connection.execute("SELECT count(*) FROM audited.asked").fetchall()
    return int(count)


def assert_same(opened: Lake, share: float = 0.0) -> set[str]:
    """What is kept changes no answer; returns the audits that found something."""
    found = opened.audit_images(QUERIES, share)
    for name, query in QUERIES.items():
        assert found[name].to_pylist() == opened.sql(query).arrow().to_pylist(), name
    return {name for name, table in found.items() if table.num_rows}


def test_only_what_is_new_is_asked_again(sound):
    with open_lake(sound) as opened:
        assert assert_same(opened) == set()
        assert asked(opened) == IMAGES
        assert assert_same(opened) == set()
        assert asked(opened) == 0
        add_exposure(sound, "ic7803aaq", STARS)
        assert_same(opened)
        assert asked(opened) == 1
        write_master(sound, [1, 2, 3, 4, 5], revision=2)
        assert_same(opened)
        assert asked(opened) == IMAGES + 1


def test_audits_measure_no_slopes_but_those_that_are_kept_for_them(sound):
    with open_lake(sound) as opened:
        measure = opened.settings().config.measure
        opened.keep_slopes(measure.aperture, {measure.estimator, "log_ratio", "growth_loss"})
        run_audits(opened, 0.0)
        assert opened._binding is not None
        assert opened._binding.kept is not None
        defined = {view for view, kind in opened._binding.kept._kinds.items() if kind.defined}
        assert defined == {"log_slopes", "growth_loss"}


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(OF_IMAGES))
def test_what_breaks_is_found_and_asked_until_it_is_well(sound, name):
    with open_lake(sound) as opened:
        assert_same(opened)
        (path,) = (sound / "phot").rglob("ic7802abq_flt.*.parquet")
        content, time = path.read_bytes(), path.stat().st_mtime_ns
        BREAKS[name](sound)
        for _ in range(2):
            assert name in assert_same(opened)
            assert asked(opened) == 1
        path.write_bytes(content)
        os.utime(path, ns=(time, time))
        assert assert_same(opened) == set()


@pytest.mark.slow
def test_a_share_asks_the_longest_unasked_first_and_full_asks_all(sound):
    with open_lake(sound) as opened:
        assert_same(opened)
        seen: list[str] = []
        for _ in range(IMAGES // 2):
            opened.audit_images(QUERIES, 1 / IMAGES)
            rows = opened._connection.execute("SELECT imagename FROM audited.asked").fetchall()
            assert len(rows) == 2
            seen += [name for (name,) in rows]
        assert len(set(seen)) == IMAGES
        assert_same(opened, 1.0)
        assert asked(opened) == IMAGES


@pytest.mark.slow
def test_an_image_that_was_asked_by_a_clock_ahead_is_asked_again(sound, monkeypatch):
    with open_lake(sound) as opened:
        with monkeypatch.context() as ahead:
            ahead.setattr(kept_audits, "time", SimpleNamespace(time=lambda: 4e9))
            assert_same(opened)
        seen = []
        for _ in range(IMAGES):
            opened.audit_images(QUERIES, 0.01)
            seen += opened._connection.execute("SELECT imagename FROM audited.asked").fetchall()
        assert len(set(seen)) == IMAGES


@pytest.mark.slow
def test_what_is_kept_may_be_lost_or_broken(sound):
    with open_lake(sound) as opened:
        assert_same(opened)
        (path,) = kept(sound)
        content = path.read_bytes()
        path.write_bytes(content[: len(content) // 2])
        assert_same(opened)
        assert asked(opened) == IMAGES
        for path in kept(sound):
            # A sound file of other rows under the name of a kept one.
            table = pq.read_table(path)
            pq.write_table(table.set_column(1, "asked_at", np.zeros(table.num_rows)[None]), path)
        BREAKS["unknown_flag"](sound)
        assert assert_same(opened) == {"unknown_flag"}
        for path in kept(sound):
            path.unlink()
        assert assert_same(opened) == {"unknown_flag"}
        assert asked(opened) == IMAGES


@pytest.mark.slow
def test_all_audits_say_the_same_with_and_without(sound):
    BREAKS["impossible_value"](sound)
    with open_lake(sound) as opened:
        plain = [result.as_dict() for result in run_audits(opened)]
        assert not kept(sound)
        assert [result.as_dict() for result in run_audits(opened, 0.5)] == plain


@pytest.mark.slow
def test_images_of_another_mode_stay_known(sound):
    for side in ("aaq", "abq"):
        add_exposure(sound, f"ic7805{side}", STARS, mode="iraf")
    for mode in ("standard", "iraf", "standard", "iraf"):
        with open_lake(sound, mode) as opened:
            assert_same(opened)
            last = asked(opened)
    assert last == 0
    assert len(kept(sound)) == 2


@pytest.mark.slow
@pytest.mark.parametrize("count", [0, 2])
def test_workers_find_what_this_process_would(sound, count, monkeypatch):
    monkeypatch.setattr(kept_audits, "_SHARE", 1)
    for name in ("impossible_value", "unknown_star"):
        BREAKS[name](sound)
    workers = WorkerSettings(count)
    with open_lake(sound) as opened:
        plain = [result.as_dict() for result in run_audits(opened)]
        assert [result.as_dict() for result in run_audits(opened, 0.0, workers=workers)] == plain
        ailing = {row["imagename"] for each in plain if each["name"] in OF_IMAGES for row in each["sample"]}
        run_audits(opened, 0.0, workers=workers)
        assert 0 < asked(opened) == len(ailing) < IMAGES
