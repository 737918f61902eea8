"""The command ``refresh``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from cte_lake.cli.app import FRAMES, app
from cte_lake.cli.options import LakeOption
from cte_lake.errors import ExitCode, UsageError


@app.command(rich_help_panel=FRAMES)
def refresh(
    lake: LakeOption = None,
    frames: Annotated[
        Path | None, typer.Option("--frames", help="Folder of the frames; fetched ones go there.")
    ] = None,
    publish: Annotated[
        Path | None, typer.Option("--publish", help="Put the report here too, for a web server.")
    ] = None,
    step: Annotated[
        list[str] | None,
        typer.Option("--step", help="Run this command of cte-lake instead of the usual ones; repeatable."),
    ] = None,
) -> None:
    """Bring a lake up to date unattended: fetch, measure, check, report. For cron and systemd.

    Prints one line of JSON on standard output and, if something needs a look, a mail on standard error. The
    log is in the lake's logs/. Exit code 75 if another refresh of the lake is running.

    [bold]Examples[/bold]

      cte-lake refresh --frames /data/cte/frames --publish /var/www/cte

      cte-lake refresh --step compact --step "vacuum --grace 30d --yes" --step verify
    """
    from cte_lake.lake.stored import find_lake
    from cte_lake.workflow.refresh import default_steps
    from cte_lake.workflow.refresh import refresh as run

    if frames is None and not step:
        raise UsageError("name the folder of the frames with --frames, or what to do with --step")
    steps = tuple(step or default_steps((frames or Path()).absolute(), publish))
    done = run(find_lake(lake), steps)
    typer.echo(json.dumps(done.summary()))
    if done.exit_code:
        typer.echo(done.mail(), err=True, nl=False)
    raise typer.Exit(done.exit_code if done.exit_code >= 0 else ExitCode.DEFECT)
