"""A simulated monitor of 2009 to 2026 and its recalibration: what is missing, and the losses."""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks.monitor_lake import Monitor
from cte_lake import open_lake
from cte_lake.config import load_settings
from cte_lake.lake.create import create_lake
from cte_lake.lake.stored import stored
from cte_lake.pipeline.dask import WorkerSettings
from cte_lake.pipeline.master_import import import_master
from cte_lake.report.coverage import coverage_gaps
from cte_lake.views.audits import run_audits
from cte_lake.workflow.run import RunArguments, run

_PATH = Path(__file__).parents[2] / "benchmarks" / "monitor.py"


@pytest.fixture
def benchmark(monkeypatch) -> Any:
    """The script that makes the figures of docs/monitor.md."""
    monkeypatch.syspath_prepend(str(_PATH.parent))
    spec = importlib.util.spec_from_file_location("benchmark_monitor", _PATH)
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "benchmark_monitor", module)
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
def test_a_monitor_of_2009_to_2024_and_its_recalibration(tmp_path, benchmark):
    monitor = Monitor(
        stars=400, cadence=3 * 365.25, never_came=(("ngc104", 4),),
        missing=(("ngc104", 2, 12), ("ngc104", 5, 0), ("ngc6791", 3, 0)),
        flashes={"ngc104": (0, 12, 33), "ngc6791": (0, 12)},
    )  # fmt: skip
    root = tmp_path / "lake"
    create_lake(stored(root))
    generations = {False: {"flt", "cte1_zcv2057mi", "cte2_54l1347ei"}, True: {"flt", "cte3_54l1347ei_serial"}}
    for recalibrated in (False, True):
        assert benchmark.fill(root, monitor, recalibrated) == 78
        with open_lake(root) as lake:
            assert all(result.passed for result in run_audits(lake))
            told = coverage_gaps(lake)
            assert told["unpaired"] == {"partner_missing": 6}
            assert len([line for line in told["overdue"] if "never came" in line]) == 1
            assert [line.partition(":")[0] for line in told["incomplete"]] == [
                "NGC 104 14012/03", "NGC 104 17674/06", "NGC 6791 14541/54",
            ]  # fmt: skip
            assert {row["generation"] for row in lake.pairs().rows()} == generations[recalibrated]
            newest = {row["generation"] for row in lake.cte_vs_time(filetype="flc").rows()}
            assert newest == {max(generations[recalibrated] - {"flt"})}
        for one in benchmark.closures(root, monitor, recalibrated):
            assert one.pull_rms < 1.3, one
            assert abs(one.bias) < max(4 * one.bias_err, 0.3), one


@pytest.mark.slow
def test_a_small_monitor_of_frames_and_its_recalibration(tmp_path, benchmark):
    """Two targets, another calibration from 2015 on, three exposures and a visit that are missing."""
    monitor = benchmark.without_rays(benchmark.short_monitor())
    monitor = replace(
        monitor,
        never_came=(("ngc104", 3), *(("ngc6791", number) for number in range(1, 5))),
        missing=(("ngc104", 1, 12), ("ngc104", 2, 0), ("ngc6791", 0, 0)),
    )
    root, frames = tmp_path / "lake", tmp_path / "frames"
    lake = stored(root)
    create_lake(lake)
    settings = load_settings(root, environment={})
    generations = {False: {"flt", "cte1_zcv2057mi", "cte2_54l1347ei"}, True: {"flt", "cte3_54l1347ei_serial"}}
    for recalibrated in (False, True):
        count, truths = benchmark.write_frames(frames, monitor, recalibrated)
        for target in monitor.flashes:
            import_master(lake, frames / target / f"{target}_master.cat", target, settings.config)
        steps = RunArguments(lake, frames, settings, steps=("align", "ingest"), workers=WorkerSettings(0))
        assert [(step.done, step.failed) for step in run(steps).steps] == [(13, 0), (26, 0)]
        assert count == 26
        with open_lake(root) as opened:
            assert all(result.passed for result in run_audits(opened))
            told = coverage_gaps(opened)
            assert {row["generation"] for row in opened.pairs().rows()} == generations[recalibrated]
        assert told["text"].startswith("1 epoch never came, ")
        assert [line.partition(":")[0] for line in told["incomplete"]] == [
            "NGC 104 13083/02", "NGC 104 13566/03", "NGC 6791 12379/51",
        ]  # fmt: skip
        assert [line.partition(":")[0] for line in told["alone"]] == [
            "NGC 104 13083/02 ic1202baq, FLT and FLC",
            "NGC 104 13566/03 icau03aaq, FLT and FLC",
            "NGC 6791 12379/51 iblq51aaq, FLT and FLC",
        ]
        for one in benchmark.frame_closures(root, truths):
            assert one.pull_rms < 2.0, one
            assert abs(one.bias) < 4 * one.bias_err, one
