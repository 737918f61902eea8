"""Fixtures for every test."""

from __future__ import annotations

import gc
import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

import hypothesis
import pytest

# Hundreds of processes import the same modules: compiled by each, they took a third to a half of its start.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False
# On busy cores threads of linear algebra wait for each other, and small fits took four times as long.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import tests.commands_made  # noqa: E402, F401 - for every test
from tests.distribution import ByFixtures, Producer, rank  # noqa: E402
from tests.stores import bucket, new_bucket, object_store  # noqa: E402, F401 - fixtures for every test

# Settings of whoever runs the tests are none of theirs.
for _variable in [name for name in os.environ if name.startswith("CTE_LAKE_")]:
    del os.environ[_variable]

# How long an example takes says how busy the machine is, not whether the code is right. Examples are the same
# in every run, so that what fails is a change's; HYPOTHESIS_EXAMPLES draws others, and as many as it says.
hypothesis.settings.register_profile(
    "cte-lake",
    deadline=None,
    max_examples=int(os.environ.get("HYPOTHESIS_EXAMPLES", "50")),
    derandomize="HYPOTHESIS_EXAMPLES" not in os.environ,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("cte-lake")


def pytest_sessionstart(session: pytest.Session) -> None:
    """Have failures shown at once: a run that is cut off never reaches its summary."""
    plugins = session.config.pluginmanager
    reporter = plugins.getplugin("terminalreporter")
    if reporter is not None and "PYTEST_XDIST_WORKER" not in os.environ:
        plugins.register(ShownAtOnce(reporter))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Have what takes longest run first."""
    items.sort(key=rank)


def pytest_collection_finish() -> None:
    """Look for garbage less often, and not among what the tests' modules have imported."""
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByFixtures | None:
    """Keep tests that share fixtures on one worker, unless another distribution is asked for."""
    return ByFixtures(config, log) if config.getvalue("dist") in {"load", "loadfile"} else None


@dataclass(frozen=True)
class ShownAtOnce:
    """Writes each failure as it comes, and at the end what all processes took."""

    reporter: pytest.TerminalReporter

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self.reporter.write_line(f"\nFAILED {report.nodeid} ({report.when})")
            self.reporter.write_line(report.longreprtext[-2000:])

    def pytest_terminal_summary(self) -> None:
        self.reporter.write_line(f"{sum(os.times()[:4]):.0f} CPU seconds")


SHARED = Path(__file__).resolve().parents[2] / "shared"
JOBS = Path(__file__).resolve().parents[1] / "jobs"


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with the reference frames and the golden data of the 2017 monitor."""
    if not (SHARED / "frames").is_dir():
        pytest.skip("the shared reference data are not beside this checkout")
    return SHARED


@dataclass(frozen=True)
class SmallVisit:
    """Frames of one simulated visit, 96 columns wide: a chip-2/chip-1 pair, FLT and FLC, and its catalog."""

    frames: tuple[Path, ...]
    master: Path
    target: str = "ngc104"


@pytest.fixture(scope="session")
def small_visit(tmp_path_factory: pytest.TempPathFactory) -> SmallVisit:
    """Four small frames in real format; tests copy what they change."""
    from cte_lake.simulate import TARGETS, Settings, nominal_program, simulate_program

    folder = tmp_path_factory.mktemp("visit")
    program = nominal_program(TARGETS["ngc104"], (57601.3,))
    done = simulate_program(program, folder, Settings(width=96, seed=3), stars=120)
    return SmallVisit(done.frames, done.master)


def new_lake(root: Path, visit: SmallVisit) -> Path:
    """Make a lake that holds a visit's master catalog."""
    from cte_lake.config import load_settings
    from cte_lake.lake.create import create_lake
    from cte_lake.lake.stored import stored
    from cte_lake.pipeline.master_import import import_master

    create_lake(stored(root))
    import_master(stored(root), visit.master, visit.target, load_settings(root, environment={}).config)
    return root


@pytest.fixture
def lake(small_visit: SmallVisit, tmp_path: Path) -> Path:
    """A lake with the small visit's master catalog."""
    return new_lake(tmp_path / "lake", small_visit)


@pytest.fixture
def frames(small_visit: SmallVisit, tmp_path: Path) -> Path:
    """A folder of its own with the small visit's frames."""
    folder = tmp_path / "frames"
    folder.mkdir()
    for frame in small_visit.frames:
        shutil.copy2(frame, folder)
    return folder
