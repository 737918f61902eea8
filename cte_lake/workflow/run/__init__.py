"""The whole way in one go, from fetch to report; each step does only what is out of date.

`arguments` what was asked, `frames` and `products` the steps, `steps` their order, `outcome` what was done.
"""

from __future__ import annotations

from cte_lake.workflow.run.arguments import (
    DEFAULT_STEPS,
    STEPS,
    RunArguments,
    RunReport,
    StepReport,
    checked_plots,
    checked_radii,
    checked_steps,
    select_proposals,
)
from cte_lake.workflow.run.steps import run

__all__ = [
    "DEFAULT_STEPS",
    "STEPS",
    "RunArguments",
    "RunReport",
    "StepReport",
    "checked_plots",
    "checked_radii",
    "checked_steps",
    "run",
    "select_proposals",
]
