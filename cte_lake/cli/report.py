"""The command ``report``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from cte_lake.cli.app import RESULTS, app
from cte_lake.cli.options import JsonOption, LakeOption, ModeOption, SetOption, settings_of


@app.command(rich_help_panel=RESULTS)
def report(
    lake: LakeOption = None,
    publish: Annotated[
        Path | None,
        typer.Option("--publish", help="Also copy the report here, replacing an older one in one step."),
    ] = None,
    mode: ModeOption = None,
    as_json: JsonOption = False,
    assignments: SetOption = None,
) -> None:
    """Make the monitor's web page: static files that need no server and no network.

    The page goes to the lake's reports/TIME, and reports/latest points at it. Prints the address of its first
    page.

    [bold]Examples[/bold]

      cte-lake report

      cte-lake report --publish /var/www/cte
    """
    from cte_lake import open_lake
    from cte_lake.lake.stored import find_lake
    from cte_lake.report.build import make_report

    root = find_lake(lake)
    settings = settings_of(root, assignments)
    with open_lake(root, mode=mode, settings=settings) as opened:
        made = make_report(opened, settings, mode or settings.config.photometry.mode, publish)
    typer.echo(f"report: {made.pages} pages, {made.size / 1e6:.1f} MB in {made.seconds:.1f} s", err=True)
    if as_json:
        values: dict[str, Any] = {
            "folder": str(made.folder),
            "published": None if publish is None else str(publish),
        }
        values |= {"pages": made.pages, "size": made.size, "seconds": round(made.seconds, 2)}
        typer.echo(json.dumps(values | {"state": made.state}, indent=2))
        return
    typer.echo(str((made.published or made.folder) / "index.html"))
