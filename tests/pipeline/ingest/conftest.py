"""A lake with a master catalog, and ways to ingest into it and to look at what came out."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cte_lake.config import load_settings
from cte_lake.lake.create import create_lake
from cte_lake.lake.selection import Selection
from cte_lake.lake.stored import stored
from cte_lake.pipeline.dask import WorkerSettings
from cte_lake.pipeline.ingest import IngestArguments, IngestReport, ingest
from cte_lake.pipeline.master_import import import_master


@pytest.fixture
def frames(small_visit, tmp_path) -> Path:
    """A folder of our own with the visit's frames."""
    folder = tmp_path / "frames"
    folder.mkdir()
    for frame in small_visit.frames:
        shutil.copy2(frame, folder)
    return folder


@pytest.fixture
def lake(small_visit, tmp_path) -> Path:
    """A lake with the visit's master catalog."""
    return new_lake(tmp_path / "lake", small_visit)


def new_lake(root: Path, visit: Any) -> Path:
    create_lake(stored(root))
    import_master(stored(root), visit.master, visit.target, load_settings(root, environment={}).config)
    return root


Ingest = Callable[..., IngestReport]


@pytest.fixture
def run(lake) -> Ingest:
    """Ingest in this process: run(path, ..., flags={...}, overwrite=True)."""

    def call(
        *paths: Path, root: Path = lake, flags: dict[str, Any] | None = None, **more: Any
    ) -> IngestReport:
        arguments = IngestArguments(
            lake=stored(root),
            paths=tuple(map(str, paths)),
            settings=load_settings(root, flags, environment={}),
            selection=more.pop("selection", Selection()),
            workers=more.pop("workers", WorkerSettings(count=0)),
            **more,
        )
        return ingest(arguments)

    return call
