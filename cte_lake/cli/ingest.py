"""The command ``ingest``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from cte_lake.cli.app import FRAMES, app
from cte_lake.cli.options import (
    DryRunOption,
    ExposuresOptions,
    JsonOption,
    LakeOption,
    ModeOption,
    PathsArgument,
    ProgressOption,
    SetOption,
    WorkersOptions,
    given_paths,
    overwriting,
    require_frames,
    settings_of,
)
from cte_lake.filenames import path_text

if TYPE_CHECKING:
    from cte_lake.pipeline.ingest import IngestReport, Plan


@app.command(rich_help_panel=FRAMES)
def ingest(
    paths: PathsArgument,
    lake: LakeOption = None,
    *,
    exposures: ExposuresOptions,
    mode: ModeOption = None,
    engine: Annotated[
        str | None, typer.Option("--engine", help="Engine that sums the apertures: kernel or photutils.")
    ] = None,
    pool: WorkersOptions,
    limit: Annotated[int | None, typer.Option("--limit", min=0, help="Measure at most N exposures.")] = None,
    overwrite: Annotated[bool, overwriting("Measure again what is up to date.")] = False,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
    progress: ProgressOption = True,
    assignments: SetOption = None,
) -> None:
    """Measure the stars of exposures in parallel and write them into the lake.

    What is up to date is left alone: only new or changed files, and those whose master catalog,
    WCS, cosmic-ray mask or settings changed, are measured. A file that cannot be measured goes to
    rejects with its reason; the others go on, and the exit code is 3.
    """
    from cte_lake.cli.progress import progress_bar
    from cte_lake.lake.stored import find_lake
    from cte_lake.pipeline.ingest import IngestArguments, make_plan
    from cte_lake.pipeline.ingest import ingest as run_ingest

    root = find_lake(lake)
    settings = settings_of(
        root, assignments, photometry__mode=mode, photometry__engine=engine, workers__count=pool.workers
    )
    arguments = IngestArguments(
        lake=root,
        paths=given_paths(paths),
        settings=settings,
        selection=exposures.selection(),
        workers=pool.of(settings),
        overwrite=overwrite,
        limit=limit,
    )
    plan = make_plan(arguments)
    require_frames(len(plan.items), arguments.paths)
    if dry_run:
        _print_plan(plan, as_json)
        return
    with progress_bar("ingest", progress) as report_progress:
        report = run_ingest(arguments, plan, report_progress)
    if as_json:
        typer.echo(json.dumps(report.as_dict()))
    _print_report(report)
    raise typer.Exit(report.exit_code)


def _print_plan(plan: Plan, as_json: bool) -> None:
    if as_json:
        rows = [
            {
                "path": path_text(item.path),
                "imagename": item.imagename,
                "action": item.action.value,
                "reason": item.reason or None,
                "why": item.why or None,
            }
            for item in plan.items
        ]
        typer.echo(json.dumps(rows, indent=2))
        return
    for item in plan.items:
        name = item.imagename or path_text(item.path.name)
        typer.echo(f"{item.action.value:<12} {name}{f': {item.why}' if item.why else ''}")
    counts = ", ".join(f"{n} {action.value}" for action, n in plan.counts.items())
    typer.echo(f"plan: {counts or 'no frame found'}; nothing was done", err=True)


def _print_report(report: IngestReport) -> None:
    from cte_lake.pipeline.ingest_tally import sums_text

    for refused in report.rejected:
        typer.echo(f"rejected {refused['path']}: {refused['detail']}", err=True)
    for older in report.superseded:
        typer.echo(f"superseded {older['path']}: {older['detail']}", err=True)
    explanation = sums_text(report.sums) if report.files else "no frame found"
    if report.withdrawn:
        explanation += f" ({report.withdrawn} of them withdrawn)"
    if report.files > max(report.sums.values(), default=0):
        explanation += f" of {report.files} files"
    stars = f", {report.stars} stars" if report.stars else ""
    typer.echo(f"ingest: {explanation}{stars} in {report.seconds:.1f} s", err=True)
    for note in report.notes:
        typer.echo(f"note: {note}", err=True)
