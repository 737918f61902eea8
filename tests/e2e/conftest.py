"""The installed command, and a visit with enough frames to be interrupted."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cte_lake.config import load_settings
from cte_lake.lake.create import create_lake
from cte_lake.lake.stored import stored
from cte_lake.pipeline.master_import import import_master


def command() -> list[str]:
    """The command as installed in this environment."""
    script = Path(sys.executable).with_name("cte-lake")
    return [str(script)]


def environment() -> dict[str, str]:
    """The environment without settings of whoever runs the tests."""
    return {key: value for key, value in os.environ.items() if not key.startswith("CTE_LAKE_")}


@pytest.fixture(scope="session")
def cte_lake_command():
    """Run ``cte-lake`` with arguments; returns the completed process with its text."""

    def run(*arguments: object, cwd: Path | None = None, **more: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*command(), *map(str, arguments)],
            capture_output=True,
            text=True,
            cwd=cwd,
            env=environment(),
            check=False,
            stdin=subprocess.DEVNULL,
            **{"timeout": 500, **more},
        )

    return run


@pytest.fixture(scope="session")
def program(tmp_path_factory: pytest.TempPathFactory):
    """Frames and catalog of two small visits: eight files."""
    from cte_lake.simulate import TARGETS, Settings, nominal_program, simulate_program

    folder = tmp_path_factory.mktemp("program")
    plan = nominal_program(TARGETS["ngc104"], (55500.0, 57601.3))
    return simulate_program(plan, folder, Settings(width=96, seed=5), stars=150)


@pytest.fixture(scope="session")
def make_lake(tmp_path_factory, program):
    """Make lakes that hold the program's master catalog."""

    def make(name: str) -> Path:
        root = tmp_path_factory.mktemp(name) / "lake"
        create_lake(stored(root))
        import_master(stored(root), program.master, "ngc104", load_settings(root, environment={}).config)
        return root

    return make
