"""The command ``run``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from cte_lake.cli.app import FRAMES, app
from cte_lake.cli.options import LakeOption, RunOptions, SetOption, WorkersOptions, settings_of


@app.command(rich_help_panel=FRAMES)
def run(
    folder: Annotated[
        Path, typer.Argument(help="Folder with the frames; fetched ones go there.", metavar="[FOLDER]")
    ] = Path("data"),
    lake: LakeOption = None,
    proposal: Annotated[
        list[str] | None,
        typer.Option(
            "--proposal",
            help="all, last (the highest in the folder), 180 (targets observed at two rolls) or a number; "
            "repeatable.",
            rich_help_panel="Selection",
        ),
    ] = None,
    *,
    exposures: RunOptions,
    steps: Annotated[
        str,
        typer.Option(
            "--steps",
            help="Steps, with commas: fetch, align, crmask, ingest, measure, fit, plots, report. Default: "
            "all but fetch.",
        ),
    ] = "",
    plots: Annotated[
        list[str] | None,
        typer.Option(
            "--plots",
            metavar="KIND...",
            help="Draw these kinds of figures, as `plot` calls them; default: an overview.",
        ),
    ] = None,
    radius: Annotated[
        list[int] | None,
        typer.Option(
            "--radius",
            metavar="PX...",
            help="Aperture radii of losses and figures, px; default: measure.aperture.",
        ),
    ] = None,
    report: Annotated[bool, typer.Option("--report/--no-report", help="Write the report.")] = True,
    pool: WorkersOptions,
    assignments: SetOption = None,
) -> None:
    """Run every step from frames to losses, figures and report.

    Each step does only what is missing or out of date: a second run does nothing, and an interrupted one
    resumes. Prints one line per step on standard error and a final line of JSON on standard output.

    [bold]Examples[/bold]

      cte-lake run data

      cte-lake run data --proposal last --steps fetch,align,crmask,ingest

      cte-lake run data --steps measure --plots cte-time cte-flux --radius 3 5 10 --no-report
    """
    from cte_lake.lake.stored import find_lake
    from cte_lake.workflow.run import (
        RunArguments,
        checked_plots,
        checked_radii,
        checked_steps,
        select_proposals,
    )
    from cte_lake.workflow.run import run as run_steps

    root = find_lake(lake)
    settings = settings_of(root, assignments, workers__count=pool.workers)
    selection = select_proposals(proposal or [], exposures.selection(), root, folder, settings)
    arguments = RunArguments(
        lake=root,
        folder=folder,
        settings=settings,
        selection=selection,
        steps=checked_steps([s.strip() for s in steps.split(",") if s.strip()], bool(plots), report),
        plots=checked_plots(plots or ()),
        radii=checked_radii(radius or ()),
        workers=pool.of(settings),
    )
    done = run_steps(arguments, lambda step: typer.echo(step.summary, err=True))
    typer.echo(json.dumps(done.as_dict()))
    raise typer.Exit(done.exit_code)
