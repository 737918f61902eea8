"""Frames with known loss, ingested and measured in SQL, against their truth."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cte_lake import Lake, open_lake
from cte_lake.config import load_settings
from cte_lake.lake.create import create_lake
from cte_lake.lake.stored import stored

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def measured(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Lake:
    from cte_lake.pipeline.dask import WorkerSettings
    from cte_lake.pipeline.ingest import IngestArguments, ingest
    from cte_lake.pipeline.master_import import import_master

    root = tmp_path_factory.mktemp("frames") / "lake"
    create_lake(stored(root))
    settings = load_settings(root, environment={})
    for target in ("ngc104", "ngc6583"):
        import_master(
            stored(root), shared / "frames" / target / f"{target}_master.cat", target, settings.config
        )
    workers = WorkerSettings(0, None, "2GB", 0)
    report = ingest(
        IngestArguments(stored(root), (str(shared / "frames"),), settings=settings, workers=workers)
    )
    assert (report.measured, report.rejected) == (16, [])
    return open_lake(root)


def compared(lake: Lake, shared: Path, estimator: str = "mean_flux") -> list[dict[str, Any]]:
    """Per true pair and bin: the truth and what was measured in the FLT and the FLC."""
    losses = {
        (row["image_1"], row["image_2"], row["bin_lo"], row["bin_hi"]): row
        for row in lake.cte(estimator=estimator).rows()
    }
    found = []
    for target in ("ngc104", "ngc6583"):
        for pair in json.loads((shared / "frames" / target / "truth.json").read_text()):
            names = [pair.get("chip1") or pair["first"], pair.get("chip2") or pair["second"]]
            for entry in pair["cte_per_2048"]:
                flt, flc = (
                    losses[f"{names[0]}_{kind}.fits", f"{names[1]}_{kind}.fits", entry["lo"], entry["hi"]]
                    for kind in ("flt", "flc")
                )
                found.append({"target": target, "truth": entry["loss"], "flt": flt, "flc": flc})
    return found


def pulls(rows: list[dict[str, Any]]) -> np.ndarray:
    return np.array([(row["flt"]["cte_loss"] - row["truth"]) / row["flt"]["cte_loss_err"] for row in rows])


def test_the_truth_is_recovered_as_well_as_a_plain_measurement_does(measured, shared):
    rows = compared(measured, shared)
    assert len(rows) == 32
    found = pulls(rows)
    assert (np.abs(found) < 2).sum() >= 30
    # Overlapping bins share stars; all the same the errors must be neither boasts nor excuses.
    assert 0.3 < np.mean(found**2) < 1.5
    assert abs(np.mean(found)) < 0.6


def test_both_kinds_of_pairs_are_recovered(measured, shared):
    rows = compared(measured, shared)
    for target in ("ngc104", "ngc6583"):
        chosen = [row for row in rows if row["target"] == target]
        assert (np.abs(pulls(chosen)) < 2).sum() >= 14
        assert all(row["flt"]["cte_loss"] > 0 for row in chosen)
    chips = {row["chip"] for row in measured.pairs_180().rows()}
    assert chips == {1, 2}


def test_the_corrected_frames_keep_a_third_of_the_loss(measured, shared):
    rows = compared(measured, shared)
    flt = np.array([row["flt"]["cte_loss"] for row in rows])
    flc = np.array([row["flc"]["cte_loss"] for row in rows])
    weight = 1 / np.array([row["flc"]["cte_loss_err"] for row in rows]) ** 2
    left = np.sum(weight * flt * flc) / np.sum(weight * flt**2)
    assert left == pytest.approx(0.35, abs=0.05)


def test_the_2017_estimator_finds_less_in_the_faintest_bin(measured, shared):
    # It demands both noisy fluxes in the bin and so cuts off the ratios.
    new, old = (compared(measured, shared, estimator) for estimator in ("mean_flux", "both_in_bin"))
    faint = [i for i, row in enumerate(new) if row["flt"]["bin_lo"] == 250 and row["target"] == "ngc104"]
    assert sum(old[i]["flt"]["cte_loss"] for i in faint) < sum(new[i]["flt"]["cte_loss"] for i in faint)
    assert all(old[i]["flt"]["n_in_bin"] < new[i]["flt"]["n_in_bin"] for i in faint)


def test_the_flt_recovers_fewer_stars_far_from_the_amplifiers(measured):
    rows = measured.sql("""
        SELECT far, sum(n_flt) / sum(n_flt + n_lost) AS share, median(flux_ratio) AS ratio FROM recovery
        WHERE target = 'ngc104' AND flash = 0 AND bin_hi <= 1000 GROUP BY far
    """).rows()
    found = {row["far"]: row for row in rows}
    assert found[True]["ratio"] < found[False]["ratio"] < 1
    assert found[True]["share"] <= found[False]["share"] <= 1


def test_no_audit_finds_a_fault(measured):
    from cte_lake.views.audits import run_audits

    assert [result.name for result in run_audits(measured) if not result.passed] == []
