"""Does the steps of a run one after the other."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter

from cte_lake.errors import ArchiveError, NothingToDo
from cte_lake.workflow.run.arguments import RunArguments, RunReport, StepReport
from cte_lake.workflow.run.prepare import align_frames, fetch_frames, ingest_frames, mask_cosmic_rays
from cte_lake.workflow.run.products import draw_plots, renew_sets, write_losses, write_report

_STEPS: dict[str, Callable[[RunArguments], StepReport]] = {
    "fetch": fetch_frames,
    "align": align_frames,
    "crmask": mask_cosmic_rays,
    "ingest": ingest_frames,
    "measure": write_losses,
    "fit": renew_sets,
    "plots": draw_plots,
    "report": write_report,
}


def run(arguments: RunArguments, notify: Callable[[StepReport], None] | None = None) -> RunReport:
    """Do the steps, each only where something is missing or out of date.

    A step that fails in part does not stop the next; what is kept after a kill is kept, and the next run goes
    on from there.

    Parameters
    ----------
    arguments : RunArguments
        What is asked.
    notify : callable, optional
        Called with each step's report when it is done.

    Raises
    ------
    CteLakeError
        If the configuration or an argument is wrong.
    """
    report = RunReport()
    for step in arguments.steps:
        started = perf_counter()
        try:
            done = _STEPS[step](arguments)
        except (NothingToDo, ArchiveError) as error:
            done = StepReport(step, 0, 0, f"{step}: {error}", error.exit_code)
        done.seconds = perf_counter() - started
        report.steps.append(done)
        if notify is not None:
            notify(done)
    return report
