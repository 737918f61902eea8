"""Fixtures for every test."""

from __future__ import annotations

from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with the reference frames and the golden data of the 2017 monitor."""
    if not (SHARED / "frames").is_dir():
        pytest.skip("the shared reference data are not beside this checkout")
    return SHARED
