"""What a run did, step by step."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from cte_lake.errors import ExitCode


@dataclass
class StepReport:
    """What a step did.

    Attributes
    ----------
    step : str
        Its name.
    done : int
        Things made: files fetched, exposures aligned, masked, measured, pairs, figures, pages.
    failed : int
        Things that failed and are on record.
    summary : str
        One line.
    exit_code : ExitCode
        As the step's own command gives it.
    seconds : float
        Wall time.
    """

    step: str
    done: int
    failed: int
    summary: str
    exit_code: ExitCode = ExitCode.DONE
    seconds: float = 0.0


@dataclass
class RunReport:
    """What a run did, step by step."""

    steps: list[StepReport] = field(default_factory=list)

    @property
    def exit_code(self) -> ExitCode:
        """Nothing to do if all that was asked for by name is absent; else done in part if any step was."""
        codes = {step.exit_code for step in self.steps}
        if ExitCode.DONE_IN_PART in codes:
            return ExitCode.DONE_IN_PART
        return max(codes, default=ExitCode.DONE)

    def as_dict(self) -> dict[str, Any]:
        """Return the report as plain values, for the JSON line."""
        return {
            "steps": [vars(step) | {"exit_code": int(step.exit_code)} for step in self.steps],
            "seconds": sum(step.seconds for step in self.steps),
            "exit_code": int(self.exit_code),
        }
