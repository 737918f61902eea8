"""A lake with a master catalog, and ways to ingest into it and to look at what came out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cte_lake.config import load_settings
from cte_lake.lake.selection import Selection
from cte_lake.lake.stored import stored
from cte_lake.pipeline.dask import WorkerSettings
from cte_lake.pipeline.ingest import IngestArguments, IngestReport, ingest

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
