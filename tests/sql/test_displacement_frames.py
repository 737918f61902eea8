"""The shift on frames whose lost charge lies in trails, against what the trails do to stars without noise."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.shift import CLEAN, truth
from cte_lake import open_lake
from cte_lake.config import load_settings
from cte_lake.lake.create import create_lake
from cte_lake.lake.stored import stored
from cte_lake.pipeline.dask import WorkerSettings
from cte_lake.pipeline.ingest import IngestArguments, ingest
from cte_lake.pipeline.master_import import import_master
from cte_lake.simulate import TARGETS, CTELaw, Detector, Optics, Settings, nominal_program, simulate_program

pytestmark = pytest.mark.slow


def made(
    folder: Path, seed: int, law: CTELaw | None = None, optics: Optics | None = None, **detector: Any
) -> Path:
    """A lake of one simulated pair, FLT and FLC, beside the truth of its stars."""
    settings = Settings(
        law or CTELaw(), Detector(**(CLEAN | detector)), width=384, seed=seed, optics=optics or Optics()
    )
    program = nominal_program(TARGETS["ngc104"], (57601.3,))
    done = simulate_program(
        program, folder / "frames", settings, stars=900, structure="plain", star_truth=True
    )
    root = folder / "lake"
    create_lake(stored(root))
    configured = load_settings(root, environment={})
    import_master(stored(root), done.master, "ngc104", configured.config)
    workers = WorkerSettings(0, None, "2GB", 0)
    source = (str(folder / "frames" / "data"),)
    assert ingest(IngestArguments(stored(root), source, settings=configured, workers=workers)).rejected == []
    return root


@pytest.mark.parametrize("length", [1.5, 15.0])
def test_the_shift_is_what_the_trails_do(tmp_path, length):
    with open_lake(made(tmp_path, 31, trails=True, trail_length=length)) as lake:
        rows = lake.displacement().rows()
        pulls = [
            (row["displacement"] - truth(lake, tmp_path / "frames", row)) / row["displacement_err"]
            for row in rows
        ]
    assert len(rows) == 2 * 6 + 2 * 5
    assert np.abs(pulls).max() < 3.5
    assert 0.6 < np.sqrt(np.mean(np.square(pulls))) < 1.5
    faint = [row for row in rows if row["bin_lo"] == 250 and row["filetype"] == "flt"]
    assert len(faint) == 3
    # A long trail moves stars by 0.024 px, three errors of so few stars against the bright ones.
    seen = [row for row in faint if row["against"] == "flc" or length < 10]
    assert all(row["displacement"] > 4 * row["displacement_err"] for row in seen)


def test_without_trails_there_is_no_shift(tmp_path):
    with open_lake(made(tmp_path, 32)) as lake:
        rows = lake.displacement().rows()
    pulls = [row["displacement"] / row["displacement_err"] for row in rows]
    assert np.abs(pulls).max() < 3.5

    assert {row["against"] for row in rows} == {"bright", "flc"}
    assert all(
        abs(row["displacement"]) < 0.001 for row in rows if row["against"] == "flc" and row["bin_lo"] > 2000
    )
