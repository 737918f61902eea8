"""The command ``report``: the monitor's web page."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from cte_lake.cli.app import RESULTS, app, say
from cte_lake.cli.options import JsonOption, LakeOptions, option


@app.command(rich_help_panel=RESULTS)
def report(
    publish: Annotated[
        Path | None, option("--publish", "Also copy the report here, replacing an older one in one step.")
    ] = None,
    *,
    asked: LakeOptions,
    as_json: JsonOption = False,
) -> None:
    """Make the monitor's web page: static files that need no server and no network.

    The page goes to the lake's reports/TIME, and reports/latest points at it. Prints the address of its first
    page.

    [bold]Examples[/bold]

      cte-lake report

      cte-lake report --publish /var/www/cte
    """
    from cte_lake.report.build import make_report

    with asked.opened() as opened:
        settings = opened.settings()
        made = make_report(opened, settings, asked.mode or settings.config.photometry.mode, publish)
    say(f"report: {made.pages} pages, {made.size / 1e6:.1f} MB in {made.seconds:.1f} s")
    if as_json:
        values: dict[str, Any] = {
            "folder": str(made.folder),
            "published": None if publish is None else str(publish),
        }
        values |= {"pages": made.pages, "size": made.size, "seconds": round(made.seconds, 2)}
        typer.echo(json.dumps(values | {"state": made.state}, indent=2))
        return
    typer.echo(str((made.published or made.folder) / "index.html"))
