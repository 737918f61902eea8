"""An empty lake for each test of the views."""

from __future__ import annotations

from pathlib import Path

import pytest

from cte_lake.lake.create import create_lake
from cte_lake.lake.stored import stored


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    root = tmp_path / "lake"
    create_lake(stored(root))
    return root
