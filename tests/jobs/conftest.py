"""A lake with a master catalog and frames beside it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from cte_lake.config import load_settings
from cte_lake.lake.create import create_lake
from cte_lake.lake.stored import stored
from cte_lake.pipeline.master_import import import_master
from tests.conftest import SmallVisit

JOBS = Path(__file__).resolve().parents[2] / "jobs"


@pytest.fixture
def frames(small_visit, tmp_path) -> Path:
    folder = tmp_path / "frames"
    folder.mkdir()
    for frame in small_visit.frames:
        shutil.copy2(frame, folder)
    return folder


def make_lake(visit: SmallVisit, root: Path) -> Path:
    """Make a lake with the visit's master catalog."""
    create_lake(stored(root))
    import_master(stored(root), visit.master, visit.target, load_settings(root, environment={}).config)
    return root


@pytest.fixture
def lake(small_visit, tmp_path) -> Path:
    return make_lake(small_visit, tmp_path / "lake")
