"""A simulated monitor of 2009 to 2026 and its recalibration: what is missing, and the losses."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

from cte_lake import open_lake
from cte_lake.lake.create import create_lake
from cte_lake.lake.stored import stored
from cte_lake.report.coverage import coverage_gaps
from cte_lake.simulate.monitor import Monitor
from cte_lake.views.audits import run_audits

_PATH = Path(__file__).parents[2] / "benchmarks" / "monitor.py"


@pytest.mark.slow
def test_a_monitor_of_2009_to_2026_and_its_recalibration(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(_PATH.parent))
    spec = importlib.util.spec_from_file_location("benchmark_monitor", _PATH)
    benchmark = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "benchmark_monitor", benchmark)
    spec.loader.exec_module(benchmark)
    monitor, root = Monitor(stars=400), tmp_path / "lake"
    create_lake(stored(root))
    generations = {False: {"flt", "cte1_zcv2057mi", "cte2_54l1347ei"}, True: {"flt", "cte3_54l1347ei_serial"}}
    for recalibrated in (False, True):
        assert benchmark.fill(root, monitor, recalibrated) == 418
        with open_lake(root) as lake:
            assert all(result.passed for result in run_audits(lake))
            told = coverage_gaps(lake)
            assert told["unpaired"] == {"partner_missing": 6}
            assert len([line for line in told["overdue"] if "never came" in line]) == 1
            named = [line for line in told["incomplete"] if "by its plan" not in line]
            assert [line.partition(":")[0] for line in named] == [
                "NGC 104 13566/06", "NGC 104 14541/13", "NGC 6791 14541/59",
            ]  # fmt: skip
            assert {row["generation"] for row in lake.pairs().rows()} == generations[recalibrated]
            newest = {row["generation"] for row in lake.cte_vs_time(filetype="flc").rows()}
            assert newest == {max(generations[recalibrated] - {"flt"})}
        for one in benchmark.closures(root, monitor, recalibrated):
            assert one.pull_rms < 1.3, one
            assert abs(one.bias) < max(4 * one.bias_err, 0.3), one
