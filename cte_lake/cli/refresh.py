"""The command ``refresh``: bring a lake up to date unattended."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from cte_lake.cli.app import FRAMES, app
from cte_lake.cli.options import LakeOption, option
from cte_lake.errors import ExitCode


@app.command(rich_help_panel=FRAMES)
def refresh(
    lake: LakeOption = None,
    frames: Annotated[
        Path | None, option("--frames", "Folder of the frames, fetched ones too; default: refresh.frames.")
    ] = None,
    publish: Annotated[
        Path | None,
        option("--publish", "Put the report here too, for a web server; default: refresh.publish."),
    ] = None,
    fetch: Annotated[
        bool | None,
        option("--fetch/--no-fetch", "Ask the archive; default: refresh.fetch.", show_default=False),
    ] = None,
    step: Annotated[
        list[str] | None,
        option("--step", "Run this command of cte-lake instead of the usual ones; repeatable."),
    ] = None,
) -> None:
    """Bring a lake up to date unattended: fetch, measure, check, report. For cron and systemd.

    Prints one line of JSON on standard output. Writes a mail to standard error when there is new data, and
    when trouble begins or ends; lasting trouble is mailed again every week (refresh.remind_days). Record and
    log are in the lake's logs/. Exit code 75 if another refresh of the lake is running.

    [bold]Examples[/bold]

      cte-lake refresh --frames /data/cte/frames --publish /var/www/cte

      cte-lake refresh --frames /data/cte/frames --no-fetch

      cte-lake refresh --step compact --step "vacuum --grace 30d --yes" --step verify
    """
    from cte_lake.lake.stored import find_lake
    from cte_lake.workflow.refresh import RefreshArguments, night_of
    from cte_lake.workflow.refresh import refresh as run

    root = find_lake(lake)
    asked = RefreshArguments(root, tuple(step)) if step else night_of(root, frames, publish, fetch)
    done = run(asked)
    typer.echo(json.dumps(done.summary()))
    typer.echo(done.letter.body, err=True, nl=False)
    raise typer.Exit(done.exit_code if done.exit_code >= 0 else ExitCode.DEFECT)
