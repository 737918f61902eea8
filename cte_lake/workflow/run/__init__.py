"""The whole way in one go, from fetch to report; each step does only what is out of date.

`arguments` what was asked, `steps` the steps in order.
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
