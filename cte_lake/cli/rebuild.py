"""The command ``rebuild``: photometry again, from the lake's own list of frames."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from cte_lake.cli.app import app, say
from cte_lake.cli.housekeeping import HOUSEKEEPING, YesOption, agreed
from cte_lake.cli.options import (
    DryRunOption,
    ExposuresOptions,
    JsonOption,
    LakeOption,
    ModeOption,
    ProgressOption,
    SetOption,
    WorkersOptions,
    option,
    settings_of,
)
from cte_lake.errors import NothingToDo


@app.command(rich_help_panel=HOUSEKEEPING)
def rebuild(
    images: Annotated[
        list[str] | None,
        typer.Argument(help="Image names, root names or paths; default: all exposures.", metavar="IMAGE..."),
    ] = None,
    lake: LakeOption = None,
    list_file: Annotated[
        Path | None,
        option("--list", "File with one image name, root name or path per line; -: standard input."),
    ] = None,
    *,
    exposures: ExposuresOptions,
    mode: ModeOption = None,
    pool: WorkersOptions,
    dry_run: DryRunOption = False,
    yes: YesOption = False,
    as_json: JsonOption = False,
    progress: ProgressOption = True,
    assignments: SetOption = None,
) -> None:
    """Measure exposures of the lake again, from their original frames.

    Readers see the former measurement of each exposure until the new one is there.
    """
    from cte_lake.cli.terminal import progress_bar
    from cte_lake.lake.stored import find_lake
    from cte_lake.pipeline.ingest import IngestArguments, ingest
    from cte_lake.pipeline.rebuild import frames_to_rebuild, names_in

    root = find_lake(lake)
    settings = settings_of(root, assignments, photometry__mode=mode, workers__count=pool.workers)
    names = [*(images or ()), *(names_in(list_file) if list_file else ())]
    config = settings.config
    frames = frames_to_rebuild(root, config.photometry.mode, names, exposures.selection(), config.names())
    for path in frames.paths:
        typer.echo(f"measure {path}", err=not dry_run)
    for path in frames.missing:
        say(f"unchanged, because its frame no longer exists: {path}")
    if dry_run:
        say(f"rebuild: {len(frames.paths)} exposures; nothing was done")
        return
    if not agreed(f"Measure {len(frames.paths)} exposures again?", yes):
        raise NothingToDo("nothing was measured")
    arguments = IngestArguments(root, frames.paths, settings, workers=pool.of(settings), overwrite=True)
    with progress_bar("rebuild", progress) as report_progress:
        report = ingest(arguments, progress=report_progress)
    if as_json:
        typer.echo(json.dumps(report.as_dict()))
    say(f"rebuild: {report.measured} measured, {len(report.rejected)} rejected")
    raise typer.Exit(report.exit_code)
