"""The command ``ingest``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from cte_lake.cli.app import FRAMES, app, say
from cte_lake.cli.options import ExposuresOptions, ModeOption, PathsArgument, option
from cte_lake.cli.stage import StageOptions, print_rows
from cte_lake.filenames import path_text

if TYPE_CHECKING:
    from cte_lake.pipeline.ingest import IngestReport, Plan


@app.command(rich_help_panel=FRAMES)
def ingest(
    paths: PathsArgument,
    *,
    exposures: ExposuresOptions,
    mode: ModeOption = None,
    engine: Annotated[
        str | None, option("--engine", "Engine that sums the apertures: kernel or photutils.")
    ] = None,
    limit: Annotated[int | None, option("--limit", "Measure at most N exposures.", min=0)] = None,
    stage: StageOptions,
) -> None:
    """Measure the stars of exposures in parallel and write them into the lake.

    What is up to date is left alone: only new or changed files, and those whose master catalog,
    WCS, cosmic-ray mask or settings changed, are measured. A file that cannot be measured goes to
    rejects with its reason; the others go on, and the exit code is 3.
    """
    from cte_lake.pipeline.ingest import IngestArguments, make_plan
    from cte_lake.pipeline.ingest import ingest as run_ingest

    common = stage.arguments(paths, exposures.selection(), photometry__mode=mode, photometry__engine=engine)
    arguments = IngestArguments(**vars(common), limit=limit)
    report = stage.carry_out("ingest", arguments, make_plan(arguments), _print_plan, run_ingest)
    _print_report(report)
    raise typer.Exit(report.exit_code)


def _print_plan(plan: Plan, as_json: bool) -> None:
    rows = [
        {
            "imagename": item.imagename,
            "path": path_text(item.path),
            "action": item.action.value,
            "reason": item.reason or None,
            "why": item.why or None,
        }
        for item in plan.items
    ]
    counts = ", ".join(f"{n} {action.value}" for action, n in plan.counts.items())
    print_rows(rows, counts, as_json)
    if plan.names_left_alone:
        say(f"note: {plan.names_left_alone}")


def _print_report(report: IngestReport) -> None:
    from cte_lake.pipeline.ingest_tally import sums_text

    for older in report.superseded:
        say(f"superseded {older['path']}: {older['detail']}")
    explanation = sums_text(report.sums) if report.files else "no frame found"
    if report.withdrawn:
        explanation += f" ({report.withdrawn} of them withdrawn)"
    if report.files > max(report.sums.values(), default=0):
        explanation += f" of {report.files} files"
    stars = f", {report.stars} stars" if report.stars else ""
    say(f"ingest: {explanation}{stars} in {report.seconds:.1f} s")
    for note in report.notes:
        say(f"note: {note}")
