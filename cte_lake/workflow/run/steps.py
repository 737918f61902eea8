"""The steps of a run, one after the other; those that work on frames stand here."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import Any

from cte_lake.errors import ArchiveError, NothingToDo
from cte_lake.workflow.run.arguments import RunArguments, RunReport, StepReport
from cte_lake.workflow.run.products import draw_plots, renew_sets, write_losses, write_report


def fetch_frames(arguments: RunArguments) -> StepReport:
    """Fetch what the archive has of the selected proposals, or of all configured ones."""
    from cte_lake.pipeline.fetch.fetch_programs import FetchArguments, fetch, summary_line

    proposals = arguments.selection.proposal or tuple(sorted(arguments.settings.config.proposals))
    done = fetch(
        FetchArguments(proposals, arguments.folder, arguments.settings, not arguments.selection.proposal)
    )
    return StepReport("fetch", len(done.fetched), len(done.failed), summary_line(done), done.exit_code)


def align_frames(arguments: RunArguments) -> StepReport:
    """Align what is new or out of date."""
    from cte_lake.pipeline.align.align_exposures import align, summary_line
    from cte_lake.pipeline.carry_out import StageArguments

    done = align(StageArguments(**_common(arguments)))
    failed = len(done.quarantined) + len(done.rejected)
    return StepReport("align", done.aligned, failed, summary_line(done), done.exit_code)


def mask_cosmic_rays(arguments: RunArguments) -> StepReport:
    """Mask the cosmic rays of visits that are new or out of date."""
    from cte_lake.pipeline.carry_out import StageArguments
    from cte_lake.pipeline.crmask.mask_exposures import find_cosmic_rays, summary_line

    done = find_cosmic_rays(StageArguments(**_common(arguments)))
    return StepReport("crmask", len(done.masked), len(done.rejected), summary_line(done), done.exit_code)


def ingest_frames(arguments: RunArguments) -> StepReport:
    """Measure what is new or out of date."""
    from cte_lake.pipeline.ingest import IngestArguments, ingest
    from cte_lake.pipeline.ingest_tally import sums_text

    done = ingest(IngestArguments(**_common(arguments)))
    summary = f"ingest: {done.files} files, {sums_text(done.sums)} in {done.seconds:.1f} s"
    summary += f" ({'; '.join(done.notes)})" if done.notes else ""
    return StepReport("ingest", done.measured + done.renewed, len(done.rejected), summary, done.exit_code)


def _common(arguments: RunArguments) -> dict[str, Any]:
    return {
        "lake": arguments.lake,
        "paths": (str(arguments.folder),),
        "settings": arguments.settings,
        "selection": arguments.selection,
        "workers": arguments.workers,
    }


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
