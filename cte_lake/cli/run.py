"""The command ``run``: every step from frames to losses, figures and report."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from cte_lake.cli.app import FRAMES, Options, app, say
from cte_lake.cli.options import LakeOption, RunOptions, SetOption, WorkersOptions, option, settings_of


@dataclass(frozen=True)
class StepsOptions(Options):
    """What is done, and of what."""

    steps: Annotated[
        str,
        option(
            "--steps",
            "Steps, separated by commas: fetch, align, crmask, ingest, measure, fit, plots, report. "
            "Default: all but fetch.",
        ),
    ] = ""
    plots: Annotated[
        list[str] | None,
        option(
            "--plots",
            "Draw these kinds of figures, as `plot` calls them; default: an overview.",
            metavar="KIND...",
        ),
    ] = None
    radius: Annotated[
        list[int] | None,
        option(
            "--radius",
            "Aperture radii of losses and figures, px; default: measure.aperture.",
            metavar="PX...",
        ),
    ] = None
    report: Annotated[bool, option("--report/--no-report", "Write the report.")] = True

    def of(self) -> dict[str, Any]:
        """Return steps, figures and radii as a run takes them."""
        from cte_lake.workflow.run import checked_plots, checked_radii, checked_steps

        named = [step.strip() for step in self.steps.split(",") if step.strip()]
        return {
            "steps": checked_steps(named, bool(self.plots), self.report),
            "plots": checked_plots(self.plots or ()),
            "radii": checked_radii(self.radius or ()),
        }


@app.command(rich_help_panel=FRAMES)
def run(
    folder: Annotated[
        Path, typer.Argument(help="Folder with the frames; fetched ones go there.", metavar="FOLDER")
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
    wanted: StepsOptions,
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
    from cte_lake.workflow.run import RunArguments, select_proposals
    from cte_lake.workflow.run import run as run_steps

    root = find_lake(lake)
    settings = settings_of(root, assignments, workers__count=pool.workers)
    selection = select_proposals(proposal or [], exposures.selection(), root, folder, settings)
    arguments = RunArguments(
        lake=root,
        folder=folder,
        settings=settings,
        selection=selection,
        workers=pool.of(settings),
        **wanted.of(),
    )
    done = run_steps(arguments, lambda step: say(step.summary))
    typer.echo(json.dumps(done.as_dict()))
    raise typer.Exit(done.exit_code)
