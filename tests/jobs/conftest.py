"""A lake with a master catalog and frames beside it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from cte_lake.config import load_settings
from cte_lake.lake.create import create_lake
from cte_lake.lake.stored import stored
from cte_lake.pipeline.master_import import import_master

JOBS = Path(__file__).resolve().parents[2] / "jobs"


@pytest.fixture
def frames(small_visit, tmp_path) -> Path:
    folder = tmp_path / "frames"
    folder.mkdir()
    for frame in small_visit.frames:
        shutil.copy2(frame, folder)
    return folder


@pytest.fixture
def lake(small_visit, tmp_path) -> Path:
    root = tmp_path / "lake"
    create_lake(stored(root))
    import_master(
        stored(root), small_visit.master, small_visit.target, load_settings(root, environment={}).config
    )
    return root
