"""The demo: a simulated program through the lake, the losses found beside the losses injected."""

from cte_lake.demo.demonstrate import DemoScale, run_demo
from cte_lake.demo.result_lines import DemoResult, Recovered, result_lines

__all__ = ["DemoResult", "DemoScale", "Recovered", "result_lines", "run_demo"]
