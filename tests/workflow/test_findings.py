"""What the lake says after a night, as troubles whose keys last as long as the trouble."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from benchmarks.simulated_photometry import draw_stars, simulate_program_photometry
from cte_lake.clock import NOW_ENV
from cte_lake.lake.create import create_lake
from cte_lake.lake.stored import stored
from cte_lake.pipeline.night import Night
from cte_lake.simulate.program import TARGETS, nominal_program
from cte_lake.workflow.refresh.findings import lake_says, with_findings
from cte_lake.workflow.refresh.letter import letter, with_mailed
from tests.model.lakes import write_images

START, CADENCE = 60963.0, 100.0


@pytest.fixture(scope="module")
def visits():
    program = nominal_program(TARGETS["ngc104"], tuple(START + CADENCE * k for k in range(6)), flashes=(12,))
    images = simulate_program_photometry(program, draw_stars(TARGETS["ngc104"], 60), filetypes=("flt",))
    return [[one for one in images if abs(one.record["mjd"] - START - CADENCE * k) < 9] for k in range(6)]


def at(day):
    return (datetime(1858, 11, 17, 2, 17, tzinfo=UTC) + timedelta(days=START + day)).isoformat()


@pytest.mark.slow
def test_a_visit_that_never_comes_is_told_once_though_others_come_after_it(tmp_path, visits, monkeypatch):
    create_lake(stored(tmp_path / "lake"))
    lake, before, sent = stored(tmp_path / "lake"), None, []
    # The fifth visit does not come; the sixth does.
    nights = {
        1: visits[0],
        101: visits[1],
        201: visits[2],
        301: visits[3],
        460: [],
        480: [],
        501: visits[5],
        530: [],
    }
    for day, images in nights.items():
        write_images(tmp_path / "lake", images)
        monkeypatch.setenv(NOW_ENV, at(day))
        night = Night(at(day), "host", str(lake), ended=at(day), new={"measured": len(images)})
        night = with_findings(night, lake, before, lake_says(night, lake, before))
        told = letter(night, before, mail_news=False, remind_days=7.0, log="")
        sent += [day] if told.why else []
        before = with_mailed(night, before, told)
    assert os.environ[NOW_ENV] == at(530)
    assert sent == [460]
    (trouble,) = before.troubles
    assert "1 epoch never came; after" in trouble.text
    assert trouble.since == at(460)
    assert replace(trouble, text="").key.startswith("overdue NGC 104: 1 epoch overdue; after")
