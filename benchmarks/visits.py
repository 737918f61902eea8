"""Simulated visits with wrong headers, and the steps of preparation on them, for the scripts beside it."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from cte_lake.config import load_settings
from cte_lake.lake.create import create_lake
from cte_lake.lake.stored import stored
from cte_lake.pipeline.align.align_exposures import AlignReport, align
from cte_lake.pipeline.carry_out import StageArguments
from cte_lake.pipeline.crmask.mask_exposures import CrmaskReport, find_cosmic_rays
from cte_lake.pipeline.dask import WorkerSettings
from cte_lake.pipeline.master_import import import_master
from cte_lake.simulate import Program, WCSError, with_wcs_errors

#: Columns of the cut-outs; their height is the full one.
WIDTH = 512


@contextmanager
def scratch() -> Iterator[Path]:
    """Yield a folder that is gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="cte-lake-bench-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def spoil(program: Program, rng: np.random.Generator, low: float = 0.2, high: float = 3.0) -> Program:
    """Give every exposure a WCS error of `low` to `high` px and up to 0.05 degrees."""
    errors = {}
    for plan in program.exposures:
        size, angle = rng.uniform(low, high), rng.uniform(0, 2 * np.pi)
        errors[plan.rootname] = WCSError(size * np.cos(angle), size * np.sin(angle), rng.uniform(-0.05, 0.05))
    return with_wcs_errors(program, errors)


def new_lake(folder: Path, master: Path, target: str) -> Path:
    """Make a lake with a target's master catalog."""
    lake = folder / "lake"
    create_lake(stored(lake))
    import_master(stored(lake), master, target, load_settings(lake, environment={}).config)
    return lake


def run_align(lake: Path, data: Path, workers: int = 0) -> AlignReport:
    """Align what lies in a folder, with the default settings."""
    settings = load_settings(lake, environment={})
    return align(StageArguments(stored(lake), (str(data),), settings, workers=WorkerSettings(workers)))


def run_crmask(
    lake: Path, data: Path, workers: int = 0, flags: dict[str, object] | None = None
) -> CrmaskReport:
    """Mask the cosmic rays of what lies in a folder; `flags` are settings other than the defaults."""
    settings = load_settings(lake, environment={}, flags=flags or {})
    return find_cosmic_rays(
        StageArguments(stored(lake), (str(data),), settings, workers=WorkerSettings(workers))
    )
